// Goal: a package is exactly what its manifest says, or it is refused with the reason; nothing outside it is touched.
// Method: packages packed from the tiny models, damaged one way at a time; hostile manifests built from a good one.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  packTiny,
  TINY_SIGNATURE,
  temporaryFolder,
  writeTinyGraph,
  writeTinyLayers,
  writeTinySavedModel,
} from '../../test/support/tiny-models.ts';
import { MillraceError } from '../domain/errors.ts';
import { canonicalManifest, MANIFEST_BYTES_MAX, type Manifest, parseManifest } from '../domain/manifest.ts';
import { decodeGolden, decodeManifest, manifestDigest, readGolden } from './manifest.ts';
import { detectFormat } from './pack.ts';
import { modelRepository } from './repository.ts';
import { verifyFolder, verifyPackage } from './verify.ts';

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof MillraceError ? error.code : String(error)),
  );
}

function writeManifest(folder: string, manifest: object): void {
  writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest));
}

/** The manifest with a digest that fits, so that only the change itself can refuse it. */
function redigested(manifest: Manifest): Manifest {
  return { ...manifest, digest: manifestDigest(manifest) };
}

describe('packing', () => {
  test('makes a package that verifies, in every format, with the runtimes of the registry', async () => {
    const root = temporaryFolder();
    const sources = [writeTinySavedModel(root), writeTinyLayers(root), writeTinyGraph(root)];
    const formats: string[] = [];
    for (const [index, source] of sources.entries()) {
      const { manifest } = await packTiny(root, { source, version: index + 1 });
      const verified = await verifyPackage(root, 'tiny', index + 1);
      expect(verified.manifest).toEqual(manifest);
      formats.push(`${manifest.format} ${manifest.entry} ${manifest.runtimes[0]}`);
    }
    expect(formats).toEqual([
      'saved-model model tfjs-node',
      'tfjs-layers model/model.json tfjs-node',
      'tfjs-graph model/model.json tfjs-node',
    ]);
  });

  test('leaves nothing behind when it fails, and never replaces a version', async () => {
    const root = temporaryFolder();
    const { folder } = await packTiny(root);
    const before = readFileSync(join(folder, 'model.json'), 'utf8');
    expect(await codeOf(packTiny(root))).toBe('PACKAGE_INVALID');
    expect(await codeOf(packTiny(root, { version: 2, warmUpRows: [65] }))).toBe('PACKAGE_INVALID');
    expect(await codeOf(packTiny(root, { version: 2, golden: [{ inputs: [[1, 1]] }] }))).toBe('PACKAGE_INVALID');
    expect(await codeOf(packTiny(root, { version: 2, endpoint: '../tiny' }))).toBe('PACKAGE_PATH');
    expect(readFileSync(join(folder, 'model.json'), 'utf8')).toBe(before);
    expect(readdirSync(root)).toEqual(['tiny']);
    expect(readdirSync(join(root, 'tiny'))).toEqual(['1']);
  });

  test('gives the same digest for the same content, wherever it is packed', async () => {
    const first = await packTiny(temporaryFolder());
    const second = await packTiny(temporaryFolder());
    expect(second.manifest.digest).toBe(first.manifest.digest);
    const other = await packTiny(temporaryFolder(), { deadlineMs: 1 });
    expect(other.manifest.digest).not.toBe(first.manifest.digest);
  });

  test('refuses what is no model, and links in its source', async () => {
    const folder = temporaryFolder();
    expect(await codeOf(detectFormat(folder))).toBe('PACKAGE_INVALID');
    expect(await codeOf(detectFormat(join(folder, 'absent')))).toBe('PACKAGE_INVALID');
    const source = writeTinyLayers(folder);
    symlinkSync('/etc/hostname', join(source, 'extra'));
    expect(await codeOf(packTiny(temporaryFolder(), { source }))).toBe('PACKAGE_PATH');
  });
});

