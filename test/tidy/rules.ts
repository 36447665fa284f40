// Rules: the house style as functions from files to findings. test/tidy.test.ts runs them and plants a violation for each.
// Scope: product code is everything but tests and test/; rules about calls hold there. The others hold everywhere.

import { inFolder, LAYERS, layerOf, PACKAGES, TEST_PACKAGES } from './rings.ts';
import { functionsOf, importsOf, linesOf, type Source } from './source.ts';

export interface Finding {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  /** What is wrong and what to do instead. */
  readonly words: string;
}

/** A rule over one file at a time. */
type Check = (source: Source) => readonly { readonly line: number; readonly words: string }[];

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
const HEADER_LINES_MAX = 16;

/** Tests, what only they use (`testing/` beside the code), and the runner's configuration. */
const isTest = (path: string) => /\.test\.ts$|^test\/|\/testing\/|^vitest\.config\.ts$/.test(path);
const isMain = (path: string) => /(?:^|[/-])main\.ts$/.test(path);
const isProduct = (path: string) => /^(?:shared|services|demo)\//.test(path) && !isTest(path);

interface Ban {
  readonly call: RegExp;
  readonly instead: string;
  /** Where it may stand all the same. */
  readonly allowed?: (path: string) => boolean;
}

const within =
  (...folders: readonly string[]) =>
  (path: string) =>
    folders.some((folder) => path === folder || inFolder(path, folder));

/** Calls that product code does not make, each with its replacement. */
export const BANS: Readonly<Record<string, Ban>> = {
  'Date.now': { call: /\bDate\.now\b/, instead: 'clock.nowMs()', allowed: within('shared/process/clock.ts') },
  'new Date': { call: /\bnew Date\(\)/, instead: 'clock.nowMs()' },
  'performance.now': {
    call: /\bperformance\.now\b/,
    instead: 'clock.monotonicUs()',
    allowed: (path) => isMain(path) || within('shared/process/clock.ts')(path),
  },
  'Math.random': { call: /\bMath\.random\b/, instead: 'a seeded `random` argument' },
  'process.env': { call: /\bprocess\.env\b/, instead: 'a row of the config table', allowed: isMain },
  'new Error': { call: /\bnew (?:Type|Range)?Error\(/, instead: 'MillraceError and its catalogue' },
  console: { call: /\bconsole\./, instead: 'shared/telemetry', allowed: within('services/cli') },
  // What `require` loads, the import rules do not see.
  createRequire: {
    call: /\bcreateRequire\b/,
    instead: 'an import',
    allowed: within('shared/bus/kafka', 'shared/runtimes'),
  },
  setTimeout: {
    call: /\bset(?:Timeout|Interval)\(/,
    instead: 'Clock.sleep',
    allowed: within('shared/process/clock.ts', 'shared/bus/kafka', 'shared/runtimes'),
  },
};

const WORDS: readonly { readonly pattern: RegExp; readonly words: string }[] = [
  { pattern: /\/(?:root|home|work|Users)\/[\w.]/, words: 'a path of one machine: use a relative one' },
  {
    pattern: /registry\.npmjs|repo1?\.maven|maven\.org\/maven2|\bpypi\.org|pythonhoste[d]/,
    words: 'a registry host: name the registry’s client',
  },
];

const importDirection: Check = (source) => {
  if (isTest(source.path) || !/^(?:shared|services|demo)\//.test(source.path)) return [];
  const layer = layerOf(source.path);
  if (layer === null) return [{ line: 1, words: 'this folder has no row in test/tidy/rings.ts' }];
  return importsOf(source).flatMap(({ line, specifier, target }) => {
    if (target === null) {
      return layer.pure && specifier.startsWith('node:')
        ? [{ line, words: `the pure ring imports ${specifier}: take it as an argument` }]
        : [];
    }
    if (isTest(target)) return [{ line, words: `product code imports ${target}, which is for tests` }];
    const other = layerOf(target);
    if (other === layer && sameFolder(source.path, target, layer.folder)) return [];
    if (layer.mayImport.some((folder) => inFolder(target, folder))) return [];
    if (inFolder(target, `${source.path.split('/').slice(0, 2).join('/')}/core`) && !layer.pure) return [];
    return [{ line, words: `${layer.folder} may not import ${target}` }];
  });
};

/** `services/*` is one row for many folders, none of which may import another. */
function sameFolder(path: string, target: string, pattern: string): boolean {
  const depth = pattern.split('/').length;
  return path.split('/').slice(0, depth).join('/') === target.split('/').slice(0, depth).join('/');
}

const packages: Check = (source) =>
  importsOf(source).flatMap(({ line, specifier, target }) => {
    if (target !== null || specifier.startsWith('node:')) return [];
    const name = specifier.split('/')[0] ?? '';
    if (isTest(source.path) && TEST_PACKAGES.includes(name)) return [];
    const folders = PACKAGES[name];
    if (folders === undefined) {
      const owner = TEST_PACKAGES.includes(name) ? 'tests only' : 'nowhere: give it a row in test/tidy/rings.ts';
      return [{ line, words: `${name} may be imported in ${owner}` }];
    }
    // A test may look at what its neighbour uses.
    if (folders.some((folder) => inFolder(source.path, folder))) return [];
    return [{ line, words: `${name} may be imported in ${folders.join(', ')} only` }];
  });

const fileLength: Check = ({ text }) => {
  const lines = text.trimEnd().split('\n').length;
  return lines > FILE_LINES_MAX
    ? [{ line: lines, words: `${lines} lines, ${FILE_LINES_MAX} are allowed: split it` }]
    : [];
};

const functionLength: Check = (source) =>
  isTest(source.path)
    ? []
    : functionsOf(source)
        .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
        .map(({ line, lines }) => ({ line, words: `a function of ${lines} lines, ${FUNCTION_LINES_MAX} are allowed` }));

const bannedCalls: Check = ({ path, code }) =>
  !isProduct(path)
    ? []
    : Object.entries(BANS).flatMap(([name, { call, instead, allowed }]) =>
        allowed?.(path) === true ? [] : linesOf(code, call).map((line) => ({ line, words: `${name}: use ${instead}` })),
      );

const lines = (code: string, pattern: RegExp, words: string) => linesOf(code, pattern).map((line) => ({ line, words }));

const looseTypes: Check = ({ code }) => [
  ...lines(code, /(?:[:<|&,]|\bas|=>)\s*any\b(?!\s*[:(])/, '`any`: use `unknown` and look'),
  ...lines(code, /[\w)\]]!(?=[.,;)\]}[]|$)/, 'a non-null assertion: handle the null'),
];

