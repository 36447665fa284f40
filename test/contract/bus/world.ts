// World: what one test of the bus contract works with: fresh topics, a group, consumers that end with the test.
// Flow: `busContract` makes a world per test from the fixture of the bus under test, and ends it.
// Invariant: names come from the test's title and the fixture's prefix, so that tests never meet on a shared broker.

import { vi } from 'vitest';
import type { Bus, ConsumeOptions, GroupConsumer, OwnedPartition, ReadOptions } from '../../../shared/bus/bus.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import type { Header, InRecord, OutRecord } from '../../../shared/domain/record.ts';

/** Longest wait for anything: a rebalance of a live broker takes seconds when the machine is busy. */
const EVENTUALLY_MS = 30_000;
const POLL_MS = 10;

/** The bus under test. One fixture serves a whole suite. */
export interface BusFixture {
  readonly bus: Bus;
  /** Another client of the same log, that is another process. The fixture closes it. */
  secondBus(): Promise<Bus>;
  /** A transactional producer beside the port, which can leave transactions open. The fixture closes it. */
  producer(transactionalId: string): Promise<RawProducer>;
  close(): Promise<void>;
}

export interface RawProducer {
  begin(): Promise<RawTransaction>;
}

export interface RawTransaction {
  send(records: readonly OutRecord[]): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

export type Behave = (title: string, run: (world: World) => Promise<void>) => void;

export type Work = (partition: OwnedPartition) => Promise<void>;

export class World {
  readonly fixture: BusFixture;
  /** A group of this test only. */
  readonly group: string;
  private readonly name: string;
  private topics = 0;
  private readonly consumers: GroupConsumer[] = [];
  private readonly failures: unknown[] = [];
  private readonly ended = new AbortController();

  constructor(fixture: BusFixture, prefix: string, title: string) {
    this.fixture = fixture;
    this.name = `${prefix}${slug(title)}`;
    this.group = `${this.name}.group`;
  }

  get bus(): Bus {
    return this.fixture.bus;
  }

  /** A new topic. */
  async topic(partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = this.topicName();
    await this.bus.admin.createTopics([{ name, partitions, config }]);
    // On a live broker leaders take office a moment later; until then a commit may be refused.
    await this.bus.admin.offsets(name);
    return name;
  }

  /** A name that no topic has. */
  topicName(): string {
    return `${this.name}.${++this.topics}`;
  }

  /**
   * Joins this test's group, exactly once unless told otherwise. Errors of the work fail the test at its end, except
   * those after which an owner simply starts over.
   */
  async consume(bus: Bus, options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'topic' | 'onPartition'>) {
    const consumer = await bus.consume({
      group: this.group,
      delivery: 'exactly-once',
      onError: (error) => {
        if (!(error instanceof MillraceError && error.kind === 'retryable')) this.failures.push(error);
      },
      ...options,
    });
    this.consumers.push(consumer);
    return consumer;
  }

  /** Consumes without working: hands out the partitions as they come, lost ones included. */
  async hold(bus: Bus, options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'topic'>): Promise<Held> {
    const partitions: OwnedPartition[] = [];
    const released = new AbortController();
    const onPartition = (partition: OwnedPartition) => {
      partitions.push(partition);
      return aborted(AbortSignal.any([this.ended.signal, released.signal]));
    };
    const consumer = await this.consume(bus, { ...options, onPartition });
    return { consumer, partitions, release: () => released.abort() };
  }

  /** The only partition of `topic`, held and, unless told otherwise, ready to take from. */
  async holdOne(topic: string, options: Partial<ConsumeOptions> = {}): Promise<OwnedPartition> {
    const held = await this.hold(this.bus, { ...options, topic });
    const partition = await eventually('a partition is assigned', () => held.partitions[0]);
    await ready(partition);
    return partition;
  }

  /** A transactional producer beside the port. The same name in one test is the same transactional id. */
  producer(name: string): Promise<RawProducer> {
    return this.fixture.producer(`${this.name}.${name}`);
  }

