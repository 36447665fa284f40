// tfjs artifacts: a TFJS `model.json` and its weight shards as memory, for `tf.io.fromMemory`.
// Why not the library's own file loader: it follows whatever paths the file names, and pure tfjs has none in Node.
// Invariant: weight files lie in the folder of `model.json` (plain relative names), and sizes are checked before reading.

import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type JsonStructure, structureProblem } from '../domain/json-structure.ts';
import { packagePathProblem } from '../domain/manifest.ts';
import { loadFailed } from './bind.ts';

const MODEL_JSON_BYTES_MAX = 64 * 1024 * 1024;
/** Nested models nest; the rest is bounded by the file's size, and by the time that its process may take to load it. */
const MODEL_JSON: JsonStructure = {
  ...{ depthMax: 64, keysMax: MODEL_JSON_BYTES_MAX, listsMax: MODEL_JSON_BYTES_MAX },
  ...{ textsMax: MODEL_JSON_BYTES_MAX, commasMax: MODEL_JSON_BYTES_MAX },
};
const WEIGHTS_BYTES_MAX = 2 * 1024 ** 3;
const SHARDS_MAX = 1_024;

const modelJsonSchema = z.looseObject({
  format: z.string().optional(),
  modelTopology: z.looseObject({}),
  weightsManifest: z
    .array(
      z.looseObject({
        paths: z.array(z.string()).max(SHARDS_MAX),
        weights: z.array(z.looseObject({ name: z.string() })),
      }),
    )
    .max(SHARDS_MAX),
  signature: z.looseObject({}).optional(),
  modelInitializer: z.looseObject({}).optional(),
  initializerSignature: z.looseObject({}).optional(),
  userDefinedMetadata: z.looseObject({}).optional(),
});

/** Argument of `tf.io.fromMemory`. @throws MODEL_LOAD_FAILED */
export async function readTfjsArtifacts(entry: string): Promise<Readonly<Record<string, unknown>>> {
  const { weightsManifest, ...rest } = parseModelJson(await readWhole(entry, MODEL_JSON_BYTES_MAX));
  const weightData = await readShards(
    dirname(entry),
    weightsManifest.flatMap((group) => group.paths),
  );
  return { ...rest, weightSpecs: weightsManifest.flatMap((group) => group.weights), weightData };
}

/** The bytes of a TFJS `model.json`. @throws MODEL_LOAD_FAILED */
export function parseModelJson(bytes: Buffer): z.infer<typeof modelJsonSchema> {
  const problem = structureProblem(bytes, MODEL_JSON);
  if (problem !== null) throw loadFailed(`model.json is not a TFJS model: ${problem}`);
  try {
    return modelJsonSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw loadFailed('model.json is not a TFJS model', error);
  }
}

async function readShards(folder: string, paths: readonly string[]): Promise<ArrayBuffer> {
  const shards: Buffer[] = [];
  let bytes = 0;
  for (const path of paths) {
    const problem = packagePathProblem(path);
    if (problem !== null) throw loadFailed(`weight file ${path.slice(0, 200)} ${problem}`);
    const shard = await readWhole(join(folder, path), WEIGHTS_BYTES_MAX - bytes);
    bytes += shard.length;
    shards.push(shard);
  }
  const out = new Uint8Array(bytes);
  let at = 0;
  for (const shard of shards) {
    out.set(shard, at);
    at += shard.length;
  }
  return out.buffer;
}

async function readWhole(path: string, bytesMax: number): Promise<Buffer> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw loadFailed(`${path} cannot be opened`, error);
  });
  try {
    const { size } = await handle.stat();
    if (size > bytesMax) throw loadFailed(`${path} has ${size} bytes, more than ${bytesMax}`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
