// Damage: the ways to change a sound package on disk, its digests put right or not, for the corpus of hostile packages.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MANIFEST_FILE, type Manifest } from '../../shared/domain/manifest.ts';
import { manifestDigest } from '../../shared/models/manifest.ts';

export type Damage = (folder: string) => void;

/** The manifest changed, its digest fitting. What it says need not have the form of a manifest any more. */
export const manifest =
  (change: (manifest: Manifest) => object): Damage =>
  (folder) => {
    const changed = change(manifestOf(folder)) as Manifest;
    write(folder, MANIFEST_FILE, JSON.stringify({ ...changed, digest: manifestDigest(changed) }));
  };

/** A further file that the manifest lists under a path of its own choice; nothing is written. */
export const listed = (path: string): Damage =>
  manifest((found) => ({ ...found, files: [...found.files, { path, sha256: 'a'.repeat(64), bytes: 1 }] }));

/** The whole text of the manifest. */
export const manifestText =
  (text: string | Uint8Array): Damage =>
  (folder) =>
    write(folder, MANIFEST_FILE, text);

/** A file of other content, its digest and the manifest's fitting. */
export const content =
  (path: string, bytes: string | Uint8Array): Damage =>
  (folder) => {
    write(folder, path, bytes);
    const file = { path, bytes: Buffer.byteLength(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
    manifest((found) => ({ ...found, files: [...found.files.filter((one) => one.path !== path), file] }))(folder);
  };

/** Another model in the place of the package's own: the files that `write` leaves in the folder `model`, and no others. */
export const otherModel =
  (said: Pick<Manifest, 'format' | 'entry' | 'runtimes'>, write: (place: string) => void): Damage =>
  (folder) => {
    const place = join(folder, MODEL_FOLDER);
    rmSync(place, { recursive: true });
    mkdirSync(place);
    write(place);
    manifest((found) => ({ ...found, ...said, files: found.files.filter(({ path }) => !isOfModel(path)) }))(folder);
    for (const path of readdirSync(place, { recursive: true, encoding: 'utf8' })) {
      if (statSync(join(place, path)).isFile())
        content(join(MODEL_FOLDER, path), readFileSync(join(place, path)))(folder);
    }
  };

const MODEL_FOLDER = 'model';
const isOfModel = (path: string) => path.startsWith(`${MODEL_FOLDER}/`);

/** Something else in the place of a file. */
export const instead =
  (path: string, make: (place: string) => void): Damage =>
  (folder) => {
    rmSync(join(folder, path), { recursive: true, force: true });
    make(join(folder, path));
  };

export const also =
  (path: string, make: (place: string) => void): Damage =>
  (folder) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    make(join(folder, path));
  };

export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, MANIFEST_FILE), 'utf8')) as Manifest;
}

/** 64 MiB of zeros in 64 KiB. */
const GZIP_BOMB = gzipSync(Buffer.alloc(64 * 1_048_576));
export const gzipBomb = (): Uint8Array => GZIP_BOMB;

/** The head of a zip archive that says that its one file has 4 GiB. */
export const zipBomb = (): Uint8Array =>
  Buffer.concat([
    Buffer.from('PK\u0003\u0004\u0014\u0000\u0000\u0000\u0008\u0000', 'latin1'),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0]),
    Buffer.from('a'),
    gzipBomb().subarray(10),
  ]);

function write(folder: string, path: string, bytes: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  rmSync(join(folder, path), { force: true });
  writeFileSync(join(folder, path), bytes);
}
