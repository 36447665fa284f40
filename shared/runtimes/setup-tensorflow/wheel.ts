// Wheel: TensorFlow's C library and headers out of the pinned `tensorflow-cpu` wheel, kept in a cache of the machine.
// Why the wheel: the library that tfjs-node's own install wants comes from a host that closed networks refuse, while
// package registries are reachable; the wheel carries the same C interface (docs/adr/0004).
// Invariant: the cache folder appears whole (temporary folder, then rename), and only with the expected sha256.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { MillraceError } from '../../domain/errors.ts';
import { run } from './steps.ts';

export const TENSORFLOW_VERSION = '2.21.0';
const WHEEL_SHA256 = '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c';
/** Of the wheel, whatever Python runs here: only its libraries and headers are used. */
const WHEEL_TAGS = ['--python-version', '3.11', '--platform', 'manylinux_2_27_x86_64'];
const DOWNLOAD_TIMEOUT_MS = 20 * 60_000;
const UNPACK_TIMEOUT_MS = 10 * 60_000;
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

const UNPACK_PROGRAM = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wanted = [n for n in wheel.namelist() if n.startswith(('tensorflow/libtensorflow', 'tensorflow/include/'))]
    wheel.extractall(sys.argv[2], wanted)
`;

/** `$MILLRACE_CACHE`, else `$XDG_CACHE_HOME/millrace`, else `~/.cache/millrace`; TensorFlow's folder in it. */
export function cacheFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment.MILLRACE_CACHE || join(environment.XDG_CACHE_HOME || join(homedir(), '.cache'), 'millrace');
  return join(base, `tensorflow-${TENSORFLOW_VERSION}`);
}

/** Whether the cache holds the library. */
export function isUnpacked(cache: string): boolean {
  return [...LIBRARIES, 'include/tensorflow/c/c_api.h'].every((file) => existsSync(join(cache, 'tensorflow', file)));
}

/**
 * Downloads and unpacks the wheel into `cache`.
 * @param tools how Python and pip are called here
 * @throws SETUP_FAILED
 */
export async function unpackWheel(
  cache: string,
  tools: { readonly python: readonly string[]; readonly pip: readonly string[] },
  say: (text: string) => void,
): Promise<void> {
  await mkdir(dirname(cache), { recursive: true });
  const staging = await mkdtemp(`${cache}-`);
  try {
    say(`downloading the tensorflow-cpu ${TENSORFLOW_VERSION} wheel (274 MB) with pip`);
    const pinned = `tensorflow-cpu==${TENSORFLOW_VERSION}`;
    const download = [...tools.pip, 'download', '--no-deps', '--only-binary=:all:', ...WHEEL_TAGS, '--dest', staging];
    run('pip download', [...download, pinned], { timeout: DOWNLOAD_TIMEOUT_MS });
    const wheel = join(staging, (await readdir(staging)).find((name) => name.endsWith('.whl')) ?? '');
    await checkWheel(wheel);
    say('unpacking its libraries and headers (850 MB)');
    const unpacked = join(staging, 'unpacked');
    run('unpacking', [...tools.python, '-c', UNPACK_PROGRAM, wheel, unpacked], { timeout: UNPACK_TIMEOUT_MS });
    await rm(cache, { recursive: true, force: true });
    await rename(unpacked, cache);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function checkWheel(path: string): Promise<void> {
  const hash = createHash('sha256');
  if ((await stat(path)).isFile()) for await (const chunk of createReadStream(path)) hash.update(chunk);
  const sha256 = hash.digest('hex');
  if (sha256 === WHEEL_SHA256) return;
  throw new MillraceError('SETUP_FAILED', { step: 'the wheel', detail: `sha256 ${sha256}, not ${WHEEL_SHA256}` });
}
