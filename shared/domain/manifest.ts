// Manifest: what a model package says of itself (`model.json` in the package folder), checked in shape and meaning.
// Terms: package = `<repository>/<endpoint>/<version>/`, immutable; entry = the file or folder a runtime opens;
//        golden samples = inputs with the outputs that any good runtime must give, in a file of their own.
// Invariant: the digest is the sha256 of `canonicalManifest`, which names every file's sha256. So it names every byte.

import { z } from 'zod';
import { endpointNameSchema } from './endpoint.ts';
import { MillraceError } from './errors.ts';
import { DATATYPE_BYTES, rowElements, type Signature, signatureSchema } from './tensor.ts';

export const MODEL_FORMATS = ['onnx', 'saved-model', 'tfjs-layers', 'tfjs-graph'] as const;
export type ModelFormat = (typeof MODEL_FORMATS)[number];

export const MANIFEST_FILE = 'model.json';
export const MANIFEST_BYTES_MAX = 1024 * 1024;
export const PACKAGE_FILES_MAX = 1_024;
export const PACKAGE_DEPTH_MAX = 8;
export const PACKAGE_FILE_BYTES_MAX = 8 * 1024 ** 3;
/** Largest batch in bytes, in or out: what one frame to a model's process may hold. */
export const BATCH_BYTES_MAX = 64 * 1024 * 1024;
/** Largest golden file, bytes. */
export const GOLDEN_BYTES_MAX = 16 * 1024 * 1024;
export const GOLDEN_SAMPLES_MAX = 256;

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Why `path` may not name a file of a package, or null: relative, normalised, plain ASCII names, inside the folder. */
export function packagePathProblem(path: string): string | null {
  const segments = path.split('/');
  if (segments.length > PACKAGE_DEPTH_MAX) return `is deeper than ${PACKAGE_DEPTH_MAX} folders`;
  if (!segments.every((segment) => SEGMENT.test(segment))) return 'is not a plain relative path';
  return path === MANIFEST_FILE ? 'is the manifest itself' : null;
}

const packagePath = z
  .string()
  .max(1_024)
  .superRefine((path, context) => {
    const problem = packagePathProblem(path);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem, params: { path } });
  });

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

const fileSchema = z.strictObject({
  path: packagePath,
  sha256: sha256Hex,
  bytes: z.int().min(0).max(PACKAGE_FILE_BYTES_MAX),
});
export type PackageFile = Readonly<z.infer<typeof fileSchema>>;

export const manifestSchema = z.strictObject({
  /** Of this file's form. */
  manifest: z.literal(1),
  endpoint: endpointNameSchema,
  version: z.int().min(1),
  format: z.enum(MODEL_FORMATS),
  /** Registry names of the runtimes that may serve it, tried in this order at load. */
  runtimes: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/))
    .min(1)
    .max(8)
    .readonly(),
  /** Relative path of the `.onnx` or TFJS `model.json` file, or of the SavedModel folder. */
  entry: packagePath,
  signature: signatureSchema,
  /** Every file of the package but the manifest. */
  files: z.array(fileSchema).min(1).max(PACKAGE_FILES_MAX).readonly(),
  /** Relative path of the golden samples (goldenSchema), or null: then only NaN and infinity are looked for. */
  golden: packagePath.nullable(),
  /** Batch sizes that are run until stable before READY. */
  warmUpRows: z.array(z.int().min(1)).min(1).max(8).readonly(),
  maxBatchRows: z.int().min(1).max(65_536),
  /** Cap of the model process's own data (heap and native), MiB. */
  memoryMb: z.int().min(64).max(65_536),
  /** One batch, however large, takes at most so long; then the process is killed. */
  deadlineMs: z.int().min(1).max(600_000),
  /** From the start of the process to READY. */
  loadDeadlineMs: z.int().min(100).max(600_000),
  /** Who made it: free words, e.g. an MLflow run. */
  producer: z.string().max(256),
  digest: sha256Hex,
});
export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

const GOLDEN_NUMBERS_MAX = 4 * 1024 * 1024;

/** One check for the whole list: an issue for each of a million wrong items would take seconds. */
const goldenNumbers = z.custom<readonly number[]>(
  (list) => Array.isArray(list) && list.length <= GOLDEN_NUMBERS_MAX && list.every(Number.isFinite),
  { message: `no list of at most ${GOLDEN_NUMBERS_MAX} finite numbers` },
);

