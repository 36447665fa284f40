// Tiny checkpoint: the variables of a SavedModel, one of them, as TensorFlow keeps them: `variables.index`, a sorted table of
// where each lies, and `variables.data-00000-of-00001`, their bytes.
// Source: tensor_bundle.proto and io/table_format.txt of TensorFlow; the table is LevelDB's, without compression.

import { concat, integer, littleEndian, message, varint } from '../../demo/train/protobuf.ts';
import { crc32c } from '../../shared/bus/kafka/internals/crc32c.ts';

const DT_FLOAT = 1;
const FOOTER_HANDLES_BYTES = 40;
const MAGIC = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
const CHECKSUM_FIELD = 6;
const FIXED_32 = 5;

export interface Checkpoint {
  readonly index: Uint8Array;
  readonly data: Uint8Array;
}

/** The float variable `name`; `said` is what the index says of its data, where that is to be something else. */
export function checkpoint(
  name: string,
  values: Float32Array,
  said: { readonly shape: readonly number[]; readonly offset?: number },
): Checkpoint {
  const data = littleEndian(values);
  const header = concat([integer(1, 1), message(3, [integer(1, 1)])]);
  const place = concat([
    integer(1, DT_FLOAT),
    message(
      2,
      said.shape.map((size) => message(2, [integer(1, size)])),
    ),
    integer(4, said.offset ?? 0),
    integer(5, data.length),
    Uint8Array.from([CHECKSUM_FIELD * 8 + FIXED_32]),
    checksum(data),
  ]);
  return {
    index: table([
      ['', header],
      [name, place],
    ]),
    data,
  };
}

/** A table of one data block. */
function table(entries: readonly (readonly [key: string, value: Uint8Array])[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  let at = 0;
  const put = (content: Uint8Array): Uint8Array => {
    const uncompressed = concat([content, Uint8Array.of(0)]);
    blocks.push(uncompressed, checksum(uncompressed));
    const handle = Uint8Array.from([...varint(at), ...varint(content.length)]);
    at += uncompressed.length + 4;
    return handle;
  };
  const data = put(block(entries));
  const meta = put(block([]));
  const index = put(block([[entries.at(-1)?.[0] ?? '', data]]));
  const handles = new Uint8Array(FOOTER_HANDLES_BYTES);
  handles.set(concat([meta, index]));
  return concat([...blocks, handles, MAGIC]);
}

/** Entries with whole keys, then the offsets at which to start reading (the first), then their count. */
function block(entries: readonly (readonly [key: string, value: Uint8Array])[]): Uint8Array {
  const parts = entries.map(([key, value]) => {
    const lengths = [0, key.length, value.length].flatMap(varint);
    return concat([Uint8Array.from(lengths), new TextEncoder().encode(key), value]);
  });
  return concat([...parts, fixed32(0), fixed32(1)]);
}

/** CRC-32C as the format masks it, so that a checksum of bytes with checksums in them is a good one. */
function checksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes, 0, bytes.length);
  return fixed32(((crc >>> 15) | (crc << 17)) + 0xa282ead8);
}

function fixed32(value: number): Uint8Array {
  const out = new DataView(new ArrayBuffer(4));
  out.setUint32(0, value >>> 0, true);
  return new Uint8Array(out.buffer);
}
