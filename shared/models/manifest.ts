// Manifest on disk: read within bounds, hashed, compared with its folder. The form is shared/domain/manifest.ts.
// Invariant: what is returned has the digest that it states, and belongs to the endpoint and version of its folder.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { errorText, MillraceError } from '../domain/errors.ts';
import {
  canonicalManifest,
  GOLDEN_BYTES_MAX,
  type GoldenSample,
  goldenSchema,
  MANIFEST_BYTES_MAX,
  MANIFEST_FILE,
  type Manifest,
  parseManifest,
} from '../domain/manifest.ts';
import { openRegular } from './open.ts';

/** Identity of a package, 64 hex digits: sha256 of the canonical manifest. */
export function manifestDigest(manifest: Manifest): string {
  return createHash('sha256').update(canonicalManifest(manifest)).digest('hex');
}

/**
 * The manifest of a package folder. Files are not looked at; `verifyPackage` does that.
 * @throws PACKAGE_INVALID, PACKAGE_PATH; ENOENT passes through when there is no manifest.
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const manifest = parseManifest(await readJson(folder, MANIFEST_FILE, MANIFEST_BYTES_MAX), folder);
  const digest = manifestDigest(manifest);
  if (digest !== manifest.digest) {
    const detail = `content hashes to ${digest.slice(0, 12)}…, not ${manifest.digest.slice(0, 12)}…`;
    throw new MillraceError('PACKAGE_DIGEST', { path: folder, file: MANIFEST_FILE, detail });
  }
  return manifest;
}

/** The golden samples of a package, or none. @throws PACKAGE_INVALID */
export async function readGolden(folder: string, manifest: Manifest): Promise<readonly GoldenSample[]> {
  if (manifest.golden === null) return [];
  const parsed = goldenSchema.safeParse(await readJson(folder, manifest.golden, GOLDEN_BYTES_MAX));
  if (parsed.success) return parsed.data.samples;
  const issue = parsed.error.issues[0];
  const detail = `${manifest.golden}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  throw new MillraceError('PACKAGE_INVALID', { path: folder, detail });
}

async function readJson(folder: string, file: string, bytesMax: number): Promise<unknown> {
  const text = await readBounded(join(folder, file), { folder, file, bytesMax });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MillraceError('PACKAGE_INVALID', { path: folder, detail: `${file}: ${errorText(error)}` }, error);
  }
}

async function readBounded(
  path: string,
  where: { readonly folder: string; readonly file: string; readonly bytesMax: number },
): Promise<string> {
  const handle = await openRegular(path, where);
  try {
    const { size } = await handle.stat();
    if (size > where.bytesMax) {
      const detail = `${where.file} has ${size} bytes, more than ${where.bytesMax}`;
      throw new MillraceError('PACKAGE_INVALID', { path: where.folder, detail });
    }
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await handle.read(buffer, 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
