// Partition: the comparator's work on one partition of an endpoint, from fence to loss.
// Reads as: fence → read the totals of earlier owners → per run a task → take what there is, and now and then commit totals, windows
//           and examples in one transaction.
// Invariant: the totals are the only memory. They are written with everything that follows from them, or not at all; so
//            whoever comes next counts as if nobody had ever gone.

import type { Bus, OwnedPartition } from '../../shared/bus/bus.ts';
import { begunBy, runOf } from '../../shared/comparing/begun-by.ts';
import { Input } from '../../shared/comparing/input.ts';
import type { Limits } from '../../shared/comparing/limits.ts';
import { readTotals } from '../../shared/comparing/read-totals.ts';
import type { Run } from '../../shared/comparing/run-records.ts';
import { type Tails, tailsOf } from '../../shared/comparing/tail.ts';
import { type Start, Task } from '../../shared/comparing/task.ts';
import type { Table } from '../../shared/control/table.ts';
import { type Clock, sleepUnless } from '../../shared/domain/clock.ts';
import { runKey } from '../../shared/domain/comparison.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { recordsOf, tombstone } from './commit-records.ts';
import { COMMIT_INTERVAL_MS, FETCH_INTERVAL_MS } from './pace.ts';

/** Records that a task takes before the event loop, and then the other tasks, have their turn. */
const STEP_RECORDS = 256;
/** Runs that are over and still on record, per partition. */
const ENDED_MAX = 64;
/** Longest wait when there is nothing to do. */
const IDLE_WAIT_MS = 1_000;

/** Key of the run without a pair. */
const LIVE = runKey({ rollout: '', version: 0 });

export interface ComparePartitionDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  readonly endpoint: string;
  readonly limits: Limits;
  readonly plans: Table<RoutePlan>;
}

/** Compares one partition until it is lost. Any rejection unfences; the bus starts the work over. */
export async function comparePartition(deps: ComparePartitionDeps, owned: OwnedPartition): Promise<void> {
  await owned.fence();
  const work = new PartitionWork(deps, owned);
  try {
    await work.restore();
    await owned.resume();
    await work.run();
  } finally {
    await work.stop();
  }
}

class PartitionWork {
  readonly #deps: ComparePartitionDeps;
  readonly #owned: OwnedPartition;
  readonly #tasks = new Map<string, Task>();
  /** Runs that are over, the one that ended first first. */
  readonly #ended: string[] = [];
  /** Runs and scopes of which it was told that their totals hold less than was counted. */
  readonly #reduced = new Set<string>();
  readonly #tails: Tails;
  #marks: Input | null = null;
  #arrival = new AbortController();
  #committedMs = 0;

