// Jars: Apache Kafka from Maven Central, once per machine.
// Flow: find.ts → `kafkaJars` → jvm-broker.ts. Cached in `<cache>/millrace/kafka-<version>` (MILLRACE_CACHE, else
//       XDG_CACHE_HOME, else ~/.cache), outside the repository.
// Invariant: a folder of that name is complete: Maven fills a folder beside it, which is then renamed.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { assert, errorText } from '../domain/errors.ts';
import type { StartOptions } from './running-broker.ts';
import { KAFKA_VERSION } from './settings.ts';

const run = promisify(execFile);

/** Oldest Java that runs a broker of Kafka 4. */
export const JAVA_MAJOR_MIN = 17;
const TOOL_CHECK_TIMEOUT_MS = 20_000;
const DOWNLOAD_TIMEOUT_MS = 300_000;

type Env = StartOptions['env'];

/** Either the folder of jars, or why there is none. */
export type JarsFound = { readonly folder: string } | { readonly missing: string };

/** A file of the repository that the compiler does not copy to dist/, e.g. `shared/broker/pom.xml`. */
export function repositoryFile(path: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    assert(dirname(folder) !== folder, `${path} is looked for outside the repository`);
    folder = dirname(folder);
  }
  return join(folder, path);
}

/** Folder of the cached jars of this Kafka version, whether there or not. */
export function jarFolder(env: Env): string {
  // A variable that is set to nothing is not set.
  const root = env.MILLRACE_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'millrace');
  return join(root, `kafka-${KAFKA_VERSION}`);
}

/** Major version of the `java` on the path, or null without one. */
export async function javaMajor(): Promise<number | null> {
  try {
    const { stdout, stderr } = await run('java', ['-version'], { timeout: TOOL_CHECK_TIMEOUT_MS });
    const match = /version "(\d+)/.exec(`${stdout}${stderr}`);
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}

/** The jars, from the cache or downloaded now. Never rejects. */
export async function kafkaJars(options: StartOptions): Promise<JarsFound> {
  const folder = jarFolder(options.env);
  if (existsSync(folder)) return { folder };
  try {
    await run('mvn', ['-v'], { timeout: TOOL_CHECK_TIMEOUT_MS });
  } catch {
    return { missing: 'there is no Maven (mvn) to download Kafka with' };
  }
  options.onProgress(`downloading Apache Kafka ${KAFKA_VERSION} (54 MB, once) to ${folder}`);
  try {
    await download(folder);
    return { folder };
  } catch (error) {
    return { missing: `Maven could not download Kafka: ${lastLine(error)}` };
  }
}

async function download(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    const pom = repositoryFile('shared/broker/pom.xml');
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${partial}`];
    await run('mvn', ['-q', '-B', '-f', pom, ...goal], { timeout: DOWNLOAD_TIMEOUT_MS });
    await rename(partial, folder).catch((error: unknown) => {
      // Another process was quicker: its folder is as good.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function lastLine(error: unknown): string {
  const output = typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : '';
  const line = output.split('\n').find((text) => text.includes('ERROR'));
  return (line ?? errorText(error).split('\n')[0] ?? '').slice(0, 300);
}
