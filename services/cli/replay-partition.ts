// ReplayPartition: the replay of one partition: requests scored batch by batch, answers and labels read in step with them.
// Invariant: memory does not grow with the time that is replayed: answers are read no further than the scoring has come, labels no
//            further than the answers, and what no label can come for any more is forgotten.

import type { ReadFrom } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { addAnswer } from '../../shared/comparing/add-answer.ts';
import { readOutcome } from '../../shared/comparing/outcomes.ts';
import { Comparison, type SavedComparison } from '../../shared/comparison/comparison.ts';
import type { Field } from '../../shared/comparison/outcome.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, headerBytes } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { requestIdOf } from '../../shared/domain/route.ts';
import { samplerOf } from '../../shared/domain/shadow.ts';
import { scoreCopies } from '../../shared/serving/copies.ts';
import { RecordFeed } from './record-feed.ts';
import type { ReplayOptions } from './replay-options.ts';

/** Clocks of the machines that answered may differ by so much. */
const CLOCK_SKEW_MS = 60_000;
/** Longest wait for answers to what was scored. */
const ANSWERS_DEADLINE_MS = 10_000;
const ANSWERS_POLL_MS = 200;
const LIMITS = { window: 100_000, windowMs: 3_600_000 };

type Part = SavedComparison & { readonly fields: readonly Field[] };

export class PartitionReplay {
  readonly #options: ReplayOptions;
  readonly #partition: number;
  readonly #fields: Field[] = [];
  readonly #comparison: Comparison;
  readonly #isSampled: (requestId: Uint8Array) => boolean;
  readonly #answers: RecordFeed;
  readonly #labels: RecordFeed;
  #outputs = 0;

  constructor(options: ReplayOptions, partition: number) {
    const { topics, endpoint, sampleBp, fromMs, labelWindow } = options;
    this.#options = options;
    this.#partition = partition;
    this.#isSampled = samplerOf(endpoint, sampleBp);
    // No answer or label is older than its request.
    const since = { timestampMs: Math.max(0, fromMs - CLOCK_SKEW_MS) };
    const feed = (kind: 'predictions' | 'keyed-labels') =>
      new RecordFeed({ ...options, topic: topics.endpoint(endpoint, kind), partition }, since);
    this.#answers = feed('predictions');
    this.#labels = feed('keyed-labels');
    const names = {
      requests: topics.endpoint(endpoint, 'requests'),
      predictions: topics.endpoint(endpoint, 'predictions'),
      shadow: topics.endpoint(endpoint, 'shadow'),
    };
    const kept = { ...LIMITS, labelWindow, fields: this.#fields };
    this.#comparison = new Comparison({ ...kept, partition, paired: true, topics: names });
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
      }
      await scoring;
      // Requests that came since the end was fixed are neither scored nor missed.
      const position = Math.min(end, batch.nextOffset);
      scoring = this.#score(records, position).then(() => onProgress(start, position));
      // Awaited before the next batch and at the end; until then a rejection is not unhandled.
      scoring.catch(() => {});
      await this.#catchUp();
      await this.#addLabels(join.live.high + 1);
      // Called for what it forgets; only the last totals are wanted.
      this.#comparison.take();
      this.#comparison.saved();
    }
    await scoring;
    await this.#awaitAnswers();
    await this.#addLabels(Number.POSITIVE_INFINITY);
    await Promise.all([this.#answers.stop(), this.#labels.stop()]);
    this.#requireGoing();
    join.finish();
    this.#comparison.take();
    const saved = this.#comparison.saved();
    // The outputs lie nowhere: their offsets are the join's alone.
    const examples = saved.examples.map((example) => ({ ...example, at: { ...example.at, shadow: null } }));
    return { ...saved, examples, fields: this.#fields };
  }

  async #score(records: readonly InRecord[], nextOffset: number): Promise<void> {
    const { endpoint, topics, versions, model } = this.#options;
    const sampled = records.filter((record) => this.#isSampled(requestIdOf(record)));
    const outputs = await scoreCopies({ endpoint, topics, versions, model, rollout: 'replay' }, sampled);
    const { join } = this.#comparison;
    for (const output of outputs) {
      const record = this.#asRead(output);
      const read = readOutcome(record, { fields: this.#fields, tolerances: this.#options.tolerances });
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
    const isBehind = () => join.live.high < join.shadowed - 1;
    const mayAnswer = () => join.unanswered > 0 && join.live.high < join.shadowed + LIMITS.window;
    while (isBehind() || mayAnswer()) {
      const record = await this.#answers.head();
      if (record === null) return;
      this.#addLive(record);
      this.#answers.shift();
    }
  }

  #addLive(record: InRecord): void {
    const hasOwnId = headerBytes(record.headers, HEADER.cloudEventId) !== null;
    addAnswer(this.#comparison, record, {
      fields: this.#fields,
      tolerances: this.#options.tolerances,
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

  /**
   * Takes labels that were keyed before there were more requests than these. One may name an id that only its answer tells, and of
   * labels that wait for their ids a bounded number is kept: so it is taken no sooner than the answers to what was asked before it.
   */
  async #addLabels(requestsEnd: number): Promise<void> {
    for (let record = await this.#labels.head(); record !== null; record = await this.#labels.head()) {
      const label = decodeControl('keyed-label', record);
      if (label.requestsEnd > requestsEnd) return;
      this.#comparison.addLabel(label.offset < 0 ? label.requestId : label.offset, { ...label, offset: record.offset });
      this.#labels.shift();
    }
  }

  #requireGoing(): void {
    if (this.#options.signal.aborted) throw new MillraceError('TIMED_OUT', { detail: 'interrupted' });
  }
}
