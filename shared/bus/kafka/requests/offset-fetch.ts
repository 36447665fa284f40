// OffsetFetch request (v7): committed offsets, and only stable ones (KIP-447).
// Why not kafkajs's: version 4 may answer an old offset while a transaction that moves it is still completing.

import { BrokerRefusal } from '../broker-errors.ts';
import { client } from '../internals/client.ts';
import type { WireDecoder, WireRequest } from '../internals/client-types.ts';

/** Committed next offset by partition; −1 where there is none. @throws UNSTABLE_OFFSET_COMMIT among other codes */
export function offsetFetchRequest(
  group: string,
  topic: string,
  partitions: readonly number[],
): WireRequest<ReadonlyMap<number, number>> {
  return {
    request: {
      apiKey: 9,
      apiVersion: 7,
      apiName: 'OffsetFetch',
      encode: () => {
        const encoder = new (client().Encoder)();
        encoder.writeUVarInt(0); // tags of the request header (v2)
        encoder.writeUVarIntString(group);
        encoder.writeUVarInt(2).writeUVarIntString(topic); // a list of n has length n + 1
        encoder.writeUVarInt(partitions.length + 1);
        for (const partition of partitions) encoder.writeInt32(partition);
        return encoder.writeUVarInt(0).writeBoolean(true).writeUVarInt(0);
      },
    },
    response: { decode: async (payload) => ({ offsets: decode(payload) }), parse: async ({ offsets }) => offsets },
  };
}

function decode(payload: Buffer): ReadonlyMap<number, number> {
  const decoder = new (client().Decoder)(payload);
  skipTags(decoder);
  decoder.readInt32(); // throttle time
  const offsets = new Map<number, number>();
  let failed = 0;
  for (let topics = decoder.readUVarInt() - 1; topics > 0; topics--) {
    decoder.readUVarIntString();
    for (let partitions = decoder.readUVarInt() - 1; partitions > 0; partitions--) {
      const partition = decoder.readInt32();
      offsets.set(partition, Number(decoder.readInt64()));
      decoder.readInt32(); // leader epoch
      decoder.readUVarIntString(); // metadata
      failed ||= decoder.readInt16();
      skipTags(decoder);
    }
    skipTags(decoder);
  }
  failed = decoder.readInt16() || failed;
  if (failed !== 0) throw new BrokerRefusal(failed, 'OffsetFetch');
  return offsets;
}

function skipTags(decoder: WireDecoder): void {
  for (let tags = decoder.readUVarInt(); tags > 0; tags--) {
    decoder.readUVarInt();
    const size = decoder.readUVarInt();
    decoder.offset += size;
  }
}
