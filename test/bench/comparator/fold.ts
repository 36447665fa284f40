// Fold: pairs per CPU-second, decoded, joined and folded into all metrics.
// Method: records are made between the measured stretches, as many as a fetch brings. What garbage the product makes is collected
//         before a stretch ends, and counts. What making records costs does not: two collections of the young generation move them
//         out of it before the clock starts, so that the product's find none of them, and full ones, which records that are
//         let go would bring about within the clock sooner or later, run between stretches too.

import { RunRecords } from '../../../shared/comparing/run-records.ts';
import type { Field } from '../../../shared/comparison/outcome.ts';
import { type AnswerFormat, ENDPOINT, type Pair, pairsFrom, RUN } from './answers.ts';
import { comparisonOf, PLACE } from './subject.ts';

const PAIRS = 200_000;
/** Pairs of one stretch: a fetch of each topic brings about as many. */
const FETCH_PAIRS = 500;
/** Pairs of one commit: totals and changes are taken once for each. */
const COMMIT_PAIRS = 5_000;
/** Pairs that warm the code up. */
const WARM_PAIRS = 30_000;

/** The garbage collector's threads are among the CPU. */
export function foldedPerSecond(format: AnswerFormat): number {
  const fields: Field[] = [];
  const comparison = comparisonOf(fields);
  const records = new RunRecords(comparison, { run: RUN, fields, place: { ...PLACE, endpoint: ENDPOINT } });
  const fetched: { pairs: readonly Pair[] } = { pairs: [] };
  const fold = () => {
    for (const { live, shadow, label } of fetched.pairs) {
      records.addLive(live);
      records.addShadow(shadow);
      if (label !== null) records.addLabel(label);
    }
  };
  let micros = 0;
  for (let from = 0; from < WARM_PAIRS + PAIRS; from += FETCH_PAIRS) {
    const commits = (from + FETCH_PAIRS) % COMMIT_PAIRS === 0;
    fetched.pairs = [];
    if (commits) globalThis.gc?.();
    fetched.pairs = pairsFrom(from, FETCH_PAIRS, format);
    for (let round = 0; round < 2; round++) globalThis.gc?.({ type: 'minor' });
    const before = process.cpuUsage();
    fold();
    if (commits) {
      comparison.take();
      comparison.saved();
    }
    globalThis.gc?.({ type: 'minor' });
    const { user, system } = process.cpuUsage(before);
    if (from >= WARM_PAIRS) micros += user + system;
  }
  const { matched, labelled } = comparison.join.counts;
  if (matched !== WARM_PAIRS + PAIRS || labelled !== matched / 10) throw new RangeError(`${matched} and ${labelled}`);
  return (PAIRS * 1e6) / micros;
}
