// ShadowReport: what the demo says of each candidate that was compared, from the comparisons and the answers on record.

import type { ComparisonReport, PairReport } from '../../shared/comparison/report.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';

export interface ShadowReport {
  readonly candidate: number;
  /** `live`: in the shadow of live traffic. `replay`: over requests that were answered already. */
  readonly how: 'live' | 'replay';
  readonly incumbent: number;
  /** Requests that both versions scored. */
  readonly pairs: number;
  /** Partners that never came, on either side; of the whole run. */
  readonly missing: number;
  /** Share of pairs with the same digit. */
  readonly agreement: number | null;
  /** Share of right answers on test digits, 0..1. */
  readonly accuracyIncumbent: number | null;
  readonly accuracyCandidate: number | null;
  /** Shadow outputs on the topic of the answers. */
  readonly leakedToPredictions: number;
}

/** One per run that compared two versions, in the order of the candidates. */
export function shadowReports(
  reports: readonly ComparisonReport[],
  predictions: readonly InRecord[],
): readonly ShadowReport[] {
  return reports
    .flatMap((report): ShadowReport[] => {
      const pair = comparedPair(report);
      if (pair?.shadow == null) return [];
      const candidate = pair.shadow.version;
      const { missingLive, missingShadow } = report.counts;
      return [
        {
          candidate,
          how: report.run.startsWith('replay/') ? 'replay' : 'live',
          incumbent: pair.live.version,
          pairs: pair.pairs,
          missing: missingLive + missingShadow,
          agreement: pair.fields[0]?.sameClass ?? null,
          accuracyIncumbent: pair.live.accuracy,
          accuracyCandidate: pair.shadow.accuracy,
          leakedToPredictions: predictions.filter((record) => isOutputOf(record, candidate)).length,
        },
      ];
    })
    .sort((a, b) => a.candidate - b.candidate || (a.how < b.how ? -1 : 1));
}

/** The two different versions with the most pairs; null for a noise baseline. */
export function comparedPair({ pairs }: ComparisonReport): PairReport | null {
  return pairs.find(({ live, shadow }) => shadow !== null && shadow.version !== live.version) ?? null;
}

function isOutputOf({ headers }: InRecord, candidate: number): boolean {
  return headerText(headers, HEADER.shadow) !== null && Number(headerText(headers, HEADER.version)) === candidate;
}
