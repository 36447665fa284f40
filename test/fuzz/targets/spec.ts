// Target: rollouts and endpoints as YAML or JSON files, as `millrace apply` and `millrace dev` read them.

import fc from 'fast-check';
import { readSpecs } from '../../../services/cli/core/spec-file.ts';
import { controlArbitraries } from '../../../shared/codec/testing/control-values.ts';
import type { Target } from '../target.ts';
import { JSON_BOMBS } from './json-pieces.ts';
import { plainRepeated, withoutChoice } from './plain.ts';

const SEEDS = [
  'endpoint: digits\ncandidate: 2\nstrategy: canary\ncanary:\n  weightBp: 1000\nactor: me\nreason: "why"\n',
  'kind: Rollout\nendpoint: digits\ncandidate: 1\nstrategy: basic\n---\n# none\nendpoint: digits\npartitions: 8\n',
  'endpoint: &e digits\nstrategy: blue-green\ncandidate: 3\nblueGreen: {promotion: auto}\nreason: *e\n',
  'endpoint: digits\nsignature:\n  inputs:\n    - {name: x, datatype: FP32, shape: [-1, 64]}\n  outputs:\n    - name: p\n      datatype: FP32\n      shape: [-1, 10]\n',
  'a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nendpoint: *c\n',
  'endpoint: |\n  digits\nreason: >-\n  folded\n  text\n? complex\n: value\n',
  '<<: &m {endpoint: digits}\ncandidate: 0x10\nstrategy: !!str basic\n',
  '%YAML 1.2\n---\nendpoint: !!binary aGk=\n...\n',
];

export const specTarget: Target = {
  name: 'spec-yaml',
  seeds: () => {
    const endpoints = fc.sample(controlArbitraries.endpoint, { seed: 3, numRuns: 4 });
    return [...SEEDS, ...endpoints.map((value) => JSON.stringify(value))].map((text) => Buffer.from(text));
  },
  tokens: [
    ...[
      '- ',
      ': ',
      '\n',
      '\n  ',
      '? ',
      '&a ',
      '*a',
      '<<: ',
      '!!',
      '!!map ',
      '!!omap ',
      '!!set ',
      '!!timestamp ',
      '|',
      '>',
      '|9',
    ],
    ...[
      '"',
      "'",
      '[',
      ']',
      '{',
      '}',
      '{a: ',
      '[[[[',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '%TAG ! x\n',
      '#',
      '\t',
      '\r\n',
      '\ufeff',
    ],
    ...[
      '__proto__: ',
      'constructor: ',
      'toString: x\n',
      '[*a, *a]',
      '~',
      '.inf',
      '.nan',
      '0o7',
      '1_000',
      'endpoint: ',
      'strategy: ',
    ],
  ],
  bombs: [
    ...withoutChoice(JSON_BOMBS(0)),
    plainRepeated('', (at) => `k${at.toString(36)}:\n`),
    plainRepeated('', () => '- '),
    plainRepeated('', () => '? '),
    plainRepeated('', () => '---\n'),
    plainRepeated('', () => '&a '),
    plainRepeated('a: &a 1\nb: [', () => '*a,', ']'),
    plainRepeated('', (at) => `a${at}: &a${at} [*a${Math.max(0, at - 1)}, *a${Math.max(0, at - 1)}]\n`),
    plainRepeated('', () => '\n'),
    plainRepeated('', () => '#\n'),
    plainRepeated('"', () => '\\x'),
    plainRepeated('a: |\n', () => ' x\n'),
    plainRepeated('a: ', () => 'b c'),
    plainRepeated('', () => '!'),
    plainRepeated('', () => '%A\n'),
    plainRepeated('', (at) => `${' '.repeat(Math.min(at, 200))}a:\n`),
    plainRepeated('', () => '{a: b, '),
    plainRepeated('', () => ']'),
    plainRepeated('', () => '\t'),
  ],
  decode: (bytes) => void readSpecs([{ file: 'f.yaml', text: bytes.toString('utf8') }]),
};
