// ShadowAct: what the demo's operator sees of the shadows: the state of a comparison while it runs, and a journey in time.

import { REPLAY_DEFAULTS } from '../../services/cli/replay-options.ts';
import { replayShadow } from '../../services/cli/replay-shadow.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { type RunReport, readReports } from '../../shared/comparing/reports.ts';
import type { ComparisonReport } from '../../shared/comparison/report.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { ModelRepository } from '../../shared/models/repository.ts';
import type { ModelLauncher } from '../../shared/runtimes/model-process.ts';
import { boundAlone, Versions } from '../../shared/serving/versions.ts';
import { comparedPair } from './shadow-report.ts';

/** Longest wait for a comparison to have something to say, or to end with its rollout. */
const COMPARISON_DEADLINE_MS = 90_000;
const POLL_MS = 500;
/** Pairs from which on a comparison is worth looking at. */
const PAIRS_MIN = 300;

export interface ShadowActOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly repository: ModelRepository;
  readonly launcher: ModelLauncher;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

export class ShadowAct {
  readonly #options: ShadowActOptions;
  readonly replayed: ComparisonReport[] = [];

  constructor(options: ShadowActOptions) {
    this.#options = options;
  }

  /** Says how a candidate compares, once there is enough to compare. */
  async show(title: string, candidate: number): Promise<void> {
    const isTold = (report: ComparisonReport) => (pairOf(report, candidate)?.pairs ?? 0) >= PAIRS_MIN;
    const runs = await this.#until(`a comparison of v${candidate}`, (all) => all.some(({ report }) => isTold(report)));
    this.#say(title, runs.map(({ report }) => report).find(isTold));
  }

  /** Scores what was answered already, beside the live traffic. */
  async replay(candidate: number): Promise<void> {
    const { bus, topics, endpoint, repository, launcher, clock, say } = this.#options;
    const { digest } = await repository.manifest(endpoint, candidate);
    const model = { version: candidate, digest };
    const versions = new Versions({ endpoint, launcher, clock, onState: () => {} });
    const startMs = clock.nowMs();
    try {
      await versions.reconcile(boundAlone('replay', [model]));
      await versions.settled(model);
      const report = await replayShadow({
        ...{ ...REPLAY_DEFAULTS, bus, topics, endpoint, model, versions, clock },
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      this.replayed.push(report);
      say(`  ${report.counts.matched} requests scored again in ${((clock.nowMs() - startMs) / 1_000).toFixed(1)} s`);
      this.#say(`v${candidate} in the past`, report);
    } finally {
      await versions.stop();
    }
  }

  /** Waits until every run of a shadow has ended with its rollout, and is counted. */
  async settled(): Promise<void> {
    const isOver = ({ report, ended }: RunReport) => ended || report.run === 'live';
    await this.#until('the end of all comparisons', (runs) => runs.every(isOver));
  }

  async #until(words: string, done: (runs: readonly RunReport[]) => boolean): Promise<readonly RunReport[]> {
    const { bus, topics, endpoint, clock, say } = this.#options;
    const deadlineMs = clock.nowMs() + COMPARISON_DEADLINE_MS;
    const { signal } = new AbortController();
    const onUnreadable = (_record: unknown, error: unknown) => say(`  totals: ${String(error)}`);
    for (;;) {
      const runs = await readReports({ bus, topics, endpoint, signal, onUnreadable });
      if (done(runs)) return runs;
      if (clock.nowMs() > deadlineMs) throw new MillraceError('NOT_FOUND', { detail: `no sign of ${words}` });
      await clock.sleep(POLL_MS);
    }
  }

  #say(title: string, report: ComparisonReport | undefined): void {
    const pair = report === undefined ? null : comparedPair(report);
    if (pair?.shadow == null) return;
    const { live, shadow, pairs, fields } = pair;
    const percent = (share: number | null | undefined) => (share == null ? '–' : `${(share * 100).toFixed(1)} %`);
    this.#options.say(
      `  ${title}: ${pairs} pairs, the same digit as v${live.version} in ${percent(fields[0]?.sameClass)}; ` +
        `right in ${percent(shadow.accuracy)}, v${live.version} in ${percent(live.accuracy)}`,
    );
  }
}

function pairOf(report: ComparisonReport, candidate: number) {
  const pair = comparedPair(report);
  return pair?.shadow?.version === candidate ? pair : null;
}
