// Answers: what a consumer of E.predictions sees, as it sees it: how many, and for how long none.
// Flow: one group-less read_committed reader, past all faults of the network → counts and [Meter]s by partition.
// Invariant: memory does not grow with the answers. That each is right is the audit's business.

import type { Bus } from '../../shared/bus/bus.ts';
import type { Clock } from '../../shared/domain/clock.ts';

const POLL_MS = 20;

export class Answers {
  readonly partitions: readonly number[];
  readonly #counts: number[];
  readonly #lastMs: number[];
  readonly #meters = new Set<Meter>();
  readonly #clock: Clock;

  constructor(partitions: number, clock: Clock) {
    this.partitions = Array.from({ length: partitions }, (_, partition) => partition);
    this.#counts = this.partitions.map(() => 0);
    this.#lastMs = this.partitions.map(() => clock.nowMs());
    this.#clock = clock;
  }

  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  of(partition: number): number {
    return this.#counts[partition] ?? 0;
  }

  /** Reads until `signal`. @throws what ends the reading */
  async follow(bus: Bus, topic: string, signal: AbortSignal): Promise<void> {
    for await (const { partition, records } of bus.read({ topic, from: 'earliest', until: 'never', signal })) {
      if (records.length > 0) this.note(partition, records.length);
    }
  }

  note(partition: number, answers: number): void {
    const nowMs = this.#clock.nowMs();
    for (const meter of this.#meters) meter.note(partition, nowMs);
    this.#counts[partition] = (this.#counts[partition] ?? 0) + answers;
    this.#lastMs[partition] = nowMs;
  }

  /** Measures from the last answers before now on. */
  meter(): Meter {
    const meter = new Meter(this.#clock, this.#lastMs, () => this.#meters.delete(meter));
    this.#meters.add(meter);
    return meter;
  }

  /** Waits until each of `partitions` has `least` more answers. @returns those that had not, after `withinMs` */
  async progress(
    partitions: readonly number[],
    want: { readonly least: number; readonly withinMs: number },
  ): Promise<readonly number[]> {
    const before = [...this.#counts];
    const deadlineMs = this.#clock.nowMs() + want.withinMs;
    for (;;) {
      const waiting = partitions.filter((p) => (this.#counts[p] ?? 0) - (before[p] ?? 0) < want.least);
      if (waiting.length === 0 || this.#clock.nowMs() > deadlineMs) return waiting;
      await this.#clock.sleep(POLL_MS);
    }
  }
}

/** The longest silence of each partition while it runs. */
export class Meter {
  readonly #clock: Clock;
  readonly #lastMs: number[];
  readonly #worstMs: number[];
  readonly #end: () => void;

  constructor(clock: Clock, lastMs: readonly number[], end: () => void) {
    this.#clock = clock;
    this.#lastMs = [...lastMs];
    this.#worstMs = lastMs.map(() => 0);
    this.#end = end;
  }

  note(partition: number, nowMs: number): void {
    const gapMs = nowMs - (this.#lastMs[partition] ?? nowMs);
    this.#worstMs[partition] = Math.max(this.#worstMs[partition] ?? 0, gapMs);
    this.#lastMs[partition] = nowMs;
  }

  /** Longest silence of any of `partitions`, the present one included, ms; 0 for none. */
  worstMs(partitions: readonly number[]): number {
    const nowMs = this.#clock.nowMs();
    return Math.max(0, ...partitions.map((p) => Math.max(this.#worstMs[p] ?? 0, nowMs - (this.#lastMs[p] ?? nowMs))));
  }

  stop(): void {
    this.#end();
  }
}