describe('verifying', () => {
  const damages: readonly (readonly [string, string, (folder: string) => void])[] = [
    ['a file is missing', 'PACKAGE_DIGEST', (folder) => rmSync(join(folder, 'golden.json'))],
    [
      'a file has one byte more',
      'PACKAGE_DIGEST',
      (folder) => writeFileSync(join(folder, 'golden.json'), ' ', { flag: 'a' }),
    ],
    ['a file is a folder', 'PACKAGE_INVALID', (folder) => replace(folder, (path) => mkdirSync(path))],
    ['a file is a link', 'PACKAGE_PATH', (folder) => replace(folder, (path) => symlinkSync('/etc/hostname', path))],
    [
      'a file is a named pipe',
      'PACKAGE_INVALID',
      (folder) => replace(folder, (path) => execFileSync('mkfifo', [path])),
    ],
    ['a folder is a link', 'PACKAGE_PATH', (folder) => symlinkSync('/etc', join(folder, 'etc'))],
    ['a file is not listed', 'PACKAGE_INVALID', (folder) => writeFileSync(join(folder, '.hidden'), '')],
    [
      'the manifest is a link',
      'PACKAGE_PATH',
      (folder) => replace(folder, (path) => symlinkSync('/etc/hostname', path), 'model.json'),
    ],
    ['the manifest is gone', 'PACKAGE_INVALID', (folder) => rmSync(join(folder, 'model.json'))],
    ['the package is gone', 'PACKAGE_MISSING', (folder) => rmSync(folder, { recursive: true })],
  ];

  test.each(damages)('when %s: %s', async (_, code, damage) => {
    const root = temporaryFolder();
    const { folder } = await packTiny(root);
    damage(folder);
    expect(await codeOf(verifyPackage(root, 'tiny', 1))).toBe(code);
  });

  test('refuses a version folder that is a link, and one that holds another version', async () => {
    const root = temporaryFolder();
    const { folder } = await packTiny(root);
    symlinkSync(folder, join(root, 'tiny/2'));
    expect(await codeOf(verifyPackage(root, 'tiny', 2))).toBe('PACKAGE_PATH');
    execFileSync('cp', ['-r', folder, join(root, 'tiny/3')]);
    expect(await codeOf(verifyPackage(root, 'tiny', 3))).toBe('PACKAGE_INVALID');
    await expect(verifyFolder(join(root, 'tiny/3'))).resolves.toMatchObject({ manifest: { version: 1 } });
  });

  test('refuses folders that are deeper or fuller than any model', async () => {
    const root = temporaryFolder();
    const { folder } = await packTiny(root);
    mkdirSync(join(folder, 'a/b/c/d/e/f/g/h/i'), { recursive: true });
    expect(await codeOf(verifyPackage(root, 'tiny', 1))).toBe('PACKAGE_INVALID');
    rmSync(join(folder, 'a'), { recursive: true });
    for (let index = 0; index < 2_050; index++) mkdirSync(join(folder, `d${index}`));
    expect(await codeOf(verifyPackage(root, 'tiny', 1))).toBe('PACKAGE_INVALID');
  });

  function replace(folder: string, make: (path: string) => void, file = 'golden.json'): void {
    rmSync(join(folder, file));
    make(join(folder, file));
  }
});

