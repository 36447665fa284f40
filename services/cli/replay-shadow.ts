// ReplayShadow: recorded requests scored by a candidate now, and compared with the answers that were given then.
// Flow: E.requests (from a time to where it ends now) → sampled → scored → joined with E.predictions and labels → report.
// Invariants: writes nothing and joins no group, so that live traffic goes on beside it; answers are read no further than the
//             scoring has come, so that memory does not grow with the time that is replayed.

import type { Bus, ReadFrom } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { addAnswer } from '../../shared/comparing/add-answer.ts';
import { readOutcome } from '../../shared/comparing/outcomes.ts';
import { mergedReport } from '../../shared/comparing/reports.ts';
import { Comparison, type SavedComparison } from '../../shared/comparison/comparison.ts';
import type { Field } from '../../shared/comparison/outcome.ts';
import type { ComparisonReport } from '../../shared/comparison/report.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, headerBytes } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { requestIdOf } from '../../shared/domain/route.ts';
import type { ModelRef } from '../../shared/domain/route-plan.ts';
import { samplerOf } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { scoreCopies } from '../../shared/serving/copies.ts';
import type { Versions } from '../../shared/serving/versions.ts';

export interface ReplayOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly model: ModelRef;
  readonly versions: Versions;
  readonly clock: Clock;
  /** Requests from this time on, milliseconds since the epoch. */
  readonly fromMs: number;
  /** Part of them that is scored, basis points. */
  readonly sampleBp: number;
  readonly signal: AbortSignal;
  /** Requests that are done, of so many. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Clocks of the machines that answered may differ by so much. */
const CLOCK_SKEW_MS = 60_000;
/** Longest wait for answers to what was scored. */
const ANSWERS_DEADLINE_MS = 10_000;
const ANSWERS_POLL_MS = 200;
/** Labels are all there from the beginning, so nothing waits for one. */
const LIMITS = { window: 100_000, labelWindow: 0, windowMs: 3_600_000 };

type Part = SavedComparison & { readonly fields: readonly Field[] };

/** @throws MODEL_UNAVAILABLE when the candidate ends for good; TOPIC_UNKNOWN; TIMED_OUT when interrupted */
export async function replayShadow(options: ReplayOptions): Promise<ComparisonReport> {
  const { bus, topics, endpoint, fromMs, model, onProgress } = options;
  const requests = topics.endpoint(endpoint, 'requests');
  const places = await bus.admin.offsets(requests);
  const done = new Map<number, number>();
  const starts = new Map<number, number>();
  const total = () => places.reduce((sum, { partition, end }) => sum + end - (starts.get(partition) ?? end), 0);
  const parts = await Promise.all(
    places.map(async ({ partition, end }) => {
      const replay = new PartitionReplay(options, partition);
      return replay.run({ timestampMs: fromMs }, end, (start, position) => {
        starts.set(partition, start);
        done.set(partition, position - start);
        onProgress(
          [...done.values()].reduce((sum, count) => sum + count, 0),
          total(),
        );
      });
    }),
  );
  return mergedReport({ endpoint, run: `replay/${model.version}` }, parts);
}

class PartitionReplay {
  readonly #options: ReplayOptions;
  readonly #partition: number;
  readonly #fields: Field[] = [];
  readonly #comparison: Comparison;
  readonly #isSampled: (requestId: Uint8Array) => boolean;
  #answers: AsyncIterator<{ readonly records: readonly InRecord[]; readonly nextOffset: number }> | null = null;
  #answersAt: ReadFrom;
  #outputs = 0;

  constructor(options: ReplayOptions, partition: number) {
    const { topics, endpoint, sampleBp, fromMs } = options;
    this.#options = options;
    this.#partition = partition;
    this.#isSampled = samplerOf(endpoint, sampleBp);
    this.#answersAt = { timestampMs: Math.max(0, fromMs - CLOCK_SKEW_MS) };
    const names = {
      requests: topics.endpoint(endpoint, 'requests'),
      predictions: topics.endpoint(endpoint, 'predictions'),
      shadow: topics.endpoint(endpoint, 'shadow'),
    };
    this.#comparison = new Comparison({ ...LIMITS, partition, fields: this.#fields, paired: true, topics: names });
  }

