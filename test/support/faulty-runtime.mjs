// Faulty runtime: a model that does on demand what real ones do by accident. Tests only; loaded inside the process.
// The first element of a row says what happens: 0 and above is answered with twice the value; the rest see below.
// The model file's text may be `hang` or `crash`: then loading does that; `once <path>`: it loads while there is no file
// at that path, and makes one; `slow <ms>`: every batch takes that long. `spare` is another runtime that loads anything.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';

const BAD = { hang: -1, segfault: -2, exit: -3, hog: -4, throws: -5, wrongShape: -6, print: -7 };

function spin() {
  for (;;) Math.random();
}

function act(value) {
  if (value === BAD.hang) spin();
  if (value === BAD.segfault) process.kill(process.pid, 'SIGSEGV');
  if (value === BAD.segfault) spin();
  if (value === BAD.exit) process.exit(7);
  if (value === BAD.hog) hog();
  if (value === BAD.throws) throw new Error('the faulty model threw');
  if (value === BAD.print) process.stderr.write(`${'x'.repeat(100_000)} last words\n`);
}

function hog() {
  const kept = [];
  for (;;) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
}

function loadOnce(path) {
  if (existsSync(path)) throw new Error('it was loaded already');
  writeFileSync(path, '');
}

function faultyModel(signature, slowMs = 0) {
  const [spec] = signature.outputs;
  return {
    run: async ([input]) => {
      const [rows] = input.shape;
      if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
      for (let row = 0; row < rows; row++) act(input.data[row]);
      const shape = input.data[0] === BAD.wrongShape ? [rows, 1, 1] : [rows, 1];
      return [{ name: spec.name, datatype: 'FP32', shape, data: input.data.map((value) => value * 2) }];
    },
    dispose: async () => undefined,
  };
}

export const runtimes = [
  {
    id: 'faulty',
    formats: ['onnx'],
    open: async () => ({
      label: 'faulty 1',
      load: async (entry, _format, signature) => {
        const text = readFileSync(entry, 'utf8');
        if (text === 'hang') spin();
        if (text === 'crash') process.exit(9);
        if (text === 'environment') process.stderr.write(`${JSON.stringify(process.env)} nice ${getPriority()}`);
        if (text === 'standing')
          process.stderr.write(`${getPriority()}${readFileSync('/proc/self/autogroup', 'utf8')}`);
        if (text.startsWith('once ')) loadOnce(text.slice('once '.length));
        return faultyModel(signature, text.startsWith('slow ') ? Number(text.slice('slow '.length)) : 0);
      },
    }),
  },
  {
    id: 'spare',
    formats: ['onnx'],
    open: async () => ({ label: 'spare 1', load: async (_entry, _format, signature) => faultyModel(signature) }),
  },
  {
    id: 'absent',
    formats: ['onnx'],
    open: async () => {
      throw new Error('this runtime is not installed');
    },
  },
];
