// Compressing producer: one compressed batch to one partition of a live broker, as foreign producers send them and ours never does.
// Why: `max.message.bytes` counts the compressed batch, so that larger records can be smuggled in.

import { ClusterView } from '../../shared/bus/kafka/cluster-view.ts';
import { Connections } from '../../shared/bus/kafka/connections.ts';
import { compressed } from '../../shared/bus/kafka/internals/hand-built-batches.ts';
import { encodeBatch } from '../../shared/bus/kafka/internals/record-batch.ts';
import { type KafkaBusOptions, settingsOf } from '../../shared/bus/kafka/options.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { CODECS, type CodecName } from './codecs.ts';

const REQUEST_TIMEOUT_MS = 10_000;
const ACKS_ALL = -1;
/** Where the error code of the only partition lies in a Produce answer, behind the topic's name. */
const CODE_AFTER_NAME_BYTES = 14;

type Payload = Pick<OutRecord, 'key' | 'value' | 'headers'>;

export interface CompressingProducer {
  /** @param codec default: gzip @throws WRITE_FAILED with the broker's code */
  send(records: readonly Payload[], codec?: CodecName): Promise<void>;
  close(): void;
}

export function compressingProducer(options: KafkaBusOptions, topic: string, partition: number): CompressingProducer {
  const settings = settingsOf(options);
  const view = new ClusterView(settings);
  const connections = new Connections(settings, REQUEST_TIMEOUT_MS);

  async function send(records: readonly Payload[], codec: CodecName = 'gzip'): Promise<void> {
    const none = { producerId: -1n, producerEpoch: -1, firstSequence: -1, transactional: false };
    const plain = encodeBatch(records, { timestampMs: settings.clock.nowMs(), ...none });
    const batch = compressed(plain, CODECS[codec].number, CODECS[codec].compress);
    await view.track(topic);
    const wire = await connections.to(view.leader(topic, partition) ?? '');
    const code = await wire.send<number>({
      request: { apiKey: 0, apiVersion: 7, apiName: 'Produce', encode: () => ({ buffer: request(batch) }) },
      response: {
        decode: async (payload) => ({ clientSideThrottleTime: 0, code: codeOf(payload) }),
        parse: async ({ code: found }) => found,
      },
    });
    if (code !== 0) throw new MillraceError('WRITE_FAILED', { topic, detail: `Kafka error ${code}` });
  }

  function request(batch: Buffer): Buffer {
    const name = Buffer.from(topic);
    const head = Buffer.alloc(14);
    head.writeInt16BE(-1, 0); // no transactional id
    head.writeInt16BE(ACKS_ALL, 2);
    head.writeInt32BE(REQUEST_TIMEOUT_MS, 4);
    head.writeInt32BE(1, 8); // topics
    head.writeInt16BE(name.length, 12);
    const place = Buffer.alloc(12);
    place.writeInt32BE(1, 0); // partitions
    place.writeInt32BE(partition, 4);
    place.writeInt32BE(batch.length, 8);
    return Buffer.concat([head, name, place, batch]);
  }

  function codeOf(payload: Buffer): number {
    return payload.readInt16BE(payload.readInt16BE(4) + CODE_AFTER_NAME_BYTES);
  }

  return {
    send,
    close: () => {
      connections.close();
      view.close();
    },
  };
}
