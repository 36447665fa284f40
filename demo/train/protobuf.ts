// Protobuf wire format, writing side: a field is a varint tag (number << 3 | wire type) and a varint or counted bytes.
// Source: https://protobuf.dev/programming-guides/encoding. Used by the ONNX writer and by tests that need a SavedModel.

/** A field of a non-negative whole number, or −1 (which both formats use for "any size"). */
export function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8), ...(value < 0 ? MINUS_ONE : varint(value))]);
}

/** A field of bytes. */
export function bytes(field: number, value: Uint8Array): Uint8Array {
  return concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(value.length)]), value]);
}

/** A field of text. */
export function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

/** A field that is itself a message of `parts`. */
export function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return bytes(field, concat(parts));
}

/** A floating-point array as little-endian bytes, as both formats keep weights. */
export function littleEndian(data: Float32Array): Uint8Array {
  const out = new DataView(new ArrayBuffer(data.length * 4));
  data.forEach((value, index) => {
    out.setFloat32(index * 4, value, true);
  });
  return new Uint8Array(out.buffer);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** −1 as a 64-bit varint: all ones. */
const MINUS_ONE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];

/** A whole number that is not negative, seven bits a byte. */
export function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...out, rest];
}
