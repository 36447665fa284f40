// Disagreement: how far the two sides of a pair are apart, as one number, so that the worst pairs can be found.
// Flow: pair → [disagreementOf] → examples.
// Invariant: 0..1 whatever the values are: where one of them is not a number, the sides disagree in full.

import type { Column, Compared, Field, Outcome } from './outcome.ts';

/**
 * 0 none … 1 total: the largest of all rows of all fields; without a shadow 0.
 * Classes: half the L1 distance of the scores as shares, by softmax where one is negative. Numbers: |d| / (|d| + tolerance).
 * Labels: the share that differs. 1 where one side is an error, or both are with different codes.
 */
export function disagreementOf({ live, shadow }: Compared, fields: readonly Field[]): number {
  if (shadow === null) return 0;
  if (live.error !== null || shadow.error !== null) return live.error === shadow.error ? 0 : 1;
  let largest = 0;
  for (let place = 0; place < fields.length; place++) {
    const field = fields[place];
    if (field !== undefined) largest = Math.max(largest, fieldDisagreement(live, shadow, { field, place }));
  }
  return largest;
}

function fieldDisagreement(
  live: Outcome,
  shadow: Outcome,
  { field, place }: { readonly field: Field; readonly place: number },
): number {
  const ours = live.values[place];
  const theirs = shadow.values[place];
  if (ours === undefined || theirs === undefined || ours.length !== theirs.length) return 1;
  switch (field.kind) {
    case 'classes':
      return scoreDistance(ours, theirs, field.size);
    case 'number':
      return numberDistance(ours, theirs, field);
    case 'label':
      return unequalShare(ours, theirs);
  }
}

function scoreDistance(ours: Column, theirs: Column, size: number): number {
  let largest = 0;
  for (let from = 0; from < ours.length; from += size) {
    const isShares = isSharesLike(ours, from, size) && isSharesLike(theirs, from, size);
    const distance = isShares
      ? shareDistance(ours, theirs, { from, size })
      : logitDistance(ours, theirs, { from, size });
    if (Number.isNaN(distance)) return 1;
    if (distance > largest) largest = distance;
  }
  return Math.min(1, largest);
}

/** Whether scores can be made shares by dividing them by their sum. */
function isSharesLike(scores: Column, from: number, size: number): boolean {
  let sum = 0;
  for (let i = from; i < from + size; i++) {
    const score = scores[i] ?? Number.NaN;
    if (score < 0) return false;
    sum += score;
  }
  return sum > 0;
}

interface Row {
  readonly from: number;
  readonly size: number;
}

function shareDistance(ours: Column, theirs: Column, { from, size }: Row): number {
  let [a, b, distance] = [0, 0, 0];
  for (let i = from; i < from + size; i++) {
    a += ours[i] ?? Number.NaN;
    b += theirs[i] ?? Number.NaN;
  }
  for (let i = from; i < from + size; i++) distance += Math.abs((ours[i] ?? 0) / a - (theirs[i] ?? 0) / b);
  return distance / 2;
}

function logitDistance(ours: Column, theirs: Column, { from, size }: Row): number {
  const [top, otherTop] = [topOf(ours, from, size), topOf(theirs, from, size)];
  let [a, b, distance] = [0, 0, 0];
  for (let i = from; i < from + size; i++) {
    a += Math.exp((ours[i] ?? Number.NaN) - top);
    b += Math.exp((theirs[i] ?? Number.NaN) - otherTop);
  }
  for (let i = from; i < from + size; i++) {
    distance += Math.abs(Math.exp((ours[i] ?? 0) - top) / a - Math.exp((theirs[i] ?? 0) - otherTop) / b);
  }
  return distance / 2;
}

function topOf(scores: Column, from: number, size: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = from; i < from + size; i++) top = Math.max(top, scores[i] ?? Number.NaN);
  return top;
}

function numberDistance(ours: Column, theirs: Column, { atol, rtol }: Field): number {
  let largest = 0;
  for (let i = 0; i < ours.length; i++) {
    const [a, b] = [ours[i] ?? Number.NaN, theirs[i] ?? Number.NaN];
    if (a === b) continue;
    const apart = Math.abs(b - a);
    const distance = apart / (apart + atol + rtol * Math.abs(a));
    // Not a number, or endless.
    if (!(distance <= 1)) return 1;
    if (distance > largest) largest = distance;
  }
  return largest;
}

function unequalShare(ours: Column, theirs: Column): number {
  let unequal = 0;
  for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) unequal += 1;
  return ours.length === 0 ? 0 : unequal / ours.length;
}
