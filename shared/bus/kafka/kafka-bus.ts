// Kafka bus: the bus port on Apache Kafka (2.5 or newer). kafkajs is its wire client and nothing more (docs/adr/0002).
// Use:   const bus = kafkaBus({ brokers, clientId, clock, onNotice }); … await bus.close();
// Flow:  cluster-view.ts knows the cluster; consumer, reader, writer and admin each have connections of their own.

import type { Bus, ConsumeOptions, ReadBatch, ReadOptions } from '../bus.ts';
import { kafkaAdmin } from './admin.ts';
import { ClusterView } from './cluster-view.ts';
import { KafkaConsumer } from './consumer.ts';
import { client } from './internals/client.ts';
import { type KafkaBusOptions, settingsOf } from './options.ts';
import { BatchLimits } from './produce.ts';
import { readTopic, trackUntilReached } from './reader.ts';
import { RecordWriter } from './writer.ts';

export type { KafkaBusOptions } from './options.ts';

const WRITE_DEADLINE_MS = 15_000;

/**
 * A bus that connects when it is first used.
 * @throws CLIENT_CHANGED when the installed kafkajs is not the one that we know
 */
export function kafkaBus(options: KafkaBusOptions): Bus {
  client();
  const settings = settingsOf(options);
  const view = new ClusterView(settings);
  const limits = new BatchLimits();
  const writer = new RecordWriter(view, limits);
  const closing = new AbortController();
  const consumers = new Set<KafkaConsumer>();

  return {
    kind: 'kafka',
    admin: kafkaAdmin(view, closing.signal),
    consume: async (consume: ConsumeOptions) => {
      await trackUntilReached(view, consume.topic, closing.signal);
      const consumer = new KafkaConsumer(view, limits, consume);
      consumers.add(consumer);
      await consumer.start();
      return consumer;
    },
    read: (read: ReadOptions): AsyncIterable<ReadBatch> => readTopic(view, read, closing.signal),
    write: (records, { deadlineMs } = {}) => writer.write(records, deadlineMs ?? WRITE_DEADLINE_MS),
    close: async () => {
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      closing.abort();
      writer.close();
      view.close();
    },
  };
}
