// Metadata request (v6): brokers, and leaders of the partitions of some topics.
// Why not kafkajs's: that one throws as soon as one topic has an error, and cannot ask for no topic at all.

import { client } from '../internals/client.ts';
import type { WireDecoder, WireRequest } from '../internals/client-types.ts';

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

function decode(payload: Buffer): Metadata {
  const decoder = new (client().Decoder)(payload);
  decoder.readInt32(); // throttle time
  const brokers = decoder.readArray((d): [number, string] => {
    const nodeId = d.readInt32();
    const host = d.readString() ?? '';
    const port = d.readInt32();
    d.readString(); // rack
    return [nodeId, `${host}:${port}`];
  });
  decoder.readString(); // cluster id
  return { addresses: new Map(brokers), controllerId: decoder.readInt32(), topics: decoder.readArray(decodeTopic) };
}

function decodeTopic(decoder: WireDecoder): TopicMetadata {
  const code = decoder.readInt16();
  const topic = decoder.readString() ?? '';
  const internal = decoder.readBoolean();
  const leaders: number[] = [];
  decoder.readArray((d) => {
    d.readInt16(); // partition's error code: the leader says the same
    const partition = d.readInt32();
    leaders[partition] = d.readInt32();
    for (let list = 0; list < 3; list++) d.readArray((e) => e.readInt32());
  });
  return { topic, code, internal, leaders };
}