/** Tensors in signature order, row-major; all of a sample have the same row count. `|a − b| ≤ atol + rtol·|b|`. */
export const goldenSchema = z.strictObject({
  samples: z
    .array(
      z.strictObject({
        inputs: z.array(goldenNumbers).min(1).max(32).readonly(),
        outputs: z.array(goldenNumbers).min(1).max(32).readonly(),
        atol: z.number().min(0).max(1),
        rtol: z.number().min(0).max(1),
      }),
    )
    .min(1)
    .max(GOLDEN_SAMPLES_MAX)
    .readonly(),
});
export type GoldenSample = Readonly<z.infer<typeof goldenSchema>['samples'][number]>;

/**
 * A manifest that came from outside. `path` is for the error's words.
 * @throws PACKAGE_PATH when a path could leave the folder; PACKAGE_INVALID for everything else.
 */
export function parseManifest(value: unknown, path: string): Manifest {
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = issue?.path.join('.') ?? '';
    const leaves = issue?.code === 'custom' ? issue.params?.path : undefined;
    if (typeof leaves === 'string') throw new MillraceError('PACKAGE_PATH', { path, file: leaves.slice(0, 200) });
    throw new MillraceError('PACKAGE_INVALID', { path, detail: `${place}: ${issue?.message ?? ''}` });
  }
  const problem = manifestProblem(parsed.data);
  if (problem !== null) throw new MillraceError('PACKAGE_INVALID', { path, detail: problem });
  return parsed.data;
}

/** The rule between fields that `manifest` breaks, in words, or null. */
export function manifestProblem(manifest: Manifest): string | null {
  const { signature, maxBatchRows } = manifest;
  const tooLarge = manifest.warmUpRows.find((rows) => rows > maxBatchRows);
  if (tooLarge !== undefined) return `warmUpRows ${tooLarge} is above maxBatchRows ${maxBatchRows}`;
  return signatureProblem(signature, maxBatchRows) ?? filesProblem(manifest);
}

function signatureProblem(signature: Signature, maxBatchRows: number): string | null {
  for (const [side, specs] of Object.entries(signature)) {
    if (new Set(specs.map((spec) => spec.name)).size !== specs.length) return `two ${side} have the same name`;
    const bad = specs.find((spec) => spec.shape[0] !== -1 || spec.shape.slice(1).some((size) => size < 1));
    if (bad !== undefined) return `'${bad.name}' has shape [${bad.shape}]: −1 comes first, all others are ≥ 1`;
    const rowBytes = specs.reduce((sum, spec) => sum + rowElements(spec.shape) * DATATYPE_BYTES[spec.datatype] + 8, 0);
    if (rowBytes * maxBatchRows > BATCH_BYTES_MAX) {
      return `${maxBatchRows} rows of ${side} are above ${BATCH_BYTES_MAX} bytes: lower maxBatchRows`;
    }
  }
  return null;
}

function filesProblem(manifest: Manifest): string | null {
  const folded = new Set<string>();
  for (const { path } of manifest.files) {
    const key = path.toLowerCase();
    if (folded.has(key)) return `file ${path} is listed twice (case aside)`;
    folded.add(key);
  }
  for (const { path } of manifest.files) {
    const segments = path.toLowerCase().split('/');
    for (let depth = 1; depth < segments.length; depth++) {
      if (folded.has(segments.slice(0, depth).join('/'))) return `${path} lies inside a file`;
    }
  }
  const paths = manifest.files.map((file) => file.path);
  const folder = manifest.format === 'saved-model';
  const entry = folder ? `${manifest.entry}/saved_model.pb` : manifest.entry;
  if (!paths.includes(entry)) return `entry ${entry} is not among the files`;
  if (manifest.golden !== null && !paths.includes(manifest.golden)) return 'the golden file is not among the files';
  return null;
}

/** The text whose sha256 is the digest: every field but the digest, keys sorted, files by path. */
export function canonicalManifest(manifest: Manifest): string {
  const { digest: _, ...content } = manifest;
  const files = [...manifest.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return JSON.stringify(sortKeys({ ...content, files }));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
