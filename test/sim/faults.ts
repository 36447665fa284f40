// Faults: what goes wrong in a simulated house, when and where, drawn from the seed.
// Flow: the memory log's hooks ask [Faults] at every request; the world asks it what to do to whole processes.
// Invariant: every draw happens whether or not its fault is still allowed, so that a shorter prefix of the faults of a seed
//            meets the same draws up to where it ends.

import type { LogHooks } from '../../shared/bus/memory/hooks.ts';
import { between, type Random } from './random.ts';
import type { SimClock } from './sim-clock.ts';

export const FAULT_KINDS = [
  'crash-before-commit',
  'crash-after-commit',
  'commit-fails',
  'commit-answer-lost',
  'write-fails',
  'write-answer-lost',
  'fence-fails',
  'delay',
  'crash',
  'zombie',
  'rebalance',
  'model-slow',
  'model-hangs',
  'model-crashes',
  'model-bad-row',
  'model-does-not-load',
  'control-repeated',
  'control-reordered',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Longest pause of a delayed request, ms. */
const DELAY_MS_MAX = 400;
/** A delay that outlives sessions and transactions, ms. */
const LONG_DELAY_MS_MAX = 7_000;

export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #random: Random;
  readonly #clock: SimClock;
  readonly #max: number;
  #total = 0;
  #healed = false;
  /** Kills a process by its name; set by the world. */
  kill: (client: string) => void = () => {};

  constructor(random: Random, clock: SimClock, max: number) {
    this.#random = random;
    this.#clock = clock;
    this.#max = max;
  }

  get total(): number {
    return this.#total;
  }

  /** From now on nothing goes wrong any more. */
  heal(): void {
    this.#healed = true;
  }

  /** Whether a fault of this kind happens now. */
  happens(kind: FaultKind, chance: number): boolean {
    const drawn = this.#random() < chance;
    if (!drawn || this.#healed || this.#total >= this.#max) return false;
    this.#total += 1;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return true;
  }

  /** Hooks of the memory log. `spared` clients are the simulation's own. */
  hooks(spared: ReadonlySet<string>, note: (what: string, context: object) => void): LogHooks {
    const watched = <C extends { readonly client: string }>(what: string, act: (context: C) => Promise<void>) => {
      return async (context: C): Promise<void> => {
        note(what, context);
        if (!spared.has(context.client)) await act(context);
      };
    };
    return {
      beforeAppend: watched('append', async () => {
        await this.#delay(0.02);
        if (this.happens('write-fails', 0.004)) throw new RangeError('the write fails');
      }),
      afterAppend: watched('appended', async () => {
        if (this.happens('write-answer-lost', 0.004)) throw new RangeError('the answer to the write is lost');
      }),
      beforeCommit: watched('commit', async ({ client }) => {
        await this.#delay(0.05);
        if (this.happens('crash-before-commit', 0.006)) this.kill(client);
        if (this.happens('commit-fails', 0.01)) throw new RangeError('the commit fails');
      }),
      afterCommit: watched('committed', async ({ client }) => {
        if (this.happens('crash-after-commit', 0.006)) this.kill(client);
        if (this.happens('commit-answer-lost', 0.01)) throw new RangeError('the answer to the commit is lost');
      }),
      beforeFence: watched('fence', async () => {
        await this.#delay(0.3);
        if (this.happens('fence-fails', 0.02)) throw new RangeError('the fence fails');
      }),
      onDeliver: watched('deliver', () => this.#delay(0.02)),
    };
  }

  async #delay(chance: number): Promise<void> {
    const long = this.#random() < 0.1;
    const ms = between(this.#random, 1, long ? LONG_DELAY_MS_MAX : DELAY_MS_MAX);
    if (this.happens('delay', chance)) await this.#clock.sleep(ms);
  }
}
