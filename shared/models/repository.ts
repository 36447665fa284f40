// Repository: where model packages lie, `<root>/<endpoint>/<version>/`.
// Flow: controller and CLI ask which versions there are and what they say; a model's process verifies and loads one.
// Invariant: endpoint and version are checked before they become a path, and neither folder may be a symbolic link.

import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { endpointNameSchema } from '../domain/endpoint.ts';
import { MillraceError } from '../domain/errors.ts';
import type { Manifest } from '../domain/manifest.ts';
import { readManifest } from './manifest.ts';
import { requireFolder, systemCode } from './open.ts';

const VERSION_NAME = /^[1-9][0-9]{0,8}$/;
/** More folders than this in an endpoint are not looked at. */
const VERSIONS_MAX = 10_000;

export interface ModelRepository {
  /** Versions that have a folder, ascending; empty when the endpoint has none. */
  versions(endpoint: string): Promise<readonly number[]>;
  /**
   * Manifest of a version; its files are not read.
   * @throws PACKAGE_MISSING, PACKAGE_INVALID, PACKAGE_PATH, PACKAGE_DIGEST (the manifest's own)
   */
  manifest(endpoint: string, version: number): Promise<Manifest>;
  /** Folder of a version, absolute; it need not exist. @throws PACKAGE_PATH for a name that is no name */
  path(endpoint: string, version: number): string;
}

/** The repository in the folder `root`; the root itself may be a link. */
export function modelRepository(root: string): ModelRepository {
  const base = resolve(root);

  function path(endpoint: string, version: number): string {
    if (!endpointNameSchema.safeParse(endpoint).success || !VERSION_NAME.test(String(version))) {
      throw new MillraceError('PACKAGE_PATH', { path: base, file: `${endpoint}/${version}`.slice(0, 200) });
    }
    return join(base, endpoint, String(version));
  }

  async function versions(endpoint: string): Promise<readonly number[]> {
    const folder = join(path(endpoint, 1), '..');
    try {
      await requireFolder(folder);
      const names = (await readdir(folder)).slice(0, VERSIONS_MAX);
      return names
        .filter((name) => VERSION_NAME.test(name))
        .map(Number)
        .sort((a, b) => a - b);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async function manifest(endpoint: string, version: number): Promise<Manifest> {
    const folder = path(endpoint, version);
    const found = await read(endpoint, version, folder);
    if (found.endpoint !== endpoint || found.version !== version) {
      const detail = `the manifest is of ${found.endpoint} ${found.version}`;
      throw new MillraceError('PACKAGE_INVALID', { path: folder, detail });
    }
    return found;
  }

  async function read(endpoint: string, version: number, folder: string): Promise<Manifest> {
    try {
      await requireFolder(join(folder, '..'));
      await requireFolder(folder);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw new MillraceError('PACKAGE_MISSING', { endpoint, version }, error);
      throw error;
    }
    try {
      return await readManifest(folder);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      throw new MillraceError('PACKAGE_INVALID', { path: folder, detail: 'there is no model.json' }, error);
    }
  }

  return { versions, manifest, path };
}
