// Progress: the marks that a shadow leaves among its outputs, and what it passes over when it is too far behind.
// Flow: partition's loop → [marks] → E.shadow, in the transaction of the outputs they speak of → comparator.
// Invariant: nothing that was to be scored is left out without a mark that says so.

import { CONTROL_CONTENT_TYPE, encodeControl } from '../../shared/codec/control.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import type { PlanShadow, ShadowMark } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';

/** Clocks of the machines that answer may differ by so much. */
const CLOCK_SKEW_MS = 60_000;

export function markRecord(topics: Topics, mark: ShadowMark): OutRecord {
  return {
    topic: topics.endpoint(mark.endpoint, 'shadow'),
    partition: mark.partition,
    key: null,
    value: encodeControl('shadow-mark', mark),
    headers: [
      CONTROL_CONTENT_TYPE,
      header(HEADER.shadow, mark.rollout),
      header(HEADER.version, String(mark.version)),
      header(HEADER.shadowMark, mark.kind),
    ],
  };
}

/** Answers that the comparison may look for are not older than this. */
export function sinceOf({ from }: PlanShadow, nowMs: number): number {
  if (from.kind === 'offset') return 0;
  return Math.max(0, (from.kind === 'timestamp' ? from.at : nowMs) - CLOCK_SKEW_MS);
}

/**
 * Where a shadow goes on that is more than `maxLag` behind: half of it behind the end, so that it does not drop a little with
 * every request; null when it is not that far behind.
 */
export function skipTarget(position: number, end: number, maxLag: number): number | null {
  return end - position > maxLag ? end - Math.floor(maxLag / 2) : null;
}
