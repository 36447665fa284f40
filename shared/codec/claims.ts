// Claims: the parts of a parsed payload that both sides of both codecs read: object, id, list of JSON tensors.
// Flow: oip-json.ts, avro.ts → [payloadId, jsonClaims] → tensors.ts checks them against a signature.

import { MillraceError } from '../domain/errors.ts';
import type { Unreadable } from './avro-read.ts';
import { ID_CHARS_MAX, TENSORS_MAX } from './limits.ts';
import type { TensorClaim } from './tensors.ts';
import { clip } from './text.ts';

const TENSOR_KEYS: ReadonlySet<string> = new Set(['name', 'shape', 'datatype', 'parameters', 'data']);

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first key that is not `known`, or null. */
export function unknownKey(object: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): string | null {
  for (const key in object) if (!known.has(key)) return key;
  return null;
}

/** The payload's id: a short text, or null when there is none. */
export function payloadId(id: unknown, unreadable: Unreadable): string | null {
  if (id === undefined || id === null) return null;
  if (typeof id !== 'string') throw unreadable("its 'id' is no text");
  if (id.length > ID_CHARS_MAX) throw unreadable(`its 'id' has ${id.length} characters, more than ${ID_CHARS_MAX}`);
  return id;
}

/** The tensors of a JSON list; `what` is its key. */
export function jsonClaims(list: unknown, what: string, unreadable: Unreadable): TensorClaim[] {
  if (!Array.isArray(list)) throw unreadable(`'${what}' is no list of tensors`);
  if (list.length > TENSORS_MAX) throw unreadable(`${list.length} ${what}, more than ${TENSORS_MAX}`);
  return list.map((entry: unknown, at) => {
    if (!isObject(entry)) throw unreadable(`${what}[${at}] is no object`);
    const strange = unknownKey(entry, TENSOR_KEYS);
    if (strange !== null) throw unreadable(`${what}[${at}] has an unknown key '${clip(strange)}'`);
    const { name, datatype, shape, data } = entry;
    if (typeof name !== 'string') throw unreadable(`${what}[${at}] has no 'name'`);
    if (typeof datatype !== 'string') throw unreadable(`${what}[${at}] has no 'datatype'`);
    if (data === undefined) throw unreadable(`${what}[${at}] has no 'data'`);
    return { name, datatype, shape, data };
  });
}

export function requestUnreadable(detail: string): MillraceError {
  return new MillraceError('REQUEST_UNREADABLE', { detail });
}
