// Pack: a model as its tool exported it → an immutable package in the repository.
// Flow: `millrace model pack` and the demo's training → here → `<root>/<endpoint>/<version>/`.
// Invariant: a package appears whole (temporary folder, then rename) or not at all, and never replaces one.

import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorText, MillraceError } from '../domain/errors.ts';
import {
  GOLDEN_BYTES_MAX,
  type GoldenSample,
  goldenSchema,
  MANIFEST_FILE,
  type Manifest,
  type ModelFormat,
  type PackageFile,
  packagePathProblem,
  parseManifest,
} from '../domain/manifest.ts';
import type { ModelRef } from '../domain/route-plan.ts';
import type { Signature } from '../domain/tensor.ts';
import { manifestDigest } from './manifest.ts';
import { systemCode } from './open.ts';
import { modelRepository } from './repository.ts';
import { hashFile, packageFiles, verifyPackage } from './verify.ts';

const MODEL_FOLDER = 'model';
const GOLDEN_FILE = 'golden.json';
const ATOL_DEFAULT = 1e-5;
const RTOL_DEFAULT = 1e-4;
const LIMITS_DEFAULT = { maxBatchRows: 256, memoryMb: 512, deadlineMs: 2_000, loadDeadlineMs: 60_000 } as const;

/** Tensors in signature order, row-major. Without outputs, they are recorded from the model itself. */
export interface GoldenInput {
  readonly inputs: readonly (readonly number[])[];
  readonly outputs?: readonly (readonly number[])[];
  /** Default 1e-5 and 1e-4: across runtimes and machines, the same model differs by less. */
  readonly atol?: number;
  readonly rtol?: number;
}

/** Runs the samples through a real process of the package that lies in `root`; the outputs, sample by sample. */
export type OutputRecorder = (request: {
  readonly root: string;
  readonly endpoint: string;
  readonly ref: ModelRef;
  readonly signature: Signature;
  readonly samples: readonly (readonly (readonly number[])[])[];
}) => Promise<readonly (readonly (readonly number[])[])[]>;

export interface PackRequest {
  /** A `.onnx` file, a folder with one, a SavedModel folder, or a folder with a TFJS `model.json`. */
  readonly source: string;
  /** Root of the repository. */
  readonly root: string;
  readonly endpoint: string;
  readonly version: number;
  readonly signature: Signature;
  /** Allowed runtimes in order; `runtimesFor(format)` of the registry is what a caller gives by default. */
  readonly runtimes: (format: ModelFormat) => readonly string[];
  readonly golden: readonly GoldenInput[];
  /** Needed when a golden sample has no outputs. */
  readonly record?: OutputRecorder;
  /** Default: 1 and maxBatchRows. */
  readonly warmUpRows?: readonly number[];
  readonly maxBatchRows?: number;
  readonly memoryMb?: number;
  readonly deadlineMs?: number;
  readonly loadDeadlineMs?: number;
  readonly producer?: string;
}

