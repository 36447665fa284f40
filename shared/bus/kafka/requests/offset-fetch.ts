// OffsetFetch request (v7): committed offsets, and only stable ones (KIP-447).
// Why not kafkajs's: version 4 may answer an old offset while a transaction that moves it is still completing.

import { BrokerRefusal, type RequestPlace } from '../broker-errors.ts';
import { AnswerCursor } from '../internals/answer-cursor.ts';
import { client } from '../internals/client.ts';
import type { WireRequest } from '../internals/client-types.ts';

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
    response: {
      decode: async (payload) => ({ offsets: decode(payload, { group, topic }) }),
      parse: async ({ offsets }) => offsets,
    },
  };
}

/** Least bytes of one partition's answer, and of a topic's. */
const PARTITION_ANSWER_BYTES = 20;
const TOPIC_ANSWER_BYTES = 3;

function decode(payload: Buffer, place: RequestPlace): ReadonlyMap<number, number> {
  const cursor = new AnswerCursor(payload, 'OffsetFetch');
  cursor.skipTags();
  cursor.int32(); // throttle time
  const offsets = new Map<number, number>();
  let failed = 0;
  cursor.eachCompact(TOPIC_ANSWER_BYTES, () => {
    cursor.compactText();
    cursor.eachCompact(PARTITION_ANSWER_BYTES, () => {
      const partition = cursor.int32();
      offsets.set(partition, cursor.int64());
      cursor.int32(); // leader epoch
      cursor.compactText(); // metadata
      failed ||= cursor.int16();
      cursor.skipTags();
    });
    cursor.skipTags();
  });
  failed = cursor.int16() || failed;
  cursor.skipTags();
  if (failed !== 0) throw new BrokerRefusal(failed, 'OffsetFetch', place);
  return offsets;
}
