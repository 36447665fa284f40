// Goal: whatever the order of transactions, read_committed shows exactly what was committed, and never changes its mind.
// Method: random histories of producers, plain writes, fences and time-outs, beside a model that keeps lists.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OutRecord } from '../../domain/record.ts';
import { type MemoryLog, memoryLog } from './memory-log.ts';
import type { ProducerEpoch } from './transactions.ts';

const PRODUCERS = ['a', 'b', 'c'] as const;
const PARTITIONS = 2;
const TIMEOUT_MS = 100;

const step = fc.record({
  act: fc.constantFrom('send', 'send', 'send', 'commit', 'abort', 'fence', 'plain', 'time'),
  producer: fc.constantFrom(...PRODUCERS),
  partition: fc.nat(PARTITIONS - 1),
  ms: fc.nat(60),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Written {
  readonly value: string;
  readonly partition: number;
  state: 'open' | 'done' | 'undone';
}

interface Running {
  readonly deadlineMs: number;
  readonly sent: Written[];
}

/** Drives log and model side by side. */
class History {
  readonly log: MemoryLog = memoryLog({ transactionTimeoutMs: TIMEOUT_MS });
  readonly written: Written[] = [];
  private readonly epochs = new Map<string, ProducerEpoch>();
  private readonly running = new Map<string, Running>();
  private nowMs = 0;

  constructor() {
    this.log.createTopic({ name: 't', partitions: PARTITIONS, config: {} });
  }

  apply({ act, producer, partition, ms }: Step): void {
    if (act === 'send') this.send(producer, partition);
    else if (act === 'plain') this.log.append([this.write(partition, 'done')], this.nowMs, null);
    else if (act === 'time') this.passTime(ms);
    else if (act === 'fence') this.epochs.set(producer, this.takeOver(producer));
    else this.end(producer, act);
  }

  /** What read_committed must show: done records up to the first open one. */
  expected(partition: number): string[] {
    const there = this.written.filter((entry) => entry.partition === partition);
    const open = there.findIndex((entry) => entry.state === 'open');
    const stable = open === -1 ? there : there.slice(0, open);
    return stable.filter((entry) => entry.state === 'done').map((entry) => entry.value);
  }

  private send(producer: string, partition: number): void {
    const epoch = this.epochs.get(producer) ?? this.fence(producer);
    this.epochs.set(producer, epoch);
    let running = this.running.get(producer);
    if (running === undefined) {
      this.log.transactions.begin(epoch, this.nowMs);
      running = { deadlineMs: this.nowMs + TIMEOUT_MS, sent: [] };
      this.running.set(producer, running);
    }
    this.log.append([this.write(partition, 'open', running)], this.nowMs, epoch);
  }

  private end(producer: string, act: 'commit' | 'abort'): void {
    const epoch = this.epochs.get(producer);
    if (epoch === undefined || !this.running.has(producer)) return;
    if (act === 'commit') this.log.commitTransaction(epoch, null);
    else this.log.transactions.end(epoch, 'aborted');
    this.settle(producer, act === 'commit' ? 'done' : 'undone');
  }

  private takeOver(producer: string): ProducerEpoch {
    this.settle(producer, 'undone');
    return this.fence(producer);
  }

  private passTime(ms: number): void {
    this.nowMs += ms;
    this.log.expire(this.nowMs);
    for (const [name, { deadlineMs }] of this.running) if (deadlineMs <= this.nowMs) this.timeOut(name);
  }

  private timeOut(producer: string): void {
    const epoch = this.epochs.get(producer);
    if (epoch !== undefined) expect(() => this.log.commitTransaction(epoch, null)).toThrow(/newer owner/);
    this.settle(producer, 'undone');
    this.epochs.delete(producer);
  }

  private settle(producer: string, state: 'done' | 'undone'): void {
    for (const entry of this.running.get(producer)?.sent ?? []) entry.state = state;
    this.running.delete(producer);
  }

  private fence(producer: string): ProducerEpoch {
    return this.log.transactions.fence({ transactionalId: producer, topic: 't', partition: 0 });
  }

  private write(partition: number, state: Written['state'], running?: Running): OutRecord {
    const entry: Written = { value: String(this.written.length), partition, state };
    this.written.push(entry);
    running?.sent.push(entry);
    return { topic: 't', partition, key: null, value: new TextEncoder().encode(entry.value), headers: [] };
  }
}

/** All that is visible from `from`, fetched in small pieces. */
function shown(log: MemoryLog, partition: number, piece: { maxRecords: number; maxBytes: number }) {
  const found: { readonly offset: number; readonly value: string }[] = [];
  const of = log.partition('t', partition);
  for (let position = 0; ; ) {
    const { records, nextOffset } = of.fetch(position, { isolation: 'read_committed', ...piece });
    expect(records.length).toBeLessThanOrEqual(piece.maxRecords);
    for (const { offset, value } of records)
      found.push({ offset, value: new TextDecoder().decode(value ?? undefined) });
    if (nextOffset === position) {
      expect(position).toBe(of.stable);
      return found;
    }
    position = nextOffset;
  }
}

describe('the memory log', () => {
  test('shows with read_committed exactly what a model says, after every step and in pieces of any size', () => {
    const pieces = fc.record({ maxRecords: fc.integer({ min: 1, max: 5 }), maxBytes: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), pieces, (steps, piece) => {
        const history = new History();
        const seen = Array.from({ length: PARTITIONS }, () => [] as ReturnType<typeof shown>);
        for (const one of steps) {
          history.apply(one);
          for (let partition = 0; partition < PARTITIONS; partition++) {
            const now = shown(history.log, partition, piece);
            expect(now.map(({ value }) => value)).toEqual(history.expected(partition));
            // What a reader has seen stays where it was.
            expect(now.slice(0, seen[partition]?.length)).toEqual(seen[partition]);
            seen[partition] = now;
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('shows with read_uncommitted everything that was ever written, in order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const history = new History();
        for (const one of steps) history.apply(one);
        for (let partition = 0; partition < PARTITIONS; partition++) {
          const limits = { isolation: 'read_uncommitted', maxRecords: 1_000, maxBytes: 1_000_000 } as const;
          const { records } = history.log.partition('t', partition).fetch(0, limits);
          const values = records.map(({ value }) => new TextDecoder().decode(value ?? undefined));
          const all = history.written.filter((entry) => entry.partition === partition);
          expect(values).toEqual(all.map((entry) => entry.value));
        }
      }),
    );
  });

  test('keeps what was written although the writer changes its buffer', () => {
    const log = memoryLog();
    log.createTopic({ name: 't', partitions: 1, config: {} });
    const value = Uint8Array.of(1, 2, 3);
    log.append([{ topic: 't', partition: 0, key: value, value, headers: [['h', value]] }], 0, null);
    value.fill(0);
    const { records } = log.partition('t', 0).fetch(0, { isolation: 'read_committed', maxRecords: 1, maxBytes: 1 });
    const kept = Buffer.from([1, 2, 3]);
    expect(records).toMatchObject([{ key: kept, value: kept, headers: [['h', kept]] }]);
  });
});
