// Corpus: model packages that must be refused, each a sound ONNX package with one damage, with the code of its refusal.
// The damages of model files themselves are in model-files.ts (ONNX, TFJS) and saved-models.ts.

import { execFileSync } from 'node:child_process';
import { appendFileSync, linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from '../../shared/domain/errors.ts';
import { also, content, type Damage, gzipBomb, instead, listed, manifest, manifestText, zipBomb } from './damage.ts';

export type Hostile = readonly [name: string, code: ErrorCode, damage: Damage];

const GOLDEN = 'golden.json';
const WEIGHTS = 'model/tiny.onnx';
const KILOBYTES_900 = 900_000;
const spec = (shape: readonly number[]) => ({ name: 'x', datatype: 'FP32', shape });
const inputs = (...specs: readonly object[]) =>
  manifest((found) => ({ ...found, signature: { ...found.signature, inputs: specs } }));
const golden = (samples: string) => content(GOLDEN, `{"samples":[${samples}]}`);
const sample = (numbers: string) => `{"inputs":[[${numbers}]],"outputs":[[1,0]],"atol":0,"rtol":0}`;

const TRAVERSAL: readonly Hostile[] = [
  ...['../x', '/etc/passwd', 'a/../../x', 'a\\..\\x', 'C:x', './x', 'a//b', 'a\0b', '.hidden', '．．/x', 'a/', ''].map(
    (path): Hostile => [`traversal: a file ${JSON.stringify(path)}`, 'PACKAGE_PATH', listed(path)],
  ),
  ['traversal: the entry', 'PACKAGE_PATH', manifest((found) => ({ ...found, entry: '../1/model/tiny.onnx' }))],
  ['traversal: the golden file', 'PACKAGE_PATH', manifest((found) => ({ ...found, golden: '../golden.json' }))],
  ['traversal: deeper than any model', 'PACKAGE_PATH', listed('a/b/c/d/e/f/g/h/i')],
  ['traversal: a name of 300 characters', 'PACKAGE_PATH', listed('a'.repeat(300))],
];

const LINKS: readonly Hostile[] = [
  ['symlink: the weights', 'PACKAGE_PATH', instead(WEIGHTS, (place) => symlinkSync('/etc/hostname', place))],
  ['symlink: to a file of the package', 'PACKAGE_PATH', also('twin', (place) => symlinkSync('golden.json', place))],
  ['symlink: to nothing', 'PACKAGE_PATH', instead(GOLDEN, (place) => symlinkSync('absent', place))],
  ['symlink: to itself', 'PACKAGE_PATH', instead(GOLDEN, (place) => symlinkSync('golden.json', place))],
  ['symlink: a folder', 'PACKAGE_PATH', also('etc', (place) => symlinkSync('/etc', place))],
  ['symlink: the folder above', 'PACKAGE_PATH', also('up', (place) => symlinkSync('..', place))],
  ['symlink: the manifest', 'PACKAGE_PATH', instead('model.json', (place) => symlinkSync('/etc/hostname', place))],
  ['symlink: the folder of the weights', 'PACKAGE_PATH', linkedFolder],
  ['hardlink: the weights', 'PACKAGE_INVALID', (folder) => linkSync(join(folder, WEIGHTS), join(folder, '../outside'))],
  ['hardlink: the manifest', 'PACKAGE_INVALID', (folder) => linkSync(join(folder, 'model.json'), join(folder, '../m'))],
  ['a named pipe', 'PACKAGE_INVALID', instead(GOLDEN, (place) => execFileSync('mkfifo', [place]))],
  ['a folder for a file', 'PACKAGE_INVALID', instead(GOLDEN, (place) => mkdirSync(place))],
];

const OVERLAP: readonly Hostile[] = [
  ['overlap: a file twice', 'PACKAGE_INVALID', listed(WEIGHTS)],
  ['overlap: a file twice, in capitals', 'PACKAGE_INVALID', listed('MODEL/TINY.onnx')],
  ['overlap: a file inside a file', 'PACKAGE_INVALID', listed(`${WEIGHTS}/x`)],
  ['overlap: the manifest as a file', 'PACKAGE_PATH', listed('model.json')],
];

const CONTENT: readonly Hostile[] = [
  ['a file that is not listed', 'PACKAGE_INVALID', also('extra', (place) => writeFileSync(place, ''))],
  ['a hidden file', 'PACKAGE_INVALID', also('model/.hidden', (place) => writeFileSync(place, ''))],
  ['a zip bomb beside the model', 'PACKAGE_INVALID', also('model/a.zip', (place) => writeFileSync(place, zipBomb()))],
  ['thousands of folders', 'PACKAGE_INVALID', manyFolders],
  ['deep folders', 'PACKAGE_INVALID', also('a/b/c/d/e/f/g/h/i/j', (place) => mkdirSync(place))],
  [
    'wrong digest: of the weights',
    'PACKAGE_DIGEST',
    manifest((found) => ({ ...found, files: found.files.map(otherHash) })),
  ],
  ['wrong digest: of the manifest', 'PACKAGE_DIGEST', (folder) => changedAfter(folder)],
  ['a byte more', 'PACKAGE_DIGEST', (folder) => appendFileSync(join(folder, WEIGHTS), ' ')],
  ['truncated weights', 'PACKAGE_DIGEST', (folder) => truncateSync(join(folder, WEIGHTS), 20)],
  ['weights of a terabyte of nothing', 'PACKAGE_DIGEST', (folder) => truncateSync(join(folder, WEIGHTS), 2 ** 40)],
  ['missing weights', 'PACKAGE_DIGEST', (folder) => rmSync(join(folder, WEIGHTS))],
];

const MANIFESTS: readonly Hostile[] = [
  ['no manifest', 'PACKAGE_INVALID', (folder) => rmSync(join(folder, 'model.json'))],
  ['an empty manifest', 'PACKAGE_INVALID', manifestText('')],
  ['a truncated manifest', 'PACKAGE_INVALID', (folder) => truncateSync(join(folder, 'model.json'), 200)],
  ['a manifest of brackets', 'PACKAGE_INVALID', manifestText('['.repeat(KILOBYTES_900))],
  [
    'a manifest of keys',
    'PACKAGE_INVALID',
    manifestText(`{${Array.from({ length: 80_000 }, (_, at) => `"${at}":0`)}}`),
  ],
  ['a manifest of wrong files', 'PACKAGE_INVALID', manifestText(`{"files":[${'0,'.repeat(400_000)}0]}`)],
  ['a manifest of one long text', 'PACKAGE_INVALID', manifestText(`{"producer":"${'x'.repeat(250_000)}"}`)],
  ['a manifest of two megabytes', 'PACKAGE_INVALID', manifestText(' '.repeat(2_000_000))],
  ['a manifest of a terabyte', 'PACKAGE_INVALID', (folder) => truncateSync(join(folder, 'model.json'), 2 ** 40)],
  ['a manifest that is no text', 'PACKAGE_INVALID', manifestText(Buffer.alloc(1_000, 0xff))],
  ['a manifest that is a gzip bomb', 'PACKAGE_INVALID', manifestText(gzipBomb())],
  [
    'a manifest after a prototype',
    'PACKAGE_INVALID',
    manifestText('{"__proto__":{"endpoint":"tiny"},"constructor":{}}'),
  ],
  ['a manifest of an unknown key', 'PACKAGE_INVALID', manifest((found) => ({ ...found, postInstall: 'sh' }))],
  ['a manifest of another endpoint', 'PACKAGE_INVALID', manifest((found) => ({ ...found, endpoint: 'other' }))],
  ['a manifest of 2,000 files', 'PACKAGE_INVALID', manyFiles()],
];

const SHAPES: readonly Hostile[] = [
  ['huge shape: beyond any memory', 'PACKAGE_INVALID', inputs(spec([-1, 2 ** 31, 2 ** 31]))],
  ['huge shape: beyond a frame', 'PACKAGE_INVALID', inputs(spec([-1, 1_000_000]))],
  ['huge shape: beyond exact numbers', 'PACKAGE_INVALID', inputs(spec([-1, 2 ** 53]))],
  ['huge shape: of nine dimensions', 'PACKAGE_INVALID', inputs(spec([-1, 1, 1, 1, 1, 1, 1, 1, 1]))],
  ['huge shape: of 33 inputs', 'PACKAGE_INVALID', inputs(...Array.from({ length: 33 }, () => spec([-1, 2])))],
  ['a shape of nothing', 'PACKAGE_INVALID', inputs(spec([-1, 0]))],
  ['a shape that is negative', 'PACKAGE_INVALID', inputs(spec([-1, -2]))],
  ['inputs of text', 'PACKAGE_INVALID', inputs({ name: 'x', datatype: 'BYTES', shape: [-1, 2] })],
];

const GOLDENS: readonly Hostile[] = [
  ['golden: NaN', 'PACKAGE_INVALID', golden(sample('NaN, 1'))],
  ['golden: infinity', 'PACKAGE_INVALID', golden(sample('1e999, 1'))],
  ['golden: null', 'PACKAGE_INVALID', golden(sample(`${'null,'.repeat(25_000)}1`))],
  ['golden: text', 'PACKAGE_INVALID', golden(sample('"1", 1'))],
  ['golden: brackets', 'PACKAGE_INVALID', content(GOLDEN, '['.repeat(400_000))],
  ['golden: truncated', 'PACKAGE_INVALID', content(GOLDEN, '{"samples":[{"inputs":[[1,')],
  ['golden: a gzip bomb', 'PACKAGE_INVALID', content(GOLDEN, gzipBomb())],
  ['golden: half a row', 'GOLDEN_MISMATCH', golden(sample('1'))],
  ['golden: of another model', 'GOLDEN_MISMATCH', golden(sample('1, 1'))],
];

export const HOSTILE_PACKAGES: readonly Hostile[] = [
  ...TRAVERSAL,
  ...LINKS,
  ...OVERLAP,
  ...CONTENT,
  ...MANIFESTS,
  ...SHAPES,
  ...GOLDENS,
];

function linkedFolder(folder: string): void {
  execFileSync('mv', [join(folder, 'model'), join(folder, '../elsewhere')]);
  symlinkSync('../elsewhere', join(folder, 'model'));
}

function manyFolders(folder: string): void {
  for (let index = 0; index < 2_100; index++) mkdirSync(join(folder, `d${index}`));
}

function manyFiles(): Damage {
  const file = { sha256: 'a'.repeat(64), bytes: 0 };
  const files = Array.from({ length: 2_000 }, (_, at) => ({ ...file, path: `f${at}` }));
  return manifest((found) => ({ ...found, files: [...found.files, ...files] }));
}

function otherHash<T extends object>(file: T): T {
  return { ...file, sha256: 'b'.repeat(64) };
}

/** A change that the digest does not know of. */
function changedAfter(folder: string): void {
  manifest((found) => found)(folder);
  execFileSync('sed', ['-i', 's/"deadlineMs":[0-9]*/"deadlineMs":77/', join(folder, 'model.json')]);
}
