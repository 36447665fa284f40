// Digits: the 10,000 handwritten digits of the demo, in a fixed order, split into 7,000 to train on and 3,000 to test on.
// Flow: digits.bin.gz → loadDigits → train (training rows) and the demo (every row is a request, test rows are judged).
// Invariant: order and side of a digit follow from its pixels alone, so two equal digits are always on the same side:
// training and test are disjoint by content, not just by number.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Signature, Tensor } from '../../shared/domain/tensor.ts';
import { demoPath } from '../demo-path.ts';
import { DIGIT_CLASSES, DIGIT_PIXELS, decodeDigits, type StoredDigits } from './digits-file.ts';

export { DIGIT_CLASSES, DIGIT_PIXELS } from './digits-file.ts';

/** Name of the endpoint and of its folder in the model repository. */
export const DIGITS_ENDPOINT = 'digits';

/** Every version of the endpoint takes pixels 0..1 and gives one probability per digit, in order 0 to 9. */
export const DIGITS_SIGNATURE: Signature = {
  inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, DIGIT_PIXELS] }],
  outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, DIGIT_CLASSES] }],
};

/** Salt of the split and of the order: another seed gives another split, and other accuracies. */
const SPLIT_SEED = 'millrace-digits-1';
const TEST_DIGITS = 3_000;
const PIXEL_MAX = 255;

export interface Digits {
  /** Rows are numbered 0 to count − 1 in an order that mixes classes and sides. */
  readonly count: number;
  /** The label of each row, 0 to 9. */
  readonly labels: Uint8Array;
  /** Rows to train on and rows to test on, ascending. */
  readonly trainRows: readonly number[];
  readonly testRows: readonly number[];
  isTest(row: number): boolean;
  /** 784 pixels, 0 (paper) to 1 (ink); a new array each time. */
  image(row: number): Float32Array;
}

/** Reads the digits that the repository carries: about 0.1 s, 8 MB. @throws ASSERTION when the file is damaged */
export function loadDigits(): Digits {
  return arrange(decodeDigits(readFileSync(demoPath('data', 'digits.bin.gz'))));
}

/** The input tensor of a request for one digit: `image`, FP32, [1, 784]. */
export function digitTensor(digits: Digits, row: number): Tensor {
  return { name: 'image', datatype: 'FP32', shape: [1, DIGIT_PIXELS], data: digits.image(row) };
}

/** The digit that the first row of `probabilities` names: its largest entry, the smaller digit when two are equal. */
export function digitOf(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let digit = 1; digit < DIGIT_CLASSES; digit++) {
    if ((probabilities[digit] ?? 0) > (probabilities[best] ?? 0)) best = digit;
  }
  return best;
}

/** @param testCount wanted size of the test side; equal digits on the border all go to the training side */
export function arrange(stored: StoredDigits, testCount: number = TEST_DIGITS): Digits {
  const marked = Array.from(stored.labels, (label, place) => {
    const pixels = stored.pixels.subarray(place * DIGIT_PIXELS, (place + 1) * DIGIT_PIXELS);
    const hash = createHash('sha256').update(SPLIT_SEED).update(pixels).digest();
    return { label, pixels, place, side: hash.readUIntBE(0, 6), order: hash.readUIntBE(6, 6) };
  }).sort((a, b) => a.order - b.order || a.place - b.place);
  const border = marked.map((digit) => digit.side).sort((a, b) => a - b)[testCount] ?? Number.POSITIVE_INFINITY;
  const test = marked.map((digit) => digit.side < border);
  const rows = marked.map((_, row) => row);
  return {
    count: marked.length,
    labels: Uint8Array.from(marked, (digit) => digit.label),
    trainRows: rows.filter((row) => !test[row]),
    testRows: rows.filter((row) => test[row]),
    isTest: (row) => test[row] ?? false,
    image: (row) => Float32Array.from(marked[row]?.pixels ?? [], (pixel) => pixel / PIXEL_MAX),
  };
}
