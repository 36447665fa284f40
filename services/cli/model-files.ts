// ModelFiles: the files that `millrace model` reads: signatures, golden samples, and packages by folder or by name.

import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import { GOLDEN_BYTES_MAX, GOLDEN_SAMPLES_MAX, MANIFEST_FILE } from '../../shared/domain/manifest.ts';
import { type Signature, signatureSchema } from '../../shared/domain/tensor.ts';
import type { GoldenInput } from '../../shared/models/pack.ts';
import { modelRepository } from '../../shared/models/repository.ts';

const numbers = z.array(z.array(z.number()));
const goldenSchema = z.strictObject({
  samples: z
    .array(
      z.strictObject({
        inputs: numbers,
        outputs: numbers.optional(),
        atol: z.number().min(0).max(1).optional(),
        rtol: z.number().min(0).max(1).optional(),
      }),
    )
    .min(1)
    .max(GOLDEN_SAMPLES_MAX),
});

/** Where a package lies. */
export interface PackagePlace {
  readonly folder: string;
  /** Repository that it is in, by its path. */
  readonly root: string;
}

/** @throws USAGE, SPEC_INVALID */
export async function readSignature(file: string): Promise<Signature> {
  return checked(file, signatureSchema.safeParse(await readYaml(file)));
}

/** @throws USAGE, SPEC_INVALID */
export async function readGoldenInputs(file: string): Promise<readonly GoldenInput[]> {
  const { samples } = checked(file, goldenSchema.safeParse(await readYaml(file)));
  return samples.map(({ inputs, outputs, atol, rtol }) => ({
    inputs,
    ...(outputs === undefined ? {} : { outputs }),
    ...(atol === undefined ? {} : { atol }),
    ...(rtol === undefined ? {} : { rtol }),
  }));
}

/** `name` as a folder that holds a manifest, else as `endpoint/version` in `repository`. @throws NOT_FOUND */
export async function packagePlace(name: string, repository: string): Promise<PackagePlace> {
  const asFolder = resolve(name);
  if (await hasManifest(asFolder)) return { folder: asFolder, root: dirname(dirname(asFolder)) };
  const match = /^([^/]+)\/(\d{1,9})$/.exec(name);
  if (match !== null) {
    const folder = modelRepository(repository).path(match[1] ?? '', Number(match[2]));
    if (await hasManifest(folder)) return { folder, root: resolve(repository) };
  }
  throw new MillraceError('NOT_FOUND', {
    detail: `${name} is no folder with a ${MANIFEST_FILE}, and no endpoint/version in ${repository}`,
  });
}

/** Whether the folder is named as a repository names it, so that a model process can open it. */
export function isInRepository(
  place: PackagePlace,
  of: { readonly endpoint: string; readonly version: number },
): boolean {
  return basename(place.folder) === String(of.version) && basename(dirname(place.folder)) === of.endpoint;
}

async function hasManifest(folder: string): Promise<boolean> {
  return stat(join(folder, MANIFEST_FILE)).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function readYaml(file: string): Promise<unknown> {
  try {
    if ((await stat(file)).size > GOLDEN_BYTES_MAX) {
      throw new MillraceError('USAGE', { detail: `${file} is larger than ${GOLDEN_BYTES_MAX} bytes` });
    }
    return parse(await readFile(file, 'utf8'), { maxAliasCount: 64 });
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError('USAGE', { detail: `${file} cannot be read: ${errorText(error)}` }, error);
  }
}

function checked<T>(file: string, parsed: z.ZodSafeParseResult<T>): T {
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues
    .map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`)
    .join('; ');
  throw new MillraceError('SPEC_INVALID', { place: file, detail });
}
