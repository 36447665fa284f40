// Run: many inputs of one target, from one seed: either with coverage, to grow a corpus, or at full speed from one.
// Why apart: V8 counts blocks only in functions that it compiled while counting, and those stay slow for good. So each
//            kind runs in a thread of its own (worker.ts).
// Invariants: same target, seed, slice, corpus and count, same inputs; every input is held to all three limits.

import { setImmediate } from 'node:timers/promises';
import { pick, type Random, seeded } from '../sim/random.ts';
import type { Coverage } from './coverage.ts';
import { type Finding, Judge, type JudgeTotals } from './judge.ts';
import { type Draft, fill, mutate, newDraft, randomBytes, type Source } from './mutate.ts';
import { INPUT_BYTES_MAX, type Target } from './target.ts';

/** One input in so many is a bomb: a large one. */
const BOMB_ONE_IN = 4_000;
const RANDOM_ONE_IN = 50;
const BATCH_INPUTS = 128;
const CORPUS_MAX = 4_096;
const CORPUS_INPUT_BYTES_MAX = 4_096;
const FINDINGS_MAX = 10;

export interface SliceOptions {
  readonly seed: number;
  /** Slices of one target have different inputs. */
  readonly slice: number;
  readonly inputs: number;
  /** Inputs to start from, beside the target's own. */
  readonly corpus?: readonly Uint8Array[];
  /** Inputs that are judged once, first. */
  readonly first?: readonly Uint8Array[];
  /** Started before anything of the target was called; then inputs that reach new branches are kept. */
  readonly coverage?: Coverage;
  /** So many findings end the slice. */
  readonly findingsMax?: number;
}

export interface SliceReport extends JudgeTotals {
  readonly inputs: number;
  readonly seconds: number;
  /** Inputs that were kept because they reached something new. */
  readonly kept: readonly Uint8Array[];
  /** Inputs that were too slow with coverage and have to be judged without it. */
  readonly postponed: readonly Uint8Array[];
  /** Branches reached; 0 without coverage. */
  readonly branches: number;
  readonly findings: readonly Finding[];
}

export function runSlice(target: Target, options: SliceOptions): Promise<SliceReport> {
  return new Slice(target, options).run();
}

class Slice {
  readonly #target: Target;
  readonly #options: SliceOptions;
  readonly #random: Random;
  readonly #corpus: Uint8Array[];
  readonly #judge: Judge;
  readonly #draft: Draft = newDraft();
  readonly #source: Source;
  readonly #kept: Uint8Array[] = [];
  #done = 0;

  constructor(target: Target, options: SliceOptions) {
    this.#target = target;
    this.#options = options;
    const part = 2 * options.slice + (options.coverage === undefined ? 0 : 1);
    this.#random = seeded(Math.imul(options.seed, 7_919) + part);
    this.#corpus = [...target.seeds(), ...(options.corpus ?? [])];
    this.#judge = new Judge(target, options.coverage === undefined);
    const tokens = target.tokens.map((token) => Buffer.from(token));
    this.#source = { random: this.#random, tokens, other: () => pick(this.#random, this.#corpus) };
  }

  async run(): Promise<SliceReport> {
    const { coverage, inputs } = this.#options;
    const startMs = performance.now();
    for (const bytes of [...this.#corpus]) await this.#judge.judge(Buffer.from(bytes));
    await this.#judge.settle();
    for (const bytes of this.#options.first ?? []) await this.#judge.judge(Buffer.from(bytes));
    if (coverage !== undefined) await this.#explore(coverage, inputs);
    while (this.#done < inputs && !this.#enough) {
      this.#next();
      await this.#judge.judge(this.#draft.bytes.subarray(0, this.#draft.length));
      this.#done += 1;
      // As in a service: now and then the event loop turns, and lets go what it must.
      if (this.#done % BATCH_INPUTS === 0) await setImmediate();
    }
    const seconds = (performance.now() - startMs) / 1_000;
    const totals = await this.#judge.totals();
    const { findings } = this.#judge;
    const { postponed } = this.#judge;
    return {
      inputs: this.#done,
      seconds,
      kept: this.#kept,
      postponed,
      branches: coverage?.reached ?? 0,
      ...totals,
      findings,
    };
  }

  get #enough(): boolean {
    return this.#judge.findings.length >= (this.#options.findingsMax ?? FINDINGS_MAX);
  }

  /** The next input, in the draft. */
  #next(): void {
    const { bombs, mend } = this.#target;
    const chance = this.#random();
    if (bombs.length > 0 && chance < 1 / BOMB_ONE_IN) {
      fill(this.#draft, pick(this.#random, bombs)(Math.ceil(INPUT_BYTES_MAX * this.#random() ** 2)));
      if (this.#random() < 0.5) return;
    } else if (chance < 1 / RANDOM_ONE_IN) {
      randomBytes(this.#draft, this.#random);
      return;
    } else fill(this.#draft, pick(this.#random, this.#corpus));
    mutate(this.#draft, this.#source);
    if (mend !== undefined && this.#random() < 0.9) mend(this.#draft.bytes.subarray(0, this.#draft.length));
  }

  /** Batches with coverage; inputs that reach something new join the corpus. */
  async #explore(coverage: Coverage, inputs: number): Promise<void> {
    coverage.keep(coverage.take());
    while (this.#done < inputs && !this.#enough) {
      const batch: Buffer[] = [];
      while (batch.length < BATCH_INPUTS && this.#done < inputs) {
        this.#next();
        const input = Buffer.from(this.#draft.bytes.subarray(0, this.#draft.length));
        batch.push(input);
        await this.#judge.judge(input);
        this.#done += 1;
      }
      await setImmediate();
      const fresh = coverage.take();
      if (fresh.size > 0) await this.#locate(coverage, batch, fresh);
    }
  }

  /** Runs halves again until the inputs stand alone that reached `fresh` first. */
  async #locate(coverage: Coverage, batch: readonly Buffer[], fresh: ReadonlySet<string>): Promise<void> {
    const [only] = batch;
    if (only === undefined || fresh.size === 0) return;
    if (batch.length === 1) {
      coverage.keep(fresh);
      if (only.length > CORPUS_INPUT_BYTES_MAX || this.#corpus.length >= CORPUS_MAX) return;
      this.#corpus.push(only);
      this.#kept.push(only);
      return;
    }
    const half = batch.slice(0, batch.length >> 1);
    for (const bytes of half) await this.#judge.execute(bytes);
    const first = new Set([...coverage.take()].filter((branch) => fresh.has(branch)));
    await this.#locate(coverage, half, first);
    await this.#locate(coverage, batch.slice(half.length), new Set([...fresh].filter((branch) => !first.has(branch))));
  }
}
