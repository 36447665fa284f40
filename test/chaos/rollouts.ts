// Rollouts: an operator who never rests: basic, blue/green, shadow, canary promoted and canary aborted, one after another.
// Flow: control topics only, past all faults of the network; the journal says how each ended.
// Invariant: one rollout at a time; the next begins when the journal says that the last one is over.

import type { Operator } from '../../demo/run/control.ts';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { between, pick, seeded } from '../sim/random.ts';

export const KINDS = ['canary', 'canary-abort', 'shadow', 'blue-green', 'basic'] as const;
export type RolloutKind = (typeof KINDS)[number];

const VERSIONS = [1, 3, 4] as const;
const SERVES_MS = { min: 1_500, max: 5_000 } as const;
/** A tenth of all requests costs little, and every rollout but a basic one has a comparison. */
const SAMPLE = { sampleBp: 1_000 } as const;
const OPTIONS = {
  canary: (candidate: number) => ({ canary: { weightBp: 2_500 }, shadows: [{ candidate, ...SAMPLE }] }),
  shadow: () => ({ shadow: SAMPLE }),
  'blue-green': (candidate: number) => ({ shadows: [{ candidate, ...SAMPLE }] }),
  basic: () => ({}),
} as const;

/** Before a refused command is said again. */
const AGAIN_MS = 1_000;
const TIMES_MAX = 60;
/** A minute without the awaited event, twice in a row, is a controller that stands still. */
const STUCK_MAX = 2;

export interface RolloutCounts {
  /** By kind, then by outcome: promoted, aborted, failed. */
  readonly ended: Readonly<Record<RolloutKind, Record<string, number>>>;
  refused: number;
}

export class Rollouts {
  readonly counts: RolloutCounts = {
    ended: { canary: {}, 'canary-abort': {}, shadow: {}, 'blue-green': {}, basic: {} },
    refused: 0,
  };
  readonly problems: string[] = [];
  readonly #operator: Operator;
  readonly #random: () => number;
  #incumbent: number | null = null;
  #stuck = 0;

  constructor(operator: Operator, seed: number) {
    this.#operator = operator;
    this.#random = seeded(seed ^ 0x5eed);
  }

  /** The endpoint's first version. */
  async first(): Promise<void> {
    await this.#operator.apply({ candidate: VERSIONS[0], strategy: 'basic' });
    await this.#next('the first version serves', ended);
    this.#incumbent = VERSIONS[0];
  }

  /** One after another until `signal`; the one under way is brought to its end. */
  async run(signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted && this.#stuck < STUCK_MAX; round++) {
      const kind = KINDS[round % KINDS.length] ?? 'basic';
      const candidate = pick(
        this.#random,
        VERSIONS.filter((version) => version !== this.#incumbent),
      );
      try {
        await this.one(kind, { candidate, servesMs: between(this.#random, SERVES_MS.min, SERVES_MS.max), signal });
        this.#stuck = 0;
      } catch (error) {
        this.#stuck += 1;
        this.problems.push(`rollouts: ${kind}: ${errorText(error)}`);
      }
    }
    if (this.#stuck >= STUCK_MAX) this.problems.push('rollouts: the controller stands still');
  }

  async one(
    kind: RolloutKind,
    how: { readonly candidate: number; readonly servesMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { candidate, servesMs, signal } = how;
    const operator = this.#operator;
    const strategy = kind === 'canary-abort' ? 'canary' : kind;
    await operator.apply({ candidate, strategy, ...OPTIONS[strategy](candidate) });
    let event = await this.#next(`v${candidate} is ready`, (found) => found.type === 'candidate-ready' || ended(found));
    if (kind !== 'basic' && !ended(event)) {
      await clock.sleep(servesMs, signal);
      event = await this.#told(kind === 'canary-abort' ? 'abort' : 'promote', candidate);
    }
    if (!ended(event)) event = await this.#next(`the rollout of v${candidate} ends`, ended);
    this.#note(kind, event, candidate);
  }

  #note(kind: RolloutKind, event: RolloutEvent, candidate: number): void {
    if (event.type !== 'rollout-completed') return;
    const outcomes = this.counts.ended[kind];
    outcomes[event.outcome] = (outcomes[event.outcome] ?? 0) + 1;
    if (event.outcome === 'promoted') this.#incumbent = candidate;
  }

  /** Says it until it is done: a promotion is refused while an owner of the lane has just been killed. */
  async #told(verb: 'abort' | 'promote', candidate: number): Promise<RolloutEvent> {
    for (let time = 1; ; time++) {
      await this.#operator.command(verb, 'as planned');
      try {
        return await this.#operator.next(`the rollout of v${candidate} ends`, ended);
      } catch (error) {
        if (!isRefusal(error) || time === TIMES_MAX) throw error;
        this.counts.refused += 1;
      }
      await clock.sleep(AGAIN_MS);
    }
  }

  /** The next event of a kind. A refusal is counted: it may be of a command that came too late, or twice. */
  async #next(words: string, wanted: (event: RolloutEvent) => boolean): Promise<RolloutEvent> {
    for (;;) {
      try {
        return await this.#operator.next(words, wanted);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        this.counts.refused += 1;
      }
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'USAGE';
}

function ended(event: RolloutEvent): boolean {
  return event.type === 'rollout-completed';
}