  constructor(deps: ComparePartitionDeps, owned: OwnedPartition) {
    this.#deps = deps;
    this.#owned = owned;
    const { bus, topics, endpoint } = deps;
    const onChange = () => this.#arrival.abort();
    this.#tails = tailsOf(topics, endpoint, {
      bus,
      partition: owned.partition,
      fetchIntervalMs: FETCH_INTERVAL_MS,
      onChange,
    });
  }

  /** What earlier owners were at, goes on; of what they ended, the names are kept. */
  async restore(): Promise<void> {
    const { topic, partition, lost: signal } = this.#owned;
    const onUnreadable = (_: InRecord, error: unknown) =>
      this.#deps.log('control-unreadable', { service: 'comparator', error });
    const newest = await readTotals({ ...this.#deps, partitions: [partition], signal, onUnreadable });
    if (signal.aborted) throw new MillraceError('PARTITION_LOST', { topic, partition });
    for (const totals of newest.sort((a, b) => a.atMs - b.atMs)) {
      const key = runKey(totals);
      if (totals.ended) this.#ended.push(key);
      else this.#open(key, runOf(totals), { totals });
    }
  }

  async run(): Promise<void> {
    const { clock, plans } = this.#deps;
    const { lost } = this.#owned;
    const live = this.#tasks.get(LIVE) ?? this.#open(LIVE, null, null);
    this.#marks = new Input(this.#tails.shadow, live.searched);
    while (!lost.aborted) {
      const { changed } = plans;
      this.#arrival = new AbortController();
      this.#discover(live);
      await this.#leave();
      const goesOn = await this.#step();
      await this.#commitDue();
      if (!goesOn) await sleepUnless(clock, IDLE_WAIT_MS, this.#arrival.signal, changed, lost);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#marks?.stop(), ...[...this.#tasks.values()].map((task) => task.stop())]);
    await Promise.all(Object.values(this.#tails).map((tail) => tail.stop()));
  }

  /** Every task in turn. @returns whether there may be more to take */
  async #step(): Promise<boolean> {
    const { clock } = this.#deps;
    let goesOn = false;
    for (const task of this.#tasks.values()) {
      if (task.step(STEP_RECORDS, clock.nowMs()) === 0) continue;
      goesOn = true;
      // There may be many tasks, and whoever holds up the event loop for long loses its session.
      await clock.sleep(0);
    }
    for (const tail of Object.values(this.#tails)) if (tail.turn()) goesOn = true;
    return goesOn;
  }

  /** A task for every run whose mark is there: whoever reads the topic again finds the same runs. */
  #discover(live: Task): void {
    for (let record = this.#marks?.head ?? null; record !== null; record = this.#marks?.head ?? null) {
      const run = begunBy(record)?.run;
      const key = run === undefined ? '' : runKey(run);
      if (run !== undefined && !this.#isKnown(key)) this.#open(key, run, { markOffset: record.offset });
      this.#marks?.shift();
    }
    live.searched = this.#marks?.nextOffset ?? 0;
  }

  #isKnown(key: string): boolean {
    return this.#tasks.has(key) || this.#ended.includes(key);
  }

  /** Runs that no plan names any more end in their own time. */
  async #leave(): Promise<void> {
    const { plans, endpoint, clock } = this.#deps;
    const plan = plans.get(endpoint);
    const named = (plan?.shadows ?? []).map(({ version }) => runKey({ rollout: plan?.rollout ?? '', version }));
    for (const [key, task] of this.#tasks) {
      if (key === LIVE || named.includes(key)) continue;
      task.leave(clock.nowMs());
      if (!task.ended || task.changed) continue;
      this.#ended.push(key);
      this.#tasks.delete(key);
      await task.stop();
    }
  }

  #open(key: string, run: Run | null, start: Start): Task {
    const task = new Task({ ...this.#deps, partition: this.#owned.partition, tails: this.#tails }, run, start);
    this.#tasks.set(key, task);
    return task;
  }

  async #commitDue(): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs - this.#committedMs < COMMIT_INTERVAL_MS) return;
    const changed = [...this.#tasks].filter(([, task]) => task.changed);
    if (changed.length === 0) return;
    const { topics, limits } = this.#deps;
    const outputs = changed.flatMap(([key, task]) => {
      const written = task.take(nowMs);
      this.#tellReduced(key, written.reduced);
      return recordsOf(written, { topics, windowMs: limits.windowMs });
    });
    const forgotten = this.#ended.splice(0, this.#ended.length - ENDED_MAX);
    outputs.push(
      ...forgotten.map((key) => tombstone(topics.endpoint(this.#deps.endpoint, 'totals'), this.#owned.partition, key)),
    );
    const nextOffset = this.#tasks.get(LIVE)?.livePosition ?? 0;
    await this.#owned.commit({ outputs, nextOffset });
    this.#committedMs = nowMs;
  }

  /** Once for each scope: from then on its record is full for good. */
  #tellReduced(run: string, scopes: readonly string[]): void {
    const { endpoint, log } = this.#deps;
    for (const scope of scopes) {
      if (this.#reduced.has(`${run} ${scope}`)) continue;
      this.#reduced.add(`${run} ${scope}`);
      log('totals-reduced', { endpoint, partition: this.#owned.partition, run, versions: scope });
    }
  }
}
