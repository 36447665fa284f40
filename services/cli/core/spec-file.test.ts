// Goal: a wrong file is refused with the place of every mistake; a right one gives the records that it means.
// Method: small files as text.

import { describe, expect, it } from 'vitest';
import { readSpecs } from './spec-file.ts';

const problems = (text: string) => readSpecs([{ file: 'f.yaml', text }]).problems;
const specs = (text: string) => readSpecs([{ file: 'f.yaml', text }]).specs;

describe('a sound file', () => {
  it('gives endpoints before rollouts, whatever their order, with defaults filled in', () => {
    const found = specs('endpoint: digits\ncandidate: 2\nstrategy: canary\n---\nendpoint: digits\npartitions: 8\n');
    expect(found).toMatchObject([
      { kind: 'endpoint', place: 'f.yaml:5:1', value: { endpoint: 'digits', partitions: 8, delivery: 'exactly-once' } },
      { kind: 'rollout', place: 'f.yaml:1:1', value: { candidate: 2, strategy: 'canary', canary: { weightBp: 1000 } } },
    ]);
  });

  it('may name its kind, which is not part of the record', () => {
    const [first] = specs('kind: Rollout\nendpoint: digits\ncandidate: 1\nstrategy: basic\n');
    expect(first).toMatchObject({ kind: 'rollout' });
    expect(first?.value).not.toHaveProperty('kind');
  });

  it('may be JSON', () => {
    expect(specs('{"endpoint": "digits",\n\t"partitions": 2}')).toMatchObject([{ value: { partitions: 2 } }]);
  });

  it('may hold documents of nothing but comments', () => {
    expect(specs('# a\n---\nendpoint: a\n---\n# b\n')).toHaveLength(1);
  });
});

describe('a wrong file', () => {
  it.each([
    ['an unknown key, at the key', 'endpoint: digits\npartition: 3\n', ['f.yaml:2:1: partition: there is no such key']],
    [
      'an unknown key of the options',
      'endpoint: digits\ncandidate: 2\nstrategy: canary\ncanary:\n  weightBp: 10\n  steps: 3\n',
      ['f.yaml:6:3: canary.steps: there is no such key'],
    ],
    [
      'an unknown strategy, naming the known ones',
      'endpoint: digits\ncandidate: 2\nstrategy: rainbow\n',
      ["f.yaml:3:11: strategy: there is no strategy 'rainbow': use one of basic, blue-green, canary, shadow"],
    ],
    [
      'a missing strategy and candidate',
      'kind: rollout\nendpoint: digits\n',
      [
        'f.yaml:1:1: strategy: is missing: use one of basic, blue-green, canary, shadow',
        'f.yaml:1:1: candidate: is missing',
      ],
    ],
    ['an unknown kind', 'kind: model\nendpoint: digits\n', ['f.yaml:1:7: kind: the kind is one of endpoint, rollout']],
    ['a list', '- a\n', ['f.yaml:1:1: document: a document is a map of an endpoint or a rollout']],
    ['nothing', '# nothing\n', ['f.yaml:1:1: the file holds no endpoint and no rollout']],
    ['no text at all', '', ['f.yaml:1:1: the file holds no endpoint and no rollout']],
    ['a key twice', 'endpoint: a\nendpoint: b\n', ['f.yaml:2:1: Map keys must be unique']],
  ])('%s', (_name, text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  it.each([-1, 10_001, 0.5])('a weight of %s, at the value', (weight) => {
    const text = `endpoint: digits\ncandidate: 2\nstrategy: canary\ncanary: { weightBp: ${weight} }\n`;
    expect(problems(text)).toEqual([expect.stringMatching(/^f\.yaml:4:21: canary\.weightBp: /)]);
  });

  it('shows all problems of all files at once, in the order of the text, and no spec', () => {
    const found = readSpecs([
      { file: 'a.yaml', text: 'endpoint: Digits\npartitions: 0\ncolour: red\n' },
      { file: 'b.json', text: '{"endpoint": "x", "candidate": "2", "strategy": "basic"}' },
      { file: 'c.yaml', text: 'endpoint: ok\n' },
    ]);
    expect(found.problems.map((problem) => problem.split(': ').slice(0, 2).join(' '))).toEqual([
      'a.yaml:1:11 endpoint',
      'a.yaml:2:13 partitions',
      'a.yaml:3:1 colour',
      'b.json:1:32 candidate',
    ]);
    expect(found.specs).toEqual([]);
  });

  it('two rollouts of one endpoint', () => {
    const rollout = 'endpoint: digits\ncandidate: 2\nstrategy: basic\n';
    expect(problems(`${rollout}---\n${rollout}`)).toEqual([
      'f.yaml:5:1: endpoint: there is a rollout of digits at f.yaml:1:1 already',
    ]);
  });

  it('aliases that would blow up are refused', () => {
    const bomb = [
      'a: &a [1,1,1,1,1,1,1,1,1]',
      ...'bcdefgh'.split('').map((name, i) => {
        const before = 'abcdefg'[i];
        return `${name}: &${name} [${Array(9).fill(`*${before}`).join()}]`;
      }),
    ].join('\n');
    expect(problems(bomb)).toEqual([expect.stringContaining('alias')]);
  });

  it('a file that tries to write to the terminal is shown escaped', () => {
    expect(problems('endpoint: digits\n"\\e[31m": 1\n').join()).not.toContain('\u001b');
  });
});

describe('a hostile file', () => {
  const repeat = (piece: (at: number) => string, times: number) =>
    Array.from({ length: times }, (_, at) => piece(at)).join('');

  it.each([
    ['long', 'x'.repeat(20_000), 'characters'],
    ['of many keys', repeat((at) => `k${at}:\n`, 1_100), 'lines and commas'],
    ['of brackets', ']'.repeat(3_000), 'brackets and marks'],
    ['of keys within keys', '? '.repeat(100), 'question marks'],
    ['of doubling aliases', repeat((at) => `a${at}: &a${at} [*a${at - 1}, *a${at - 1}]\n`, 100), 'asterisks'],
  ])('%s is refused before it is parsed', (_, text, words) => {
    expect(problems(text)).toHaveLength(1);
    expect(problems(text)[0]).toContain(words);
  });

  it('as large as may be, of unknown keys, is told of each', () => {
    const text = repeat((at) => `k${at}: 1\n`, 1_000);
    expect(problems(text)).toHaveLength(1_001);
  });

  it('with a tag of another schema is a file of texts', () => {
    expect(problems('endpoint: digits\nsignature: !!binary Gk\n').join()).toMatch(/signature/);
    expect(problems('signature:\n  outputs: !!binary Gk\n').length).toBeGreaterThan(0);
  });

  it('with a map for a key says so, and writes no warning of its own', async () => {
    const warnings: unknown[] = [];
    const listen = (warning: unknown) => warnings.push(warning);
    process.on('warning', listen);
    expect(problems('? {a: b}\n: c\n').length).toBeGreaterThan(0);
    // Warnings come a little later.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });
});