const unfinished: Check = ({ text }) => lines(text, /\b(?:TO[D]O|FIX[M]E|XX[X])\b/, 'unfinished: do it or leave it');

const defaultExports: Check = ({ path, code }) =>
  path.endsWith('.config.ts') ? [] : lines(code, /^export default\b/, 'a default export: name it');

const header: Check = ({ text }) => {
  // A program that a shell starts names its interpreter first.
  const end = text
    .replace(/^#!.*\n/, '')
    .split('\n')
    .findIndex((line) => !line.startsWith('//'));
  if (end === 0) return [{ line: 1, words: 'no file header: what it is, where in the flow, its invariant' }];
  return end > HEADER_LINES_MAX ? [{ line: end, words: `a header of ${end} lines: the rest belongs into docs/` }] : [];
};

const folderNames: Check = ({ path }) =>
  /(?:^|\/)(?:utils?|helpers?|managers?|misc|common-utils)(?:\/|\.ts$)|-(?:utils?|helpers?|manager)\.ts$/.test(path)
    ? [{ line: 1, words: 'a name that says nothing: name the noun or the verb' }]
    : [];

const words: Check = ({ text }) => WORDS.flatMap(({ pattern, words: why }) => lines(text, pattern, why));

/** Rules over TypeScript files, by name. */
export const RULES: Readonly<Record<string, Check>> = {
  'import direction': importDirection,
  packages,
  'file length': fileLength,
  'function length': functionLength,
  'banned calls': bannedCalls,
  'loose types': looseTypes,
  unfinished,
  'default exports': defaultExports,
  header,
  names: folderNames,
};

/** Rules over every text file. */
export const TEXT_RULES: Readonly<Record<string, Check>> = { words };

export function findings(rules: Readonly<Record<string, Check>>, sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) =>
    Object.entries(rules).flatMap(([rule, check]) =>
      check(source).map((found) => ({ rule, path: source.path, ...found })),
    ),
  );
}

/**
 * Files that nothing leads to: neither imported, nor a test, nor a main, nor named by a path in code or in `mentions`
 * (package.json, vitest.config.ts: what starts processes and tests).
 */
export function deadFiles(sources: readonly Source[], mentions: string): Finding[] {
  const imported = new Set(sources.flatMap((source) => importsOf(source).flatMap(({ target }) => target ?? [])));
  const everything = sources.map((source) => source.text).join('\n') + mentions;
  return sources
    .map(({ path }) => path)
    .filter((path) => /^(?:shared|services|demo|test)\//.test(path))
    .filter((path) => !path.endsWith('.test.ts') && !path.endsWith('.d.ts') && !isMain(path) && !imported.has(path))
    .filter((path) => {
      const [folder = '', name = ''] = path.replace(/\.ts$/, '').split('/').slice(-2);
      // By its own name, or by one that is put together: `./variants/${name}.js`.
      return !new RegExp(`['"/]${name}\\.(?:ts|js)['"\`]|/${folder}/\\$\\{`).test(everything);
    })
    .map((path) => ({
      rule: 'dead files',
      path,
      line: 1,
      words: 'nobody imports it and nothing starts it: remove it',
    }));
}

/** Rows of the layer table whose folder is gone. */
export function deadLayers(sources: readonly Source[]): string[] {
  return LAYERS.map(({ folder }) => folder).filter((folder) => !sources.some(({ path }) => inFolder(path, folder)));
}