describe('a hostile manifest', () => {
  const entry = { path: 'model/tiny.onnx', sha256: 'a'.repeat(64), bytes: 1 };
  const paths = [
    '../x',
    '/etc/passwd',
    'a/../../x',
    'a//b',
    './a',
    'a/.',
    '.hidden',
    'a\\b',
    'C:x',
    'a\0b',
    'é',
    '',
    'a/',
    'model.json',
  ];

  test.each(paths)('with the file path %j is refused as a path', async (path) => {
    const { manifest } = await packTiny(temporaryFolder());
    const hostile = { ...manifest, files: [...manifest.files, { ...entry, path }] };
    expect(() => parseManifest(hostile, 'p')).toThrow(expect.objectContaining({ code: 'PACKAGE_PATH' }));
    expect(() => parseManifest({ ...manifest, entry: path }, 'p')).toThrow(
      expect.objectContaining({ code: 'PACKAGE_PATH' }),
    );
  });

  const changes: readonly (readonly [string, (manifest: Manifest) => object])[] = [
    ['the same file twice', (m) => ({ ...m, files: [...m.files, entry] })],
    ['the same file in capitals', (m) => ({ ...m, files: [...m.files, { ...entry, path: 'MODEL/tiny.onnx' }] })],
    ['a file inside a file', (m) => ({ ...m, files: [...m.files, { ...entry, path: 'model/tiny.onnx/x' }] })],
    ['an entry that is not listed', (m) => ({ ...m, entry: 'model/other.onnx' })],
    ['golden samples that are not listed', (m) => ({ ...m, golden: 'other.json' })],
    ['an unknown key', (m) => ({ ...m, extra: 1 })],
    ['no files', (m) => ({ ...m, files: [] })],
    [
      'too many files',
      (m) => ({ ...m, files: Array.from({ length: 1_025 }, (_, i) => ({ ...entry, path: `f${i}` })) }),
    ],
    ['batches larger than a frame', (m) => ({ ...m, signature: wide(1_000_000), maxBatchRows: 64 })],
    [
      'a fixed batch size',
      (m) => ({ ...m, signature: { ...TINY_SIGNATURE, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }] } }),
    ],
    [
      'two inputs of one name',
      (m) => ({ ...m, signature: { ...TINY_SIGNATURE, inputs: [TINY_SIGNATURE.inputs[0], TINY_SIGNATURE.inputs[0]] } }),
    ],
    ['a fractional version', (m) => ({ ...m, version: 1.5 })],
    ['a negative size', (m) => ({ ...m, files: [{ ...entry, bytes: -1 }] })],
  ];

  test.each(changes)('with %s is refused', async (_, change) => {
    const { manifest } = await packTiny(temporaryFolder());
    expect(() => parseManifest(change(manifest), 'p')).toThrow(expect.objectContaining({ code: 'PACKAGE_INVALID' }));
  });

  function wide(elements: number) {
    return { ...TINY_SIGNATURE, inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, elements] }] };
  }

  test('cannot reach Object.prototype, and is refused for trying', async () => {
    const root = temporaryFolder();
    const { folder } = await packTiny(root);
    const path = join(folder, 'model.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replace('{', '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}},'),
    );
    expect(await codeOf(modelRepository(root).manifest('tiny', 1))).toBe('PACKAGE_INVALID');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('that is larger than the limit is not read', async () => {
    const root = temporaryFolder();
    const { folder } = await packTiny(root);
    writeFileSync(join(folder, 'model.json'), ' '.repeat(MANIFEST_BYTES_MAX + 1));
    await expect(modelRepository(root).manifest('tiny', 1)).rejects.toThrow(`more than ${MANIFEST_BYTES_MAX}`);
  });

  test.each([
    ['deep lists', '['.repeat(1_000_000), 'nested deeper than 8'],
    ['many keys', `{${Array.from({ length: 90_000 }, (_, at) => `"${at}":0`)}}`, 'more than 8192 keys'],
    ['many wrong files', `{"files":[${'0,'.repeat(500_000)}0]}`, 'more than 16384 items'],
  ])('of %s is not parsed', (_, text, words) => {
    expect(() => decodeManifest(Buffer.from(text), 'p')).toThrow(words);
    expect(() => decodeManifest(Buffer.from(text), 'p')).toThrow(expect.objectContaining({ code: 'PACKAGE_INVALID' }));
  });

  test('with a million golden items that are no numbers is told so once', () => {
    const text = `{"samples":[{"inputs":[[${'null,'.repeat(1_000_000)}0]],"outputs":[[1]],"atol":0,"rtol":0}]}`;
    const where = { folder: 'p', file: 'golden.json' };
    expect(() => decodeGolden(Buffer.from(text), where)).toThrow('samples.0.inputs.0: no list of at most');
  });

  test('with golden samples that are no numbers is refused', async () => {
    const root = temporaryFolder();
    const { folder, manifest } = await packTiny(root);
    for (const text of ['[', '{"samples":[]}', '{"samples":[{"inputs":[["1"]],"outputs":[[1]],"atol":0,"rtol":0}]}']) {
      writeFileSync(join(folder, 'golden.json'), text);
      expect(await codeOf(readGolden(folder, manifest))).toBe('PACKAGE_INVALID');
    }
  });
});

describe('the repository', () => {
  test('lists versions in order, whatever else lies there', async () => {
    const root = temporaryFolder();
    for (const version of [10, 9, 2]) await packTiny(root, { version });
    for (const name of ['latest', '007', '.pack-x', '-1', '1e3']) mkdirSync(join(root, 'tiny', name));
    const repository = modelRepository(root);
    expect(await repository.versions('tiny')).toEqual([2, 9, 10]);
    expect(await repository.versions('absent')).toEqual([]);
    await expect(repository.manifest('tiny', 3)).rejects.toMatchObject({ code: 'PACKAGE_MISSING' });
  });

  test.each([
    ['..', 1],
    ['a/b', 1],
    ['', 1],
    ['A', 1],
    ['tiny', 0],
    ['tiny', -1],
    ['tiny', 1.5],
    ['tiny', Number.NaN],
    ['tiny', 1e21],
  ])('has no path for endpoint %j, version %j', (endpoint, version) => {
    expect(() => modelRepository('/models').path(endpoint, version)).toThrow(
      expect.objectContaining({ code: 'PACKAGE_PATH' }),
    );
  });

  test('notices any change of a manifest by its digest', async () => {
    const root = temporaryFolder();
    const { folder, manifest } = await packTiny(root);
    writeManifest(folder, { ...manifest, memoryMb: 1_000 });
    await expect(modelRepository(root).manifest('tiny', 1)).rejects.toMatchObject({ code: 'PACKAGE_DIGEST' });
    writeManifest(folder, redigested({ ...manifest, memoryMb: 1_000 }));
    await expect(modelRepository(root).manifest('tiny', 1)).resolves.toMatchObject({ memoryMb: 1_000 });
  });
});

test('the canonical manifest knows no order of keys and files, and leaves the digest out', async () => {
  const { manifest } = await packTiny(temporaryFolder());
  const shuffled = Object.fromEntries(Object.entries(manifest).reverse()) as unknown as Manifest;
  const turned = { ...shuffled, files: [...manifest.files].reverse(), digest: 'f'.repeat(64) };
  expect(canonicalManifest(turned)).toBe(canonicalManifest(manifest));
});
