// Goal: the house style holds in every file, and every rule of it can fail.
// Method: the rules (tidy/rules.ts) run over the tree; then each runs over a planted violation, and over its mended twin.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryFile } from '../shared/broker/jars.ts';
import { EXCEPTIONS } from './tidy/exceptions.ts';
import { type BANS, deadFiles, deadLayers, type Finding, findings, RULES, TEXT_RULES } from './tidy/rules.ts';
import { functionsOf, readSources, sourceOf } from './tidy/source.ts';

const ROOT = repositoryFile('.');
const TEXT_ENDINGS = ['.ts', '.mjs', '.js', '.json', '.md', '.yml', '.yaml', '.avsc', '.xml', '.properties', '.html'];

const texts = readSources(ROOT, TEXT_ENDINGS);
const sources = texts.filter(({ path }) => path.endsWith('.ts'));
const mentions = ['package.json', 'vitest.config.ts'].map((name) => readFileSync(join(ROOT, name), 'utf8')).join('\n');
const all = [...findings(RULES, sources), ...findings(TEXT_RULES, texts), ...deadFiles(sources, mentions)];

const excuses = (finding: Finding) =>
  EXCEPTIONS.filter(
    ({ rule, path, words }) => rule === finding.rule && path === finding.path && finding.words.includes(words ?? ''),
  );
const lineOf = ({ rule, path, line, words }: Finding) => `${path}:${line} [${rule}] ${words}`;

describe('the tree', () => {
  test('keeps every rule, but for the exceptions', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(all.filter((finding) => excuses(finding).length === 0).map(lineOf)).toEqual([]);
  });

  test('needs every exception', () => {
    const used = new Set(all.flatMap(excuses));
    expect(EXCEPTIONS.filter((exception) => !used.has(exception))).toEqual([]);
  });

  test('has every folder that the layers name', () => {
    expect(deadLayers(sources)).toEqual([]);
  });
});

interface Planted {
  readonly rule: string;
  readonly path: string;
  readonly bad: string;
  readonly good: string;
}

const planted: readonly Planted[] = [
  ...[
    ['shared/domain/a.ts', '../bus/bus.ts', './b.ts'],
    ['shared/domain/a.ts', '../strategies/basic.ts', './b.ts'],
    ['shared/strategies/a.ts', '../scoring/drain.ts', '../domain/clock.ts'],
    ['services/router/core/a.ts', '../service.ts', '../../../shared/strategies/basic.ts'],
    ['services/router/core/a.ts', '../../scorer/core/b.ts', './b.ts'],
    ['services/router/core/a.ts', 'node:fs', './b.ts'],
    ['services/router/a.ts', '../scorer/service.ts', './core/b.ts'],
    ['services/router/a.ts', '../scorer/core/b.ts', '../../shared/bus/bus.ts'],
    ['services/router/a.ts', '../../shared/broker/find.ts', '../../shared/codec/b.ts'],
    ['shared/codec/a.ts', '../telemetry/logger.ts', 'node:fs'],
    ['shared/telemetry/a.ts', '../process/run.ts', '../domain/clock.ts'],
    ['shared/bus/a.ts', '../../test/support/broker.ts', '../domain/clock.ts'],
    ['services/scorer/a.ts', '../house/house.ts', './service.ts'],
    ['shared/bus/a.ts', './testing/b.ts', './memory/b.ts'],
    ['shared/attic/a.ts', './b.ts', ''],
  ].map(([path = '', bad, good]) => ({
    rule: 'import direction',
    path,
    bad: `// A.\nimport { b } from '${bad}';\n`,
    good: path.includes('attic') ? '' : `// A.\nimport { b } from '${good}';\n`,
  })),
  ...[
    ['shared/bus/memory/a.ts', 'kafkajs', 'zod'],
    ['services/scorer/a.ts', 'onnxruntime-node', 'zod'],
    ['demo/run/a.ts', '@tensorflow/tfjs-core', 'zod'],
    ['shared/bus/kafka/a.ts', 'pino', 'kafkajs'],
    ['shared/domain/a.ts', 'vitest', 'zod'],
    ['shared/domain/a.ts', 'lodash', 'zod'],
  ].map(([path = '', bad, good]) => ({
    rule: 'packages',
    path,
    bad: `// A.\nimport {\n  b,\n} from '${bad}';\n`,
    good: `// A: kafkajs, as in import 'kafkajs'.\nimport { b } from '${good}';\n`,
  })),
  { rule: 'file length', path: 'shared/domain/a.ts', bad: '// A.\n'.repeat(401), good: '// A.\n'.repeat(400) },
  ...Object.entries({
    'Date.now': ['const a = Date.now();', 'const a = clock.nowMs();'],
    'new Date': ['const a = new Date();', 'const a = new Date(nowMs);'],
    'performance.now': ['const a = performance.now();', "const a = 'performance.now()';"],
    'Math.random': ['const a = [1].map(Math.random);', 'const a = Math.round(random());'],
    'process.env': ['const a = `$' + '{process.env.HOME}`;', 'const a = `process.env.HOME`;'],
    'new Error': ["throw new TypeError('a');", "throw new MillraceError('ASSERTION');"],
    console: ["console.log('a');", "const a = 'console.log()'; // console.log"],
    createRequire: ['const require = createRequire(a);', "import a from 'a'; // createRequire"],
    setTimeout: ['setTimeout(a, 1);', 'clearTimeout(a);'],
  } satisfies Record<keyof typeof BANS, readonly string[]>).map(([, [bad = '', good = '']]) => ({
    rule: 'banned calls',
    path: 'services/router/a.ts',
    bad: `// A.\n${bad}\n`,
    good: `// A.\n${good}\n`,
  })),
  ...[
    ['const a: any = 1;', 'const a: unknown = 1; // any'],
    ['const a = b as any;', 'const any = [company, anyOf];'],
    ['const a = new Map<string, any>();', "const a: Map<string, 'any'> = b;"],
    ['const a = b!.c;', 'const a = b !== c;'],
    ['const a = b[0]!;', 'const a = !b[0];'],
    ['call(b!)', 'call(!b)'],
  ].map(([bad, good]) => ({
    rule: 'loose types',
    path: 'shared/bus/a.ts',
    bad: `// A.\n${bad}\n`,
    good: `// A.\n${good}\n`,
  })),
  { rule: 'unfinished', path: 'test/a.ts', bad: `// A. ${'TO'}DO: more\n`, good: '// A. Todos.\n' },
  { rule: 'default exports', path: 'demo/a.ts', bad: '// A.\nexport default a;\n', good: '// A.\nexport { a };\n' },
  { rule: 'header', path: 'shared/domain/a.ts', bad: 'const a = 1;\n', good: '// A.\nconst a = 1;\n' },
  { rule: 'header', path: 'shared/domain/a.ts', bad: '// A.\n'.repeat(17), good: '// A.\n' },
  { rule: 'names', path: 'shared/utils/a.ts', bad: '// A.\n', good: '' },
  { rule: 'names', path: 'shared/bus/topic-helpers.ts', bad: '// A.\n', good: '' },
];

