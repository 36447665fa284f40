// Record bytes: limits of batches and of topics, as Kafka has them.
// Invariant: what a topic refuses is decided by `encodedBytes` of the domain, so that both buses refuse the same records.

import type { OutRecord } from '../../domain/record.ts';

export { encodedBytes } from '../../domain/record-bytes.ts';

/** What Kafka allows on a topic that does not set `max.message.bytes`. */
export const MESSAGE_BYTES_DEFAULT = 1_048_588;

type Payload = Pick<OutRecord, 'key' | 'value' | 'headers'>;

/** Sum of key, value and header bytes: what `maxBytes` of `take` counts. */
export function payloadBytes(record: Payload): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) bytes += Buffer.byteLength(name) + value.length;
  return bytes;
}
