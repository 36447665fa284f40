// Memory bus: one client of a memory log. For tests, for simulation, and for the demo where no Kafka can be had.
// Flow: `memoryBus(log, { clock })` stands for one process; a second one on the same log for another process.
// Invariants: it passes the contract suite that the Kafka bus passes; it waits only through the injected clock and
//             through changes of the log, so that a virtual clock repeats every history.

import type { Clock } from '../../domain/clock.ts';
import { errorText, MillraceError } from '../../domain/errors.ts';
import { transactionalIdOf } from '../../domain/groups.ts';
import type { OutRecord } from '../../domain/record.ts';
import type { Bus, BusAdmin, ConsumeOptions, GroupConsumer, ReadBatch, ReadOptions } from '../bus.ts';
import { MemoryClient } from './memory-client.ts';
import { MemoryConsumer } from './memory-consumer.ts';
import type { MemoryLog } from './memory-log.ts';
import { readLog } from './memory-reader.ts';

const SESSION_TIMEOUT_MS = 10_000;
const WRITE_DEADLINE_MS = 15_000;
const WRITE_BACKOFF_MS = 100;

export interface MemoryBusOptions {
  readonly clock: Clock;
  /** Names the client in hooks. Default `client-1`, `client-2`, … in the order of making. */
  readonly name?: string;
  /** Silence after which the group drops this client's consumers. Default 10000. */
  readonly sessionTimeoutMs?: number;
}

export function memoryBus(log: MemoryLog, options: MemoryBusOptions): MemoryBus {
  return new MemoryBus(log, options);
}

export class MemoryBus implements Bus {
  readonly kind = 'memory';
  readonly admin: BusAdmin;
  private readonly client: MemoryClient;
  private readonly sessionMs: number;
  private readonly consumers = new Set<MemoryConsumer>();
  private members = 0;
  /** The write before, settled or not: writes keep their order. */
  private lastWrite: Promise<unknown> = Promise.resolve();

  constructor(log: MemoryLog, options: MemoryBusOptions) {
    const number = log.nextClient();
    this.client = new MemoryClient(log, options.clock, options.name ?? `client-${number}`);
    this.sessionMs = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS;
    this.admin = memoryAdmin(this.client);
  }

  /** Kills the client: its calls never settle any more, its members stay in their groups until their sessions expire. */
  crash(): void {
    this.client.crash();
  }

  /**
   * Makes a zombie, or wakes it: while stalled it sends no heartbeat and hears of no rebalance, but its owners work on
   * and try to commit.
   */
  stall(stalled: boolean): void {
    this.client.stalled = stalled;
  }

  /** @throws TOPIC_UNKNOWN */
  async consume(options: ConsumeOptions): Promise<GroupConsumer> {
    await this.client.alive();
    const member = { id: `${this.client.name}/${++this.members}`, sessionMs: this.sessionMs };
    const consumer = new MemoryConsumer(this.client, options, member);
    consumer.start();
    this.consumers.add(consumer);
    return consumer;
  }

  read(options: ReadOptions): AsyncIterable<ReadBatch> {
    return readLog(this.client, options);
  }

  async write(records: readonly OutRecord[], options: { readonly deadlineMs?: number } = {}): Promise<void> {
    const written = this.lastWrite.then(() => this.writeNow(records, options.deadlineMs ?? WRITE_DEADLINE_MS));
    this.lastWrite = written.catch(() => {});
    await written;
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    this.client.ended.abort();
  }

  private async writeNow(records: readonly OutRecord[], deadlineMs: number): Promise<void> {
    const { client } = this;
    await client.alive();
    const topics = [...new Set(records.map((record) => record.topic))];
    const failed = (detail: string) => new MillraceError('WRITE_FAILED', { topic: topics.join(), detail });
    if (client.ended.signal.aborted) throw failed('the bus is closed');
    client.log.check(records);
    const context = { client: client.name, topics, records: records.length };
    const giveUpMs = client.clock.nowMs() + deadlineMs;
    for (;;) {
      try {
        await client.log.hooks.beforeAppend?.(context);
        await client.alive();
        client.log.append(records, client.clock.nowMs(), null);
        await client.log.hooks.afterAppend?.(context);
        return await client.alive();
      } catch (error) {
        if (client.clock.nowMs() + WRITE_BACKOFF_MS > giveUpMs) throw failed(errorText(error));
      }
      await client.clock.sleep(WRITE_BACKOFF_MS, client.ended.signal);
    }
  }
}

function memoryAdmin(client: MemoryClient): BusAdmin {
  const { log } = client;
  return {
    async createTopics(specs) {
      await client.alive();
      for (const spec of specs) log.createTopic(spec);
    },
    async addPartitions(specs) {
      await client.alive();
      for (const spec of specs) log.addPartitions(spec);
    },
    async fence(of) {
      await client.alive();
      log.transactions.fence({ transactionalId: transactionalIdOf(of), ...of });
    },
    async partitions(topic) {
      await client.alive();
      return log.hasTopic(topic) ? log.partitions(topic).length : null;
    },
    async topics() {
      await client.alive();
      return log.topicNames();
    },
    async offsets(topic, partitions) {
      await client.alive();
      const wanted = partitions?.map((partition) => log.partition(topic, partition)) ?? log.partitions(topic);
      return wanted.map(({ partition, earliest, end }) => ({ partition, earliest, end }));
    },
    async committed(group, topic) {
      await client.alive();
      return log.partitions(topic).map(({ partition }) => log.groups.committed({ group, topic }, partition));
    },
  };
}