/** Findings of one rule in one text. */
function check(rule: string, path: string, text: string): Finding[] {
  const rules = { ...RULES, ...TEXT_RULES };
  return findings(rules, [sourceOf(path, text)]).filter((finding) => finding.rule === rule);
}

describe('every rule can fail', () => {
  test.each(planted)('$rule in $path: $bad', ({ rule, path, bad, good }) => {
    expect(check(rule, path, bad)).toHaveLength(1);
    if (good !== '') expect(check(rule, path, good)).toEqual([]);
  });

  test('each has a planted violation', () => {
    const byHand = ['function length'];
    expect([...new Set([...planted.map(({ rule }) => rule), ...byHand])].sort()).toEqual(Object.keys(RULES).sort());
  });

  test.each([
    ['function a(): void {', '}'],
    ['  async take(options: A): Promise<B> {', '  }'],
    ['const a = (b: string) => {', '};'],
    ['export function a(\n  b: string,\n  c: string,\n): {\n  readonly d: string;\n} {', '}'],
    ['  #a({ b }: C) {', '  }'],
  ])('function length of %j', (opens, closes) => {
    const indent = ' '.repeat(opens.length - opens.trimStart().length + 2);
    const ofLength = (lines: number) =>
      `// A.\n${opens}\n${`${indent}if (a) {\n${indent}}\n`.repeat((lines - opens.split('\n').length - 1) / 2)}${closes}\n`;
    const [even, odd] = opens.split('\n').length % 2 === 0 ? [71, 69] : [72, 70];
    expect(check('function length', 'shared/bus/a.ts', ofLength(even))).toHaveLength(1);
    expect(check('function length', 'shared/bus/a.ts', ofLength(odd))).toEqual([]);
  });

  test('a loop, a class and a test are no functions', () => {
    const long = '  a();\n'.repeat(80);
    for (const opens of ['for (const a of b) {', 'class A {', 'if (a(b)) {', '} else if (a(b)) {']) {
      expect(functionsOf(sourceOf('a.ts', `${opens}\n${long}}\n`))).toEqual([]);
    }
    expect(check('function length', 'shared/a.test.ts', `// A.\ntest('a', () => {\n${long}});\n`)).toEqual([]);
  });

  test.each([`see /${'home'}/ana/x`, `/${'root'}/.cache`, `https://${'registry'}.npmjs.org/x`])('words: %s', (text) => {
    expect(check('words', 'docs/a.md', text)).toHaveLength(1);
    expect(check('words', 'docs/a.md', 'see ./home, ~/.cache and the npm registry')).toEqual([]);
  });

  test('dead files: one that nobody imports, starts or names', () => {
    const dead = (path: string, other: string, started = '') =>
      deadFiles([sourceOf(path, '// A.\n'), sourceOf('shared/bus/main.ts', other)], started).map((found) => found.path);
    expect(dead('shared/bus/a.ts', '// B.\n')).toEqual(['shared/bus/a.ts']);
    expect(dead('shared/bus/a.ts', "import './a.ts';\n")).toEqual([]);
    expect(dead('shared/bus/a.ts', "new URL('./a.js', here)")).toEqual([]);
    expect(dead('shared/bus/a.ts', 'new URL(`./bus/$' + '{b}.js`, here)')).toEqual([]);
    expect(dead('shared/bus/a.ts', '// B.\n', 'node "dist/shared/bus/a.js"')).toEqual([]);
    expect(dead('shared/bus/a.test.ts', '// B.\n')).toEqual([]);
  });

  test('strings, templates, comments and regular expressions are not code', () => {
    const text = `const a = /[/']"\`/.test(b) ? \`x \${c({ d: \`e\` })} f\` : "g\\"h"; // i\n`;
    const { code } = sourceOf('a.ts', text);
    expect(code).toHaveLength(text.length);
    expect(code.match(/[a-z]+/g)).toEqual(['const', 'a', 'test', 'b', 'c', 'd']);
  });
});