export interface PackedModel {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** @throws PACKAGE_INVALID, PACKAGE_PATH, and what the recorder throws */
export async function packModel(request: PackRequest): Promise<PackedModel> {
  const { root, endpoint, version } = request;
  const target = modelRepository(root).path(endpoint, version);
  if (await exists(target)) refuse(target, 'it exists already, and versions are immutable: take the next number');
  await mkdir(root, { recursive: true });
  const staging = await mkdtemp(join(root, '.pack-'));
  try {
    const folder = modelRepository(staging).path(endpoint, version);
    await mkdir(join(folder, MODEL_FOLDER), { recursive: true });
    const { format, entry } = await copyModel(request.source, folder);
    const bare = await writeManifest(folder, request, { format, entry, golden: null });
    const samples = await recordedSamples(request, staging, bare);
    if (samples.length > 0) {
      await writeGolden(folder, samples);
      await writeManifest(folder, request, { format, entry, golden: GOLDEN_FILE });
    }
    const { manifest } = await verifyPackage(staging, endpoint, version);
    await mkdir(dirname(target), { recursive: true });
    await rename(folder, target);
    return { folder: target, manifest };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What `source` is. @throws PACKAGE_INVALID when it is no model that Millrace knows */
export async function detectFormat(source: string): Promise<{ readonly format: ModelFormat; readonly file: string }> {
  const found = await stat(source).catch(() => refuse(source, 'it does not exist'));
  if (found.isFile() && source.endsWith('.onnx')) return { format: 'onnx', file: basename(source) };
  if (!found.isDirectory()) refuse(source, 'it is neither a .onnx file nor a folder');
  const names = await readdir(source);
  if (names.includes('saved_model.pb')) return { format: 'saved-model', file: '' };
  if (names.includes(MANIFEST_FILE))
    return { format: await tfjsFormat(join(source, MANIFEST_FILE)), file: MANIFEST_FILE };
  const [onnx, ...others] = names.filter((name) => name.endsWith('.onnx'));
  if (onnx === undefined || others.length > 0) refuse(source, 'it holds no model.json, saved_model.pb or single .onnx');
  return { format: 'onnx', file: onnx };
}

async function tfjsFormat(path: string): Promise<ModelFormat> {
  try {
    const { format, modelTopology } = JSON.parse(await readFile(path, 'utf8'));
    return format === 'graph-model' || modelTopology?.node !== undefined ? 'tfjs-graph' : 'tfjs-layers';
  } catch (error) {
    refuse(path, `it is not a TFJS model: ${errorText(error)}`);
  }
}

async function copyModel(
  source: string,
  folder: string,
): Promise<{ readonly format: ModelFormat; readonly entry: string }> {
  const { format, file } = await detectFormat(source);
  const bare = (await stat(source)).isFile();
  const files = bare ? [file] : await packageFiles(source);
  for (const path of files) {
    const problem = packagePathProblem(`${MODEL_FOLDER}/${path}`);
    if (problem !== null) refuse(source, `${path} ${problem}`);
    const target = join(folder, MODEL_FOLDER, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(bare ? source : join(source, path), target);
  }
  return { format, entry: file === '' ? MODEL_FOLDER : `${MODEL_FOLDER}/${file}` };
}

async function writeManifest(
  folder: string,
  request: PackRequest,
  what: { readonly format: ModelFormat; readonly entry: string; readonly golden: string | null },
): Promise<Manifest> {
  const files: PackageFile[] = [];
  for (const path of (await packageFiles(folder)).filter((found) => found !== MANIFEST_FILE).sort()) {
    files.push({ path, ...(await hashFile(folder, path)) });
  }
  const maxBatchRows = request.maxBatchRows ?? LIMITS_DEFAULT.maxBatchRows;
  const content = {
    manifest: 1 as const,
    endpoint: request.endpoint,
    version: request.version,
    format: what.format,
    runtimes: request.runtimes(what.format),
    entry: what.entry,
    signature: request.signature,
    files,
    golden: what.golden,
    warmUpRows: request.warmUpRows ?? [...new Set([1, maxBatchRows])],
    maxBatchRows,
    memoryMb: request.memoryMb ?? LIMITS_DEFAULT.memoryMb,
    deadlineMs: request.deadlineMs ?? LIMITS_DEFAULT.deadlineMs,
    loadDeadlineMs: request.loadDeadlineMs ?? LIMITS_DEFAULT.loadDeadlineMs,
    producer: request.producer ?? '',
    digest: '0'.repeat(64),
  };
  const checked = parseManifest(content, folder);
  const manifest = { ...checked, digest: manifestDigest(checked) };
  await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

async function recordedSamples(
  request: PackRequest,
  staging: string,
  bare: Manifest,
): Promise<readonly GoldenSample[]> {
  const { golden, record, endpoint, version } = request;
  const missing = golden.filter((sample) => sample.outputs === undefined);
  if (missing.length > 0 && record === undefined)
    refuse(staging, 'a golden sample has no outputs and nobody records them');
  const recorded =
    missing.length === 0 || record === undefined
      ? []
      : await record({
          root: staging,
          endpoint,
          ref: { version, digest: bare.digest },
          signature: request.signature,
          samples: missing.map((sample) => sample.inputs),
        });
  return golden.map((sample) => ({
    inputs: sample.inputs,
    outputs: sample.outputs ?? recorded[missing.indexOf(sample)] ?? [],
    atol: sample.atol ?? ATOL_DEFAULT,
    rtol: sample.rtol ?? RTOL_DEFAULT,
  }));
}

async function writeGolden(folder: string, samples: readonly GoldenSample[]): Promise<void> {
  const checked = goldenSchema.safeParse({ samples });
  if (!checked.success) refuse(folder, `golden samples: ${checked.error.issues[0]?.message ?? ''}`);
  const text = `${JSON.stringify(checked.data)}\n`;
  if (text.length > GOLDEN_BYTES_MAX)
    refuse(folder, `golden samples of ${text.length} bytes, more than ${GOLDEN_BYTES_MAX}`);
  await writeFile(join(folder, GOLDEN_FILE), text);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function refuse(path: string, detail: string): never {
  throw new MillraceError('PACKAGE_INVALID', { path, detail });
}
