// Goal: what the writer writes is ONNX that ONNX Runtime reads and computes as the formula says.

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { writeMlp, writeOnnx } from './onnx-writer.ts';

test('a two-layer perceptron computes what its weights say', async () => {
  const model = writeMlp({ input: 'x', output: 'p' }, [
    { inputs: 2, outputs: 2, weights: Float32Array.of(1, -1, 2, 1), bias: Float32Array.of(0.5, 0), activation: 'relu' },
    { inputs: 2, outputs: 2, weights: Float32Array.of(1, 0, 0, 1), bias: Float32Array.of(0, 0), activation: 'softmax' },
  ]);
  const session = await InferenceSession.create(model);
  const answer = await session.run({ x: new Tensor('float32', Float32Array.of(1, 1, 3, 0), [2, 2]) });
  const hidden = [
    [3.5, 0],
    [3.5, 0],
  ];
  const expected = hidden.flatMap(([a = 0, b = 0]) => {
    const sum = Math.exp(a) + Math.exp(b);
    return [Math.exp(a) / sum, Math.exp(b) / sum];
  });
  const got = [...((answer.p?.data ?? []) as Float32Array)];
  expect(got).toHaveLength(4);
  got.forEach((value, index) => {
    expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 6);
  });
  await session.release();
});

test('the same network gives the same bytes', () => {
  const graph = {
    name: 'g',
    inputs: [{ name: 'x', type: 'FP32', shape: ['N', 1] }],
    outputs: [{ name: 'y', type: 'INT64', shape: ['N', 1] }],
    constants: [],
    nodes: [{ op: 'Cast', inputs: ['x'], outputs: ['y'], attributes: { to: 7 } }],
  } as const;
  expect(writeOnnx(graph)).toEqual(writeOnnx(graph));
});

test('a layer that does not fit its weights is refused', () => {
  const layer = {
    inputs: 2,
    outputs: 2,
    weights: new Float32Array(3),
    bias: new Float32Array(2),
    activation: 'none',
  } as const;
  expect(() => writeMlp({ input: 'x', output: 'y' }, [layer])).toThrow('does not fit');
});
