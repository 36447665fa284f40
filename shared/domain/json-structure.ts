// JsonStructure: what of a JSON text costs, counted in one pass over its bytes before anything parses it.
// Why: JSON.parse and what checks its result take long over deep nesting, hundreds of thousands of keys, texts or items:
//      measured, 1 MiB of `[` costs JSON.parse 150 ms.
// Invariant: sees no errors of syntax; JSON.parse does that afterwards.

import type { Bytes } from './record.ts';

export interface JsonStructure {
  readonly depthMax: number;
  /** Keys of all objects together. */
  readonly keysMax: number;
  /** Lists and objects together. */
  readonly listsMax: number;
  /** Strings, keys included: hundreds of thousands of different ones cost JSON.parse 65 ms. */
  readonly textsMax: number;
  /** Commas outside strings: every list's items, less one. */
  readonly commasMax: number;
}

/** What there is too much of, in words, or null. */
export function structureProblem(bytes: Bytes, limits: JsonStructure): string | null {
  let depth = 0;
  let keys = 0;
  let lists = 0;
  let texts = 0;
  let commas = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === 0x2c) commas += 1;
    else if (byte === 0x22) {
      texts += 1;
      i = endOfString(bytes, i + 1);
    } else if (byte === 0x3a) keys += 1;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      lists += 1;
      if (depth > limits.depthMax) return `it is nested deeper than ${limits.depthMax}`;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  if (lists > limits.listsMax) return `more than ${limits.listsMax} lists and objects`;
  if (keys > limits.keysMax) return `more than ${limits.keysMax} keys`;
  if (texts > limits.textsMax) return `more than ${limits.textsMax} texts`;
  return commas > limits.commasMax ? `more than ${limits.commasMax} items` : null;
}

/** Index of the closing quote. */
function endOfString(bytes: Bytes, from: number): number {
  let i = from;
  while (i < bytes.length && bytes[i] !== 0x22) i += bytes[i] === 0x5c ? 2 : 1;
  return i;
}
