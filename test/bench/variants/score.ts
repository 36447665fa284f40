// Score: the reference of the replay. kafkajs as shipped consumes requests, a model process scores them, and nothing else is
// done: no answer is read, nothing is joined or written. Offsets are committed so that the bench sees how far it is.

import { Kafka, logLevel } from 'kafkajs';
import { codecNamed } from '../../../shared/codec/registry.ts';
import { modelRepository } from '../../../shared/models/repository.ts';
import { systemClock as clock } from '../../../shared/process/clock.ts';
import { modelLauncher, NICE_LIVE } from '../../../shared/runtimes/spawn.ts';
import { boundAlone, Versions } from '../../../shared/serving/versions.ts';
import { serveVariant, type VariantOptions } from './protocol.ts';

interface ScoreOptions extends VariantOptions {
  readonly endpoint: string;
  readonly repository: string;
  readonly version: number;
}

const ROWS_MAX = 1_024;

await serveVariant(async (variantOptions) => {
  const options = variantOptions as ScoreOptions;
  const { endpoint, repository, version } = options;
  const { digest, signature } = await modelRepository(repository).manifest(endpoint, version);
  const model = { version, digest };
  const launching = { repository, clock, nice: NICE_LIVE, environment: process.env, onNotice: () => {} };
  const versions = new Versions({ endpoint, launcher: modelLauncher(launching), clock, onState: () => {} });
  await versions.reconcile(boundAlone('bench', [model]));
  await versions.settled(model);
  const kafka = new Kafka({ clientId: 'bench-score', brokers: [...options.brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: options.group });
  await consumer.connect();
  const codec = codecNamed('json');
  return {
    go: async () => {
      await consumer.subscribe({ topic: options.input, fromBeginning: true });
      await consumer.run({
        partitionsConsumedConcurrently: options.partitions,
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const values = batch.messages.map(({ value }) => value).filter((value) => value !== null);
          await versions.score(
            model,
            values.map((value) => codec.decode(value, signature, { rowsMax: ROWS_MAX })),
          );
          const offset = (BigInt(batch.lastOffset()) + 1n).toString();
          await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }]);
        },
      });
    },
    stop: async () => {
      await consumer.disconnect();
      await versions.stop();
    },
  };
});
