// Open: the only way package files and folders are touched. No links, no devices, no waiting.
// Invariant: what is opened is a regular file of one name; a symbolic link is refused even when it points inside, and a
//       hard link because whoever holds the other name can change a package after it was verified.

import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { MillraceError } from '../domain/errors.ts';

/** A file of a package, for the words of an error. */
export interface PackageFilePlace {
  readonly folder: string;
  readonly file: string;
}

/** @throws PACKAGE_PATH when `path` is a symbolic link; PACKAGE_INVALID when it is no folder; system errors pass */
export async function requireFolder(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) throw new MillraceError('PACKAGE_PATH', { path, file: '.' });
  if (!found.isDirectory()) throw new MillraceError('PACKAGE_INVALID', { path, detail: 'it is not a folder' });
}

/**
 * Opens a file that must be regular and not a symbolic link; never waits (a named pipe would).
 * @throws PACKAGE_PATH for a link, PACKAGE_INVALID for a hard link, device, pipe, socket or folder; other system errors pass.
 */
export async function openRegular(path: string, where: PackageFilePlace): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ELOOP')
      throw new MillraceError('PACKAGE_PATH', { path: where.folder, file: where.file });
    throw error;
  }
  const found = await handle.stat();
  if (found.isFile() && found.nlink <= 1) return handle;
  await handle.close();
  const problem = found.isFile() ? `has ${found.nlink} names (hard links): copy it` : 'is not a regular file';
  throw new MillraceError('PACKAGE_INVALID', { path: where.folder, detail: `${where.file} ${problem}` });
}

/** `ENOENT` and its like, or empty. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
