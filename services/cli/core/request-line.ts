// RequestLine: one line of JSON as a request: an OIP request as it is, or `{key, value, headers}` around one.
// Invariant: a bare request keeps its bytes; nothing is guessed from a wrapper with an unknown key.

import { MillraceError } from '../../../shared/domain/errors.ts';
import { header } from '../../../shared/domain/headers.ts';
import type { Bytes, Header } from '../../../shared/domain/record.ts';

export interface RequestLine {
  readonly key: Bytes | null;
  readonly value: Bytes | null;
  readonly headers: readonly Header[];
}

const WRAPPER_KEYS: readonly string[] = ['key', 'value', 'headers'];

const encoder = new TextEncoder();

/** @throws USAGE with what is wrong, for the caller to say where */
export function parseRequestLine(line: string): RequestLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw usage(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(parsed)) throw usage('it is no JSON object');
  if (!('value' in parsed) || 'inputs' in parsed) return { key: null, value: encoder.encode(line.trim()), headers: [] };
  const strange = Object.keys(parsed).find((key) => !WRAPPER_KEYS.includes(key));
  if (strange !== undefined) throw usage(`unknown key '${strange}' beside 'value': use ${WRAPPER_KEYS.join(', ')}`);
  return { key: keyOf(parsed.key), value: valueBytes(parsed.value), headers: headersOf(parsed.headers) };
}

function keyOf(key: unknown): Bytes | null {
  if (key === undefined || key === null) return null;
  if (typeof key !== 'string' && typeof key !== 'number') throw usage("its 'key' is no text");
  return encoder.encode(String(key));
}

/** Text is taken as it is; anything else as JSON; null is a null value. */
function valueBytes(value: unknown): Bytes | null {
  if (value === null) return null;
  return encoder.encode(typeof value === 'string' ? value : JSON.stringify(value));
}

function headersOf(headers: unknown): Header[] {
  if (headers === undefined) return [];
  if (!isObject(headers)) throw usage("its 'headers' are no object");
  return Object.entries(headers).map(([name, value]) => {
    if (typeof value !== 'string' && typeof value !== 'number') throw usage(`header '${name}' is no text`);
    return header(name, String(value));
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function usage(detail: string): MillraceError {
  return new MillraceError('USAGE', { detail });
}
