// Manifest on disk: read within bounds, hashed, compared with its folder. The form is shared/domain/manifest.ts.
// Invariant: what is returned has the digest that it states, and belongs to the endpoint and version of its folder.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { errorText, MillraceError } from '../domain/errors.ts';
import { type JsonStructure, structureProblem } from '../domain/json-structure.ts';
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
import type { Bytes } from '../domain/record.ts';
import { openRegular, type PackageFilePlace } from './open.ts';

/** Structure of the largest sound manifest: 1024 files of three keys, 64 tensors of eight dimensions. */
const MANIFEST_JSON: JsonStructure = {
  depthMax: 8,
  keysMax: 8_192,
  listsMax: 4_096,
  textsMax: 16_384,
  commasMax: 16_384,
};
/** 256 samples of 32 tensors on either side; their numbers are bounded by the file's size. */
const GOLDEN_JSON: JsonStructure = {
  depthMax: 8,
  keysMax: 2_048,
  listsMax: 32_768,
  textsMax: 2_048,
  commasMax: GOLDEN_BYTES_MAX,
};

/** Identity of a package, 64 hex digits: sha256 of the canonical manifest. */
export function manifestDigest(manifest: Manifest): string {
  return createHash('sha256').update(canonicalManifest(manifest)).digest('hex');
}

/** The bytes of `model.json`. @throws PACKAGE_INVALID, PACKAGE_PATH, PACKAGE_DIGEST */
export function decodeManifest(bytes: Bytes, folder: string): Manifest {
  const manifest = parseManifest(parseJson(bytes, { folder, file: MANIFEST_FILE }, MANIFEST_JSON), folder);
  const digest = manifestDigest(manifest);
  if (digest !== manifest.digest) {
    const detail = `content hashes to ${digest.slice(0, 12)}…, not ${manifest.digest.slice(0, 12)}…`;
    throw new MillraceError('PACKAGE_DIGEST', { path: folder, file: MANIFEST_FILE, detail });
  }
  return manifest;
}

/** The bytes of a golden file. @throws PACKAGE_INVALID */
export function decodeGolden(bytes: Bytes, where: PackageFilePlace): readonly GoldenSample[] {
  const parsed = goldenSchema.safeParse(parseJson(bytes, where, GOLDEN_JSON));
  if (parsed.success) return parsed.data.samples;
  const issue = parsed.error.issues[0];
  const detail = `${where.file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  throw new MillraceError('PACKAGE_INVALID', { path: where.folder, detail });
}

/**
 * The manifest of a package folder. Files are not looked at; `verifyPackage` does that.
 * @throws PACKAGE_INVALID, PACKAGE_PATH; ENOENT passes through when there is no manifest.
 */
export async function readManifest(folder: string): Promise<Manifest> {
  return decodeManifest(await readBounded({ folder, file: MANIFEST_FILE }, MANIFEST_BYTES_MAX), folder);
}

/** The golden samples of a package, or none. @throws PACKAGE_INVALID */
export async function readGolden(folder: string, manifest: Manifest): Promise<readonly GoldenSample[]> {
  if (manifest.golden === null) return [];
  const where = { folder, file: manifest.golden };
  return decodeGolden(await readBounded(where, GOLDEN_BYTES_MAX), where);
}

function parseJson(bytes: Bytes, { folder, file }: PackageFilePlace, limits: JsonStructure): unknown {
  const problem = structureProblem(bytes, limits);
  if (problem !== null) throw new MillraceError('PACKAGE_INVALID', { path: folder, detail: `${file}: ${problem}` });
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (error) {
    throw new MillraceError('PACKAGE_INVALID', { path: folder, detail: `${file}: ${errorText(error)}` }, error);
  }
}

async function readBounded(where: PackageFilePlace, bytesMax: number): Promise<Bytes> {
  const handle = await openRegular(join(where.folder, where.file), where);
  try {
    const { size } = await handle.stat();
    if (size > bytesMax) {
      const detail = `${where.file} has ${size} bytes, more than ${bytesMax}`;
      throw new MillraceError('PACKAGE_INVALID', { path: where.folder, detail });
    }
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await handle.read(buffer, 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
