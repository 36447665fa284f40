// ImageOf: the picture in a request, if there is one, so that people see what two versions disagree about.
// Flow: request → decoded inputs → [imageOf] → comparison page.
// Invariant: total: whatever is no picture beyond doubt is null, never an error; it looks at the first row only.

import type { Tensor } from '../../../shared/domain/tensor.ts';

/** Grey values 0 black … 255 white, row by row from the top: `width` × `height` of them. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Pixels of a picture: fewer show nothing, more do not fit a card. */
const PIXELS_MIN = 64;
const PIXELS_MAX = 16_384;

/** The first input that is a picture: rows of [h, w], [h, w, 1] or a square number of values, all in 0…1 or all in 0…255. */
export function imageOf(inputs: readonly Tensor[]): GreyImage | null {
  for (const { shape, data } of inputs) {
    const size = sizeOf(shape);
    if (size === null || (shape[0] ?? 0) < 1) continue;
    const pixels = pixelsOf(data, size.width * size.height);
    if (pixels !== null) return { ...size, pixels };
  }
  return null;
}

/** Dimensions of 1 say nothing: [1, 28, 28] and [28, 28, 1] are 28 × 28. Colours are not shown. */
function sizeOf(shape: readonly number[]): { readonly width: number; readonly height: number } | null {
  const sides = shape.slice(1).filter((side) => side !== 1);
  const count = sides.reduce((product, side) => product * side, 1);
  if (!Number.isInteger(count) || count < PIXELS_MIN || count > PIXELS_MAX) return null;
  const [height = 0, width = Math.sqrt(height)] = sides;
  if (sides.length === 2) return height > 0 ? { width, height } : null;
  return sides.length === 1 && Number.isInteger(width) ? { width, height: width } : null;
}

function pixelsOf(data: Tensor['data'], count: number): Uint8Array | null {
  if (data.length < count) return null;
  const values = Float64Array.from({ length: count }, (_, at) => Number(data[at]));
  if (!values.every((value) => value >= 0 && value <= 255)) return null;
  const scale = values.every((value) => value <= 1) ? 255 : 1;
  return Uint8Array.from(values, (value) => Math.round(value * scale));
}
