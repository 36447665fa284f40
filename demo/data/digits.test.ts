// Goal: the digits are the ones of the README, the split is disjoint by content, and a damaged file is refused.
// Method: the committed file, and tiny made-up digits for the cases that it does not hold.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { demoPath } from '../demo-path.ts';
import { arrange, DIGIT_PIXELS, digitOf, digitTensor, loadDigits } from './digits.ts';
import { decodeDigits, encodeDigits } from './digits-file.ts';

const digits = loadDigits();
const contentOf = (row: number) => createHash('sha256').update(digits.image(row)).digest('base64');

test('the file holds what its README says', () => {
  const plain = gunzipSync(readFileSync(demoPath('data', 'digits.bin.gz')));
  const readme = readFileSync(demoPath('data', 'README.md'), 'utf8');
  expect(readme).toContain(createHash('sha256').update(plain).digest('hex'));
});

test('there are 10,000 digits: 7,000 to train on and 3,000 to test on', () => {
  expect(digits.count).toBe(10_000);
  expect(digits.trainRows).toHaveLength(7_000);
  expect(digits.testRows).toHaveLength(3_000);
  expect(digits.testRows.every((row) => digits.isTest(row))).toBe(true);
  expect(digits.trainRows.some((row) => digits.isTest(row))).toBe(false);
});

test('no test image equals a training image', () => {
  const trained = new Set(digits.trainRows.map(contentOf));
  expect(digits.testRows.filter((row) => trained.has(contentOf(row)))).toEqual([]);
});

test('every digit has its share of both sides', () => {
  for (let digit = 0; digit < 10; digit++) {
    const share = (rows: readonly number[]) => rows.filter((row) => digits.labels[row] === digit).length / rows.length;
    expect(share(digits.testRows)).toBeGreaterThan(0.08);
    expect(share(digits.trainRows)).toBeGreaterThan(0.08);
  }
});

test('a digit becomes one row of pixels between paper 0 and ink 1', () => {
  const tensor = digitTensor(digits, 0);
  expect(tensor.shape).toEqual([1, DIGIT_PIXELS]);
  expect(tensor.data).toHaveLength(DIGIT_PIXELS);
  const values = [...(tensor.data as Float32Array)];
  expect(Math.min(...values)).toBe(0);
  expect(Math.max(...values)).toBeGreaterThan(0.9);
  expect(Math.max(...values)).toBeLessThanOrEqual(1);
});

test('two equal images go to the same side', () => {
  const labels = Uint8Array.from({ length: 40 }, (_, index) => index % 10);
  const pixels = new Uint8Array(40 * DIGIT_PIXELS);
  for (let index = 0; index < 40; index++) pixels[index * DIGIT_PIXELS] = index >> 1;
  const arranged = arrange({ labels, pixels }, 11);
  const side = new Map<number, boolean>();
  for (let row = 0; row < arranged.count; row++) {
    const pixel = arranged.image(row)[0] ?? -1;
    expect(side.get(pixel) ?? arranged.isTest(row)).toBe(arranged.isTest(row));
    side.set(pixel, arranged.isTest(row));
  }
  expect(side.size).toBe(20);
  expect(arranged.testRows).toHaveLength(10);
});

test('equal digits are written as equal bytes, and read back', () => {
  const stored = { labels: Uint8Array.of(3, 9), pixels: new Uint8Array(2 * DIGIT_PIXELS).fill(7) };
  const packed = encodeDigits(stored);
  expect(encodeDigits(stored)).toEqual(packed);
  expect([...packed.subarray(4, 10)]).toEqual([0, 0, 0, 0, 2, 255]);
  const back = decodeDigits(packed);
  expect([...back.labels]).toEqual([3, 9]);
  expect([...back.pixels]).toEqual([...stored.pixels]);
});

test('a damaged file is refused before anything large is allocated', () => {
  const bomb = gzipSync(Buffer.alloc(60_000_000));
  expect(() => decodeDigits(bomb)).toThrow();
  expect(() => decodeDigits(gzipSync(Buffer.from('MRD1\x05\0\0\0abc')))).toThrow('complete');
  expect(() => decodeDigits(gzipSync(Buffer.from('XXXX\0\0\0\0')))).toThrow('MRD1');
});

test('the answer is the most probable digit', () => {
  expect(digitOf(Float32Array.of(0, 0.1, 0.2, 0.6, 0.1, 0, 0, 0, 0, 0))).toBe(3);
  expect(digitOf(new Float32Array(10))).toBe(0);
});
