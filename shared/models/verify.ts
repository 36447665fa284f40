// Verify: is a package folder exactly what its manifest says?
// Flow: model process, before load → here → READY only if it passes; also `millrace model verify`.
// Invariant: nothing outside the folder is opened, no symbolic link is followed, sizes are compared before hashing,
// and a file that the manifest does not list refuses the whole package.

import { createHash } from 'node:crypto';
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../domain/errors.ts';
import {
  MANIFEST_FILE,
  type Manifest,
  PACKAGE_DEPTH_MAX,
  PACKAGE_FILES_MAX,
  type PackageFile,
} from '../domain/manifest.ts';
import { readManifest } from './manifest.ts';
import { openRegular, systemCode } from './open.ts';
import { modelRepository } from './repository.ts';

const READ_CHUNK_BYTES = 1024 * 1024;

export interface VerifiedPackage {
  /** Absolute path with no link in it. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * Reads and hashes the whole package of `version`.
 * @throws PACKAGE_MISSING, PACKAGE_INVALID, PACKAGE_PATH, PACKAGE_DIGEST
 */
export async function verifyPackage(root: string, endpoint: string, version: number): Promise<VerifiedPackage> {
  const repository = modelRepository(root);
  const manifest = await repository.manifest(endpoint, version);
  const folder = await realpath(repository.path(endpoint, version));
  await refuseUnlisted(folder, manifest);
  for (const file of manifest.files) await verifyFile(folder, file);
  return { folder, manifest };
}

/** Same for a folder that is not in a repository (the endpoint and version are the manifest's own). */
export async function verifyFolder(path: string): Promise<VerifiedPackage> {
  const folder = await realpath(path);
  const manifest = await readManifest(folder);
  await refuseUnlisted(folder, manifest);
  for (const file of manifest.files) await verifyFile(folder, file);
  return { folder, manifest };
}

async function refuseUnlisted(folder: string, manifest: Manifest): Promise<void> {
  const listed = new Set([MANIFEST_FILE, ...manifest.files.map((file) => file.path)]);
  for (const path of await packageFiles(folder)) {
    if (!listed.has(path)) {
      throw new MillraceError('PACKAGE_INVALID', { path: folder, detail: `${path} is not in the manifest` });
    }
  }
}

/**
 * Relative paths of all regular files below `folder`.
 * @throws PACKAGE_PATH for a symbolic link; PACKAGE_INVALID for anything else that is neither file nor folder,
 *         too many entries, or folders too deep
 */
export async function packageFiles(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const folders: string[] = [''];
  let entries = 0;
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await readdir(join(folder, next), { withFileTypes: true })) {
      const path = next === '' ? entry.name : `${next}/${entry.name}`;
      entries += 1;
      if (entries > 2 * PACKAGE_FILES_MAX) refuse(folder, `more than ${2 * PACKAGE_FILES_MAX} files and folders`);
      if (path.split('/').length > PACKAGE_DEPTH_MAX) refuse(folder, `${path} is deeper than ${PACKAGE_DEPTH_MAX}`);
      if (entry.isSymbolicLink()) throw new MillraceError('PACKAGE_PATH', { path: folder, file: path });
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) found.push(path);
      else refuse(folder, `${path} is neither a file nor a folder`);
    }
  }
  return found;
}

function refuse(path: string, detail: string): never {
  throw new MillraceError('PACKAGE_INVALID', { path, detail });
}

async function verifyFile(folder: string, file: PackageFile): Promise<void> {
  const differs = (detail: string) => new MillraceError('PACKAGE_DIGEST', { path: folder, file: file.path, detail });
  const found = await hashFile(folder, file.path, file.bytes).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') throw differs('it is missing');
    throw error;
  });
  if (found.bytes !== file.bytes) throw differs(`${found.bytes} bytes, not ${file.bytes}`);
  if (found.sha256 !== file.sha256)
    throw differs(`sha256 ${found.sha256.slice(0, 12)}…, not ${file.sha256.slice(0, 12)}…`);
}

/**
 * Size and sha256 of a package's file; one MiB in memory. With `expectedBytes`, another size is not hashed at all.
 * @throws PACKAGE_PATH, PACKAGE_INVALID when it is a link or no regular file; system errors pass
 */
export async function hashFile(
  folder: string,
  file: string,
  expectedBytes?: number,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const handle = await openRegular(join(folder, file), { folder, file });
  try {
    const { size } = await handle.stat();
    if (expectedBytes !== undefined && size !== expectedBytes) return { bytes: size, sha256: '' };
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(Math.min(READ_CHUNK_BYTES, size + 1));
    let bytes = 0;
    while (bytes <= size) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, bytes);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}
