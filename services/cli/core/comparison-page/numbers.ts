// Numbers: how a comparison writes shares, counts, times and everything else that was measured.
// Flow: ComparisonReport → [numbers] → text table, HTML page.
// Invariant: a share that is not quite all or nothing is never rounded to 100 % or 0 %; what is not there is `-`.

export const NOTHING = '-';

/** Narrow space between a number and its unit: they never part at the end of a line. */
const UNIT_GAP = '\u00a0';
const SHARE_DIGITS_MAX = 4;

/** `-`, with the reason if there is one. */
export function nothing(reason: string): string {
  return reason === '' ? NOTHING : `${NOTHING} (${reason})`;
}

/** `9,812` */
export function countText(count: number): string {
  if (!Number.isFinite(count)) return NOTHING;
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `97.1 %` of a share 0 … 1. @param reason why there may be none */
export function shareText(share: number | null | undefined, reason = ''): string {
  if (!isNumber(share)) return nothing(reason);
  if (share <= 0 || share >= 1) return `${Number((100 * share).toFixed(1))}${UNIT_GAP}%`;
  for (let digits = 1; digits <= SHARE_DIGITS_MAX; digits++) {
    const text = (100 * share).toFixed(digits);
    if (Number(text) > 0 && Number(text) < 100) return `${text}${UNIT_GAP}%`;
  }
  const edge = 10 ** -SHARE_DIGITS_MAX;
  return share < 0.5 ? `<${UNIT_GAP}${edge}${UNIT_GAP}%` : `>${UNIT_GAP}${100 - edge}${UNIT_GAP}%`;
}

/** Three significant digits: `0.0312`, `12,300`, `1.2e-7`. */
export function numberText(value: number | null | undefined, reason = ''): string {
  if (!isNumber(value)) return nothing(reason);
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1000 && Math.abs(rounded) < 1e15 ? countText(rounded) : String(rounded);
}

/** `812 µs`, `3.42 ms`, `1.2 s` */
export function timeText(us: number | null | undefined, reason = ''): string {
  if (!isNumber(us)) return nothing(reason);
  if (us < 1e3) return `${numberText(us)}${UNIT_GAP}µs`;
  return us < 1e6 ? `${numberText(us / 1e3)}${UNIT_GAP}ms` : `${numberText(us / 1e6)}${UNIT_GAP}s`;
}

/** `1 pair`, `2 pairs` */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
