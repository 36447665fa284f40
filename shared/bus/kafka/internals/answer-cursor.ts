// Answer cursor: reads a broker's answer field by field, every length and count checked against the bytes that are left.
// Why not kafkajs's decoder: past the end it reads zeros, and a count of two billion keeps it busy for minutes.
// Flow: the requests of requests/*.ts decode their answers with it.
// Invariant: moves forward only, never past the end; a list has no more items than its bytes can hold.

import { MillraceError } from '../../../domain/errors.ts';

const UVARINT_BYTES_MAX = 5;

export class AnswerCursor {
  private readonly bytes: Buffer;
  /** Name of the request, for errors. */
  private readonly of: string;
  private at = 0;

  constructor(bytes: Buffer, of: string) {
    this.bytes = bytes;
    this.of = of;
  }

  int8(): number {
    return this.bytes.readInt8(this.take(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  /** As a number: offsets and producer ids are safe integers in practice. */
  int64(): number {
    const at = this.take(8);
    return this.bytes.readInt32BE(at) * 4_294_967_296 + this.bytes.readUInt32BE(at + 4);
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  /** Null reads as no text. */
  text(): string {
    return this.utf8(Math.max(this.int16(), 0));
  }

  /** A view. Null reads as no bytes. */
  view(): Buffer {
    const length = Math.max(this.int32(), 0);
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Runs `read` for every item of a list; null reads as an empty one. @param itemBytesMin what the shortest item takes */
  each(itemBytesMin: number, read: () => void): void {
    this.items(Math.max(this.int32(), 0), itemBytesMin, read);
  }

  /** The same for a compact list, whose count is one more. */
  eachCompact(itemBytesMin: number, read: () => void): void {
    this.items(Math.max(this.uvarint() - 1, 0), itemBytesMin, read);
  }

  compactText(): string {
    return this.utf8(Math.max(this.uvarint() - 1, 0));
  }

  /** Tagged fields: none of them means anything to us. */
  skipTags(): void {
    this.items(this.uvarint(), 2, () => {
      this.uvarint();
      this.take(this.uvarint());
    });
  }

  unreadable(detail: string): MillraceError {
    return new MillraceError('BROKER_ANSWER_UNREADABLE', { of: this.of, detail });
  }

  private uvarint(): number {
    let value = 0;
    for (let length = 0; length < UVARINT_BYTES_MAX; length++) {
      const byte = this.bytes[this.take(1)] ?? 0;
      value += (byte & 0x7f) * 128 ** length;
      if (byte < 0x80) return value;
    }
    throw this.unreadable(`a number of more than ${UVARINT_BYTES_MAX} bytes`);
  }

  private utf8(length: number): string {
    const at = this.take(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  private items(count: number, itemBytesMin: number, read: () => void): void {
    const left = this.bytes.length - this.at;
    if (count * itemBytesMin > left) throw this.unreadable(`${count} items in ${left} bytes`);
    for (let item = 0; item < count; item++) read();
  }

  /** Where the next `length` bytes begin; the cursor moves behind them. */
  private take(length: number): number {
    const { at } = this;
    if (length > this.bytes.length - at) throw this.unreadable(`it ends within ${length} bytes at ${at}`);
    this.at = at + length;
    return at;
  }
}
