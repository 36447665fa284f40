// Bare: the reference. A copy loop on kafkajs as shipped, done by the book: one transactional producer per input
// partition, fence before the offset is trusted, offsets in the transaction, and no replaced internals.

import { type Batch, type Consumer, Kafka, logLevel, type Message, Partitioners, type Producer } from 'kafkajs';
import { BATCH_BYTES_MAX, FETCH_WAIT_MS, serveVariant, type VariantOptions } from './protocol.ts';

/** kafkajs waits 300 ms by default before it retries, which would stall every back-to-back transaction. */
const INITIAL_RETRY_MS = 20;
const TRANSACTION_TIMEOUT_MS = 5_000;

await serveVariant(async (options) => {
  const kafka = new Kafka({
    clientId: 'bench-bare',
    brokers: [...options.brokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: INITIAL_RETRY_MS },
  });
  const consumer = kafka.consumer({
    groupId: options.group,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytesPerPartition: BATCH_BYTES_MAX,
  });
  const producers = new Map<number, Producer>();
  await consumer.connect();
  for (let partition = 0; partition < options.partitions; partition++) {
    producers.set(partition, await fencedProducer(kafka, options, partition));
  }
  return {
    go: () => run(consumer, producers, options),
    stop: async () => {
      await consumer.disconnect();
      for (const producer of producers.values()) await producer.disconnect();
    },
  };
});

async function fencedProducer(kafka: Kafka, options: VariantOptions, partition: number): Promise<Producer> {
  if (options.delivery === 'at-least-once') {
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    return producer;
  }
  const producer = kafka.producer({
    transactionalId: `${options.group}.${options.input}-${partition}`,
    transactionTimeout: TRANSACTION_TIMEOUT_MS,
    maxInFlightRequests: 1,
    idempotent: true,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  await (await producer.transaction()).abort();
  return producer;
}

async function run(
  consumer: Consumer,
  producers: ReadonlyMap<number, Producer>,
  options: VariantOptions,
): Promise<void> {
  await consumer.subscribe({ topic: options.input, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: options.partitions,
    eachBatch: async ({ batch, resolveOffset }) => {
      const producer = producers.get(batch.partition);
      if (producer === undefined) return;
      const nextOffset = (BigInt(batch.lastOffset()) + 1n).toString();
      const offsets = [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset: nextOffset }] }];
      if (options.delivery === 'exactly-once') {
        const transaction = await producer.transaction();
        await transaction.send({ topic: options.output, messages: copies(batch) });
        await transaction.sendOffsets({ consumerGroupId: options.group, topics: offsets });
        await transaction.commit();
      } else {
        await producer.send({ topic: options.output, messages: copies(batch) });
        await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: nextOffset }]);
      }
      resolveOffset(batch.lastOffset());
    },
  });
}

function copies(batch: Batch): Message[] {
  return batch.messages.map(({ key, value, headers }) => ({
    partition: batch.partition,
    key,
    value,
    headers: headers ?? {},
  }));
}
