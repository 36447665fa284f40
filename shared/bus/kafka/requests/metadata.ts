// Metadata request (v6): brokers, and leaders of the partitions of some topics.
// Why not kafkajs's: that one throws as soon as one topic has an error, and cannot ask for no topic at all.

import { AnswerCursor } from '../internals/answer-cursor.ts';
import { client } from '../internals/client.ts';
import type { WireRequest } from '../internals/client-types.ts';

export interface TopicMetadata {
  readonly topic: string;
  /** Kafka error code, 0 when all is well. */
  readonly code: number;
  readonly internal: boolean;
  /** Leader's node id by partition; −1 while there is none. */
  readonly leaders: readonly number[];
}

export interface Metadata {
  /** `host:port` by node id. */
  readonly addresses: ReadonlyMap<number, string>;
  readonly controllerId: number;
  readonly topics: readonly TopicMetadata[];
}

/** @param topics null: all */
export function metadataRequest(topics: readonly string[] | null): WireRequest<Metadata> {
  return {
    request: {
      apiKey: 3,
      apiVersion: 6,
      apiName: 'Metadata',
      encode: () => {
        const encoder = new (client().Encoder)();
        encoder.writeInt32(topics === null ? -1 : topics.length);
        for (const topic of topics ?? []) encoder.writeString(topic);
        return encoder.writeBoolean(false);
      },
    },
    response: { decode: async (payload) => ({ metadata: decode(payload) }), parse: async ({ metadata }) => metadata },
  };
}

/** Least bytes of one broker's entry, of a topic's, and of a partition's. */
const BROKER_BYTES = 12;
const TOPIC_BYTES = 9;
const PARTITION_BYTES = 22;

function decode(payload: Buffer): Metadata {
  const cursor = new AnswerCursor(payload, 'Metadata');
  cursor.int32(); // throttle time
  const addresses = new Map<number, string>();
  cursor.each(BROKER_BYTES, () => {
    const nodeId = cursor.int32();
    const host = cursor.text();
    addresses.set(nodeId, `${host}:${cursor.int32()}`);
    cursor.text(); // rack
  });
  cursor.text(); // cluster id
  const controllerId = cursor.int32();
  const topics: TopicMetadata[] = [];
  cursor.each(TOPIC_BYTES, () => topics.push(decodeTopic(cursor)));
  return { addresses, controllerId, topics };
}

function decodeTopic(cursor: AnswerCursor): TopicMetadata {
  const code = cursor.int16();
  const topic = cursor.text();
  const internal = cursor.boolean();
  const found: (readonly [partition: number, leader: number])[] = [];
  cursor.each(PARTITION_BYTES, () => {
    cursor.int16(); // partition's error code: the leader says the same
    found.push([cursor.int32(), cursor.int32()]);
    for (let list = 0; list < 3; list++) cursor.each(4, () => cursor.int32());
  });
  const leaders: number[] = [];
  for (const [partition, leader] of found) {
    // All partitions are listed, in any order; a number beyond them would make a list as long as it says.
    if (partition < 0 || partition >= found.length) {
      throw cursor.unreadable(`partition ${partition} of ${found.length}`);
    }
    leaders[partition] = leader;
  }
  return { topic, code, internal, leaders };
}
