// Wire pieces: what a broker writes, by hand: integers, texts and lists of Kafka's protocol, and whole answers of them.
// Source: Kafka protocol guide: Fetch v11, Produce v7, Metadata v6, OffsetFetch v7 (a flexible version: compact forms).

const sized = (bytes: number, write: (buffer: Buffer) => void): Buffer => {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
};
const i8 = (value: number) => Buffer.of(value);
const i16 = (value: number) => sized(2, (buffer) => buffer.writeInt16BE(value));
const i32 = (value: number) => sized(4, (buffer) => buffer.writeInt32BE(value));
const i64 = (value: number) => sized(8, (buffer) => buffer.writeBigInt64BE(BigInt(value)));
const text = (value: string) => Buffer.concat([i16(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (...items: readonly Buffer[]) => Buffer.concat([i32(items.length), ...items]);
/** Compact: one more than there are. These here are short. */
const shortText = (value: string) => Buffer.concat([i8(value.length + 1), Buffer.from(value)]);
const shortList = (...items: readonly Buffer[]) => Buffer.concat([i8(items.length + 1), ...items]);
const NO_TAGS = i8(0);

interface FetchedPart {
  readonly partition: number;
  readonly code: number;
  readonly aborted: readonly (readonly [producerId: number, firstOffset: number])[];
  readonly records: Buffer;
}

export function fetchAnswer(topic: string, parts: readonly FetchedPart[]): Buffer {
  const partitions = parts.map(({ partition, code, aborted, records }) => {
    const head = [i32(partition), i16(code), i64(9), i64(7), i64(0)];
    const list1 = list(...aborted.map(([producer, first]) => Buffer.concat([i64(producer), i64(first)])));
    return Buffer.concat([...head, list1, i32(-1), i32(records.length), records]);
  });
  return Buffer.concat([i32(0), i16(0), i32(0), list(Buffer.concat([text(topic), list(...partitions)]))]);
}

export function produceAnswer(topic: string, codes: readonly number[]): Buffer {
  const partitions = codes.map((code, partition) =>
    Buffer.concat([i32(partition), i16(code), i64(5), i64(-1), i64(0)]),
  );
  return Buffer.concat([list(Buffer.concat([text(topic), list(...partitions)])), i32(0)]);
}

export function metadataAnswer(topics: readonly string[]): Buffer {
  const brokers = [1, 2].map((id) => Buffer.concat([i32(id), text(`broker-${id}`), i32(9_092), i16(-1)]));
  const partition = (index: number) =>
    Buffer.concat([i16(0), i32(index), i32(1 + (index % 2)), list(i32(1), i32(2)), list(i32(1)), list()]);
  const entries = topics.map((topic) =>
    Buffer.concat([i16(0), text(topic), i8(0), list(partition(0), partition(1), partition(2))]),
  );
  return Buffer.concat([i32(0), list(...brokers), text('cluster'), i32(1), list(...entries)]);
}

export function offsetFetchAnswer(topic: string, offsets: readonly number[]): Buffer {
  const partitions = offsets.map((offset, partition) =>
    Buffer.concat([i32(partition), i64(offset), i32(-1), shortText(''), i16(0), NO_TAGS]),
  );
  const tagged = Buffer.of(1, 9, 2, 0xaa, 0xbb);
  return Buffer.concat([
    NO_TAGS,
    i32(0),
    shortList(Buffer.concat([shortText(topic), shortList(...partitions), tagged])),
    i16(0),
    NO_TAGS,
  ]);
}
