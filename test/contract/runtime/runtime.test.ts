// Goal: every runtime of the registry computes the same for every format that it takes, refuses what does not fit, and
// leaks no tensors (tfjs counts them). Method: one tiny model in each format, written by hand; the suite runs over the registry.
// A runtime that is not installed here is skipped with the reason; under CI the two native ones must be there.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeOnnx } from '../../../demo/train/onnx-writer.ts';
import { isCi } from '../../../shared/config/ci.ts';
import { errorText, type MillraceError } from '../../../shared/domain/errors.ts';
import type { ModelFormat } from '../../../shared/domain/manifest.ts';
import type { Signature } from '../../../shared/domain/tensor.ts';
import { goldenDifference } from '../../../shared/runtimes/golden-check.ts';
import { findRuntime, RUNTIMES, runtimesFor } from '../../../shared/runtimes/registry.ts';
import type { LoadedModel, OpenRuntime } from '../../../shared/runtimes/runtime.ts';
import { refuseFileAccess } from '../../../shared/runtimes/saved-model-access.ts';
import { requireTf } from '../../../shared/runtimes/tfjs-library.ts';
import {
  TINY_GOLDEN,
  TINY_SIGNATURE,
  temporaryFolder,
  writeTinyGraph,
  writeTinyLayers,
  writeTinyOnnx,
  writeTinySavedModel,
} from '../../support/tiny-models.ts';

const REQUIRED_IN_CI = ['onnxruntime-node', 'tfjs-node'];
const folder = temporaryFolder();
const ENTRIES: Partial<Record<ModelFormat, string>> = {
  onnx: writeTinyOnnx(folder),
  'saved-model': writeTinySavedModel(folder),
  'tfjs-layers': join(writeTinyLayers(folder), 'model.json'),
  'tfjs-graph': join(writeTinyGraph(folder), 'model.json'),
};
const tolerance = { atol: 1e-5, rtol: 1e-4 };

function twoRows() {
  return [{ name: 'x', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 1, 0, 0) }] as const;
}

/** Tensors that tfjs holds now; 0 for a runtime that has none to count. */
function liveTensors(id: string): number {
  return id.startsWith('tfjs-') ? requireTf(id).memory().numTensors : 0;
}

for (const runtime of RUNTIMES) {
  const opened: OpenRuntime | MillraceError = await runtime.open().catch((error: MillraceError) => error);
  const missing = opened instanceof Error;

  describe(`runtime ${runtime.id}`, () => {
    test('can be loaded here, or says what to install', (context) => {
      if (!missing) return expect(opened.label).toMatch(new RegExp(`^${runtime.id} \\d`));
      expect(opened.code).toBe('RUNTIME_UNAVAILABLE');
      expect(opened.message).toMatch(/npm (install|run)/);
      const required = isCi(process.env) && REQUIRED_IN_CI.includes(runtime.id);
      expect(required, errorText(opened)).toBe(false);
      return context.skip(errorText(opened));
    });

    for (const format of runtime.formats) {
      const entry = ENTRIES[format];
      if (entry === undefined) continue;
      const open = async (signature: Signature) => {
        if (missing) throw opened;
        await runtime.open();
        return opened.load(entry, format, signature);
      };

      test.skipIf(missing)(`computes a ${format} model, the same at every call`, async () => {
        const before = liveTensors(runtime.id);
        const model = await open(TINY_SIGNATURE);
        const loaded = liveTensors(runtime.id);
        for (let call = 0; call < 3; call++) {
          const [output] = await model.run(twoRows());
          expect(output).toMatchObject({ name: 'p', datatype: 'FP32', shape: [2, 2] });
          if (output !== undefined)
            expect(goldenDifference(output, TINY_GOLDEN.outputs[0] ?? [], tolerance)).toBeNull();
        }
        expect(liveTensors(runtime.id)).toBe(loaded);
        await model.dispose();
        expect(liveTensors(runtime.id)).toBe(before);
      });

      test.skipIf(missing).each([
        ['another width', { ...TINY_SIGNATURE, inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }] }],
        ['another rank', { ...TINY_SIGNATURE, inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2, 1] }] }],
        [
          'an input that the file lacks',
          { ...TINY_SIGNATURE, inputs: [...TINY_SIGNATURE.inputs, { name: 'y', datatype: 'FP32', shape: [-1, 1] }] },
        ],
        [
          'a type that the file has not',
          { ...TINY_SIGNATURE, inputs: [{ name: 'x', datatype: 'INT64', shape: [-1, 2] }] },
        ],
      ] as const)(`refuses a ${format} model with %s in the signature`, async (_, signature) => {
        await expect(open(signature)).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
      });

      test.skipIf(missing)(`refuses a broken ${format} file`, async () => {
        const broken = join(temporaryFolder(), 'model.json');
        writeFileSync(broken, 'not a model');
        const loading = missing ? Promise.reject(opened) : opened.load(broken, format, TINY_SIGNATURE);
        await expect(loading).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
      });
    }
  });
}

