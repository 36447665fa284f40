// Neighbour: what a candidate that ails does to the answers of the incumbent beside it.
// Method: windows without, with and without the candidate, and so on, at a steady rate; only answers that the incumbent gave to
//         its own requests count. Two windows without, one before and one after, show what the machine does by itself.

import { quantile } from '../bench/measure.ts';
import { AILMENT_NAMES, AILMENTS, type Ailment, WITHOUT_BAR } from './ailments.ts';
import type { Place } from './place.ts';
import { openWindow, type WindowFigure } from './window.ts';

const P99_RATIO_MAX = 1.2;
/** Fewer say whether all requests were answered, and nothing of times. */
const PAIRS_MIN = 3;
/** Windows that nobody looks at: the compilers of broker and services are at work for half a minute (docs/benchmarks.md). */
const WARM_WINDOWS = 3;

/** Windows without a candidate before and after, and with it. */
export interface Pair {
  readonly alone: WindowFigure;
  readonly again: WindowFigure;
  readonly beside: WindowFigure;
}

export interface NeighbourReport {
  readonly ailment: Ailment;
  readonly pairs: readonly Pair[];
  /** Medians of p99: with to the mean of both without, and the slower to the faster of those two. */
  readonly ratio: number;
  readonly ratioAlone: number;
  /** Requests that nobody answered; each may have been the incumbent's. */
  readonly unanswered: number;
  /**
   * `answered`: all were, by too few pairs to say more, or beside what has no bar; `inconclusive`: two windows without a candidate already differ by more
   * than the bar allows.
   */
  readonly verdict: 'met' | 'missed' | 'inconclusive' | 'answered';
}

/** All ailments, one after another in one house. */
export async function runNeighbours(
  place: Place,
  { pairs: count, say }: { readonly pairs: number; readonly say: (line: string) => void },
): Promise<readonly NeighbourReport[]> {
  for (let warm = 0; count >= PAIRS_MIN && warm < WARM_WINDOWS; warm++) await windowAlone(place);
  const reports: NeighbourReport[] = [];
  let alone = await windowAlone(place);
  for (const ailment of AILMENT_NAMES) {
    say(`a candidate that ${ailment} beside the incumbent`);
    const pairs: Pair[] = [];
    for (let pair = 1; pair <= count; pair++) {
      const window = await openWindow(place);
      await AILMENTS[ailment](place, window.run);
      const beside = await window.close();
      const again = await windowAlone(place);
      const [before, during, after] = [alone, beside, again].map(({ p99Ms }) => `${p99Ms.toFixed(1)} ms`);
      say(`  pair ${pair}: p99 ${before} before, ${during} beside, ${after} after`);
      pairs.push({ alone, again, beside });
      alone = again;
    }
    reports.push(neighbourReport(ailment, pairs));
  }
  return reports;
}

export function neighbourReport(ailment: Ailment, pairs: readonly Pair[]): NeighbourReport {
  const ratio = median(pairs.map(({ alone, again, beside }) => beside.p99Ms / ((alone.p99Ms + again.p99Ms) / 2)));
  const ratioAlone = median(
    pairs.map(({ alone: { p99Ms: a }, again: { p99Ms: b } }) => Math.max(a, b) / Math.min(a, b)),
  );
  const unanswered = pairs
    .flatMap(({ alone, again, beside }) => [alone, again, beside])
    .reduce((sum, window) => sum + window.unanswered, 0);
  return { ailment, pairs, ratio, ratioAlone, unanswered, verdict: verdictOf() };

  function verdictOf(): NeighbourReport['verdict'] {
    if (unanswered > 0) return 'missed';
    if (pairs.length < PAIRS_MIN || WITHOUT_BAR.includes(ailment)) return 'answered';
    if (ratio <= P99_RATIO_MAX) return 'met';
    return ratioAlone > P99_RATIO_MAX ? 'inconclusive' : 'missed';
  }
}

async function windowAlone(place: Place): Promise<WindowFigure> {
  const window = await openWindow(place);
  await window.run();
  return window.close();
}

function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
