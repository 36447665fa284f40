// Bus: the same copy loop on Millrace's bus.

import type { OwnedPartition } from '../../../shared/bus/bus.ts';
import { kafkaBus } from '../../../shared/bus/kafka/kafka-bus.ts';
import type { InRecord, OutRecord } from '../../../shared/domain/record.ts';
import { systemClock } from '../../../shared/process/clock.ts';
import { BATCH_BYTES_MAX, serveVariant } from './protocol.ts';

const IDLE_WAIT_MS = 1_000;

await serveVariant(async (options) => {
  const bus = kafkaBus({ brokers: options.brokers, clientId: 'bench-bus', clock: systemClock, onNotice: () => {} });
  return {
    go: async () => {
      await bus.consume({
        group: options.group,
        topic: options.input,
        delivery: options.delivery,
        onPartition: (owned) => copy(owned, options.output),
        onError: (error) => process.stderr.write(`${String(error)}\n`),
      });
    },
    stop: () => bus.close(),
  };
});

async function copy(owned: OwnedPartition, topic: string): Promise<void> {
  await owned.fence();
  let position = await owned.resume();
  while (!owned.lost.aborted) {
    const taken = await owned.take({ maxRecords: 100_000, maxBytes: BATCH_BYTES_MAX, maxWaitMs: IDLE_WAIT_MS });
    if (taken.nextOffset === position) continue;
    await owned.commit({ outputs: taken.records.map((record) => copyOf(record, topic)), nextOffset: taken.nextOffset });
    position = taken.nextOffset;
  }
}

function copyOf(record: InRecord, topic: string): OutRecord {
  const { partition, key, value, headers } = record;
  return { topic, partition, key, value, headers };
}
