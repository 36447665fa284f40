// Text: bytes to strings and to JSON values, strictly and within bounds.
// Flow: oip-json.ts, answers.ts, control.ts → [parseJson].
// Invariant: invalid UTF-8 is refused, and what JSON.parse would chew on for long (deep nesting, hundreds of thousands
//       of keys) is refused before it runs.

import { isAscii, isUtf8 } from 'node:buffer';
import { type JsonStructure, structureProblem } from '../domain/json-structure.ts';
import type { Bytes } from '../domain/record.ts';
import type { Unreadable } from './avro-read.ts';

/** Below this size JSON.parse takes less than 10 ms on anything, so the structure need not be counted first. */
const SMALL_BYTES = 32_768;
/** Longest piece of foreign text in a message, in characters. */
const QUOTE_CHARS_MAX = 64;

export interface JsonLimits extends JsonStructure {
  readonly bytesMax: number;
}

/** A value of valid JSON text. */
export function parseJson(bytes: Bytes, limits: JsonLimits, unreadable: Unreadable): unknown {
  if (bytes.length > limits.bytesMax) throw unreadable(`${bytes.length} bytes, more than ${limits.bytesMax}`);
  const problem = bytes.length > Math.min(SMALL_BYTES, limits.commasMax) ? structureProblem(bytes, limits) : null;
  if (problem !== null) throw unreadable(problem);
  const text = strictText(bytes);
  if (text === null) throw unreadable('it is not UTF-8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(`it is not JSON (${clip(error instanceof Error ? error.message : '', 2 * QUOTE_CHARS_MAX)})`);
  }
}

/** Whether a value begins as a JSON object does: `{`, after white space or a byte order mark at most. */
export function looksLikeJson(bytes: Bytes): boolean {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (isSpace(bytes[at])) at += 1;
  return bytes[at] === 0x7b;
}

/** Foreign text, shortened for a message. */
export function clip(text: string, charsMax: number = QUOTE_CHARS_MAX): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}

/** Text of bytes that are known to be UTF-8. */
export function utf8Text(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function strictText(bytes: Bytes): string | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isAscii(buffer)) return buffer.toString('latin1');
  if (!isUtf8(buffer)) return null;
  const text = buffer.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