  async run(from: ReadFrom, end: number, onProgress: (start: number, position: number) => void): Promise<Part> {
    const { bus, topics, endpoint, signal } = this.#options;
    const { join } = this.#comparison;
    const topic = topics.endpoint(endpoint, 'requests');
    const partitions = [this.#partition];
    let start = -1;
    let scoring: Promise<void> = Promise.resolve();
    for await (const batch of bus.read({ topic, partitions, from, until: 'end', signal })) {
      const records = batch.records.filter(({ offset }) => offset < end);
      if (start < 0) {
        start = records[0]?.offset ?? batch.nextOffset;
        join.begin(start);
        await this.#readLabels();
      }
      await scoring;
      // Requests that came since the end was fixed are neither scored nor missed.
      const position = Math.min(end, batch.nextOffset);
      scoring = this.#score(records, position).then(() => onProgress(start, position));
      // Awaited before the next batch and at the end; until then a rejection is not unhandled.
      scoring.catch(() => {});
      await this.#catchUp();
    }
    await scoring;
    this.#requireGoing();
    await this.#awaitAnswers();
    await this.#answers?.return?.();
    join.finish();
    this.#comparison.take();
    return { ...this.#comparison.saved(), fields: this.#fields };
  }

  async #score(records: readonly InRecord[], nextOffset: number): Promise<void> {
    const { endpoint, topics, versions, model } = this.#options;
    const sampled = records.filter((record) => this.#isSampled(requestIdOf(record)));
    const outputs = await scoreCopies({ endpoint, topics, versions, model, rollout: 'replay' }, sampled);
    const { join } = this.#comparison;
    for (const output of outputs) {
      const record = this.#asRead(output);
      const read = readOutcome(record, { fields: this.#fields, tolerances: [] });
      join.shadow.read(record.offset, read.kind === 'outcome' ? read.source : -1);
      if (read.kind === 'outcome') join.addShadow(read.source, read.placed);
      else join.addUnreadable('shadow', record.offset);
    }
    join.progress({ from: join.shadowed, to: nextOffset, skipped: false });
  }

  /** An output that nobody writes, as if it had been read. */
  #asRead(output: OutRecord): InRecord {
    return { ...output, offset: this.#outputs++, timestampMs: 0 };
  }

  /** Reads answers until they have come as far as the scoring, or end. */
  async #catchUp(): Promise<void> {
    const { join } = this.#comparison;
    const { bus, topics, endpoint, signal } = this.#options;
    const topic = topics.endpoint(endpoint, 'predictions');
    const read = { topic, partitions: [this.#partition], until: 'end', signal } as const;
    this.#answers ??= bus.read({ ...read, from: this.#answersAt })[Symbol.asyncIterator]();
    const isBehind = () => join.live.high < join.shadowed - 1;
    const mayAnswer = () => join.unanswered > 0 && join.live.high < join.shadowed + LIMITS.window;
    while (isBehind() || mayAnswer()) {
      const { value, done } = await this.#answers.next();
      if (done === true) {
        this.#answers = null;
        return;
      }
      this.#answersAt = value.nextOffset;
      for (const record of value.records) this.#addLive(record);
    }
  }

  #addLive(record: InRecord): void {
    const hasOwnId = headerBytes(record.headers, HEADER.cloudEventId) !== null;
    addAnswer(this.#comparison, record, {
      fields: this.#fields,
      tolerances: [],
      isSampled: this.#isSampled,
      ownId: (requestId) => (hasOwnId ? Buffer.from(requestId).toString() : null),
    });
  }

  /** The newest requests may be under way: their answers are waited for, but not for ever. */
  async #awaitAnswers(): Promise<void> {
    const { clock, signal } = this.#options;
    const deadlineMs = clock.nowMs() + ANSWERS_DEADLINE_MS;
    for (;;) {
      await this.#catchUp();
      if (this.#comparison.join.unanswered === 0 || clock.nowMs() > deadlineMs || signal.aborted) return;
      await clock.sleep(ANSWERS_POLL_MS, signal);
    }
  }

  async #readLabels(): Promise<void> {
    const { bus, topics, endpoint, signal } = this.#options;
    const topic = topics.endpoint(endpoint, 'keyed-labels');
    const source = { topic, partitions: [this.#partition], from: 'earliest', until: 'end', signal } as const;
    for await (const { records } of bus.read(source)) {
      for (const record of records) {
        const { offset, requestId, values } = decodeControl('keyed-label', record);
        const label = { offset: record.offset, values, requestsEnd: 0 };
        this.#comparison.addLabel(offset < 0 ? requestId : offset, label);
      }
    }
    this.#requireGoing();
  }

  #requireGoing(): void {
    if (this.#options.signal.aborted) throw new MillraceError('TIMED_OUT', { detail: 'interrupted' });
  }
}