  async end(): Promise<void> {
    this.ended.abort();
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    if (this.failures.length > 0) throw this.failures[0];
  }
}

export interface Held {
  readonly consumer: GroupConsumer;
  /** In the order in which they came. */
  readonly partitions: readonly OwnedPartition[];
  /** Lets the works return. */
  release(): void;
}

/** What `probe` gives once it is neither null, undefined nor false. */
export async function eventually<T>(
  what: string,
  probe: () => T | null | undefined | false | Promise<T | null | undefined | false>,
): Promise<T> {
  return vi.waitFor(
    async () => {
      const found = await probe();
      if (found === null || found === undefined || found === false) {
        throw new MillraceError('ASSERTION', { detail: `still waiting until ${what}` });
      }
      return found;
    },
    { timeout: EVENTUALLY_MS, interval: POLL_MS },
  );
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A turn of the event loop: what was just called is waiting by then. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Fence and resume. @returns the offset to go on from */
export async function ready(partition: OwnedPartition): Promise<number> {
  await partition.fence();
  return partition.resume();
}

/** Limits of a take that never bind. */
export const AMPLE = { maxRecords: 10_000, maxBytes: 10_000_000, maxWaitMs: 1_000 } as const;

/** Takes until `count` records have come. @returns their text values */
export async function takeValues(partition: OwnedPartition, count: number): Promise<(string | null)[]> {
  const values: (string | null)[] = [];
  await eventually(`${count} records are taken`, async () => {
    const { records } = await partition.take(AMPLE);
    values.push(...records.map((found) => text(found.value)));
    return values.length >= count;
  });
  return values;
}

export interface CopyOptions {
  readonly to: string;
  readonly maxRecords?: number;
}

/** The work of an exactly-once copier: every record goes to the same partition of another topic. */
export function copyTo({ to, maxRecords = 20 }: CopyOptions): Work {
  return async (partition) => {
    await ready(partition);
    while (!partition.lost.aborted) {
      const taken = await partition.take({ maxRecords, maxBytes: 1_000_000, maxWaitMs: 500 });
      if (taken.records.length === 0) continue;
      await partition.commit({
        outputs: taken.records.map((record) => copyOf(record, to)),
        nextOffset: taken.nextOffset,
      });
    }
  };
}

export function copyOf({ partition, key, value, headers }: InRecord, topic: string): OutRecord {
  return { topic, partition, key, value, headers };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const text = (raw: Uint8Array | null): string | null => (raw === null ? null : new TextDecoder().decode(raw));

/** A record with a text value. */
export function record(topic: string, value: string, rest: Partial<OutRecord> = {}): OutRecord {
  return { topic, partition: 0, key: null, value: bytes(value), headers: [], ...rest };
}

/** Records `from`..`to` − 1 with their number as value, spread over the partitions. */
export function numbered(topic: string, from: number, to: number, partitions = 1): OutRecord[] {
  return Array.from({ length: to - from }, (_, index) =>
    record(topic, String(from + index), { partition: (from + index) % partitions }),
  );
}

/** All records that a reader sees from the earliest to the end. */
export async function readAll(bus: Bus, topic: string, options: Partial<ReadOptions> = {}): Promise<InRecord[]> {
  const records: InRecord[] = [];
  for await (const batch of bus.read({ topic, from: 'earliest', until: 'end', ...options })) {
    records.push(...batch.records);
  }
  return records;
}

/** The text values of all records that a reader sees. */
export async function readValues(bus: Bus, topic: string, options: Partial<ReadOptions> = {}) {
  return (await readAll(bus, topic, options)).map((found) => text(found.value));
}

/** Plain data of a record, for comparison: Buffers and other byte arrays become number arrays. */
export function plain({ key, value, headers }: Pick<OutRecord, 'key' | 'value' | 'headers'>) {
  return {
    key: key && [...key],
    value: value && [...value],
    headers: headers.map(([name, raw]: Header) => [name, [...raw]]),
  };
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 80);
}
