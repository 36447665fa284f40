// Augment: a digit as another hand might have placed it: turned, sized, slanted and moved a little.
// Flow: train-network asks for a fresh variant of a training image in every epoch; test images are never touched.

import type { Random } from './random.ts';

const SIDE = 28;
const CENTRE = (SIDE - 1) / 2;

/** Largest change in each sense: `turn` in radians, `size` and `slant` as shares, `move` in pixels. */
export interface Augmentation {
  readonly turn: number;
  readonly size: number;
  readonly slant: number;
  readonly move: number;
}

/** @param image 784 pixels, 0..1. @returns a new image, sampled bilinearly; what lies outside is paper */
export function augment(image: Float32Array, limits: Augmentation, random: Random): Float32Array {
  const angle = random.around(limits.turn);
  const size = 1 + random.around(limits.size);
  const slant = random.around(limits.slant);
  const moveX = random.around(limits.move);
  const moveY = random.around(limits.move);
  const cos = Math.cos(angle) / size;
  const sin = Math.sin(angle) / size;
  const out = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const dx = x - CENTRE - moveX + slant * (y - CENTRE);
      const dy = y - CENTRE - moveY;
      out[y * SIDE + x] = sample(image, CENTRE + cos * dx - sin * dy, CENTRE + sin * dx + cos * dy);
    }
  }
  return out;
}

function sample(image: Float32Array, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < 0 || top < 0 || left >= SIDE - 1 || top >= SIDE - 1) return 0;
  const right = x - left;
  const down = y - top;
  const at = top * SIDE + left;
  const upper = (image[at] ?? 0) * (1 - right) + (image[at + 1] ?? 0) * right;
  const lower = (image[at + SIDE] ?? 0) * (1 - right) + (image[at + SIDE + 1] ?? 0) * right;
  return upper * (1 - down) + lower * down;
}