test('a format names its runtimes in order of preference, and an unknown one is refused', () => {
  expect(runtimesFor('onnx')).toEqual(['onnxruntime-node']);
  expect(runtimesFor('tfjs-layers')).toEqual(['tfjs-node', 'tfjs-wasm', 'tfjs-cpu']);
  expect(() => findRuntime('tfjs-cpu', 'onnx')).toThrow('there is no runtime tfjs-cpu for format onnx');
});

test('weights outside the folder of model.json are refused', async () => {
  const outside = join(writeTinyLayers(temporaryFolder(), '../group1-shard1of1.bin'), 'model.json');
  const cpu = await findRuntime('tfjs-cpu', 'tfjs-layers').open();
  await expect(cpu.load(outside, 'tfjs-layers', TINY_SIGNATURE)).rejects.toThrow('not a plain relative path');
});

describe('a model file that reaches for files outside its folder is refused', () => {
  const weights = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);

  test.each(['../weights.bin', 'inside/../../weights.bin', '/etc/hostname', 'link.bin'])(
    'ONNX external data at %s',
    async (external) => {
      const outer = temporaryFolder();
      const inner = join(outer, 'model');
      mkdirSync(join(inner, 'inside'), { recursive: true });
      writeFileSync(join(outer, 'weights.bin'), weights);
      symlinkSync(join(outer, 'weights.bin'), join(inner, 'link.bin'));
      const loading = loadExternal(inner, external);
      await expect(loading).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
    },
  );

  test('while ONNX external data beside the model is loaded', async () => {
    const inner = temporaryFolder();
    writeFileSync(join(inner, 'weights.bin'), weights);
    const model = await loadExternal(inner, 'weights.bin');
    const [output] = await model.run(twoRows());
    expect([...((output?.data ?? []) as Float32Array)]).toEqual([4, 6, 0, 0]);
    await model.dispose();
  });

  test.each(['ReadFile', 'WriteFile', 'EagerPyFunc'])('a SavedModel with the operator %s', async (op) => {
    const folder = writeTinySavedModel(temporaryFolder(), [{ name: 'reader', op }]);
    await expect(refuseFileAccess(folder)).rejects.toThrow(`uses ${op}`);
  });

  test('a SavedModel is read to its end, also where an operator lies across two chunks', async () => {
    const folder = temporaryFolder();
    for (const before of [1024 * 1024 - 5, 2 * 1024 * 1024 - 1]) {
      writeFileSync(
        join(folder, 'saved_model.pb'),
        Buffer.concat([Buffer.alloc(before), Buffer.from('\x12\x08ReadFile')]),
      );
      await expect(refuseFileAccess(folder)).rejects.toThrow('uses ReadFile');
    }
    await expect(refuseFileAccess(writeTinySavedModel(temporaryFolder()))).resolves.toBeUndefined();
  });

  async function loadExternal(folder: string, external: string): Promise<LoadedModel> {
    const entry = join(folder, 'tiny.onnx');
    const graph = {
      name: 'external',
      inputs: [{ name: 'x', type: 'FP32', shape: ['N', 2] }],
      outputs: [{ name: 'p', type: 'FP32', shape: ['N', 2] }],
      constants: [{ name: 'w', shape: [2, 2], data: new Float32Array(0), external }],
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['p'] }],
    } as const;
    writeFileSync(entry, writeOnnx(graph));
    const ort = await findRuntime('onnxruntime-node', 'onnx').open();
    return ort.load(entry, 'onnx', TINY_SIGNATURE);
  }
});
