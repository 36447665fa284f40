// SpecSize: how much of a file of endpoints and rollouts is looked at, counted before the YAML parser sees it.
// Why: that parser compares each key of a map with all others and keeps each error as an object: 32 KB of `k:` lines cost
//      it a second, a megabyte of brackets several.
// Invariant: what passes is parsed and checked within 50 ms.

/** A longer file is no rollout; the parser takes 2 µs for a character of the worst kind. */
export const SPEC_CHARS_MAX = 16_384;
/** Lines and commas: the parser compares every key of a map with every other. */
const ITEMS_MAX = 1_024;
/** Brackets, quotes, anchors and the like: each may become a node or a problem. */
const MARKS_MAX = 2_048;
/** Each alias makes the parser search the whole document. */
const ALIASES_MAX = 64;
/** Marks of a key that is itself a node: nested, each costs as much as all that it holds. */
const NODE_KEYS_MAX = 64;

/** What would keep the parser busy, told before it starts. */
export function sizeProblem(text: string): string | null {
  if (text.length > SPEC_CHARS_MAX) return `the file has ${text.length} characters, at most ${SPEC_CHARS_MAX} are read`;
  const split = 'put its documents into several files';
  const items = text.match(/[\n\r,]/g)?.length ?? 0;
  if (items > ITEMS_MAX) return `the file has ${items} lines and commas, at most ${ITEMS_MAX} are read: ${split}`;
  const marks = text.match(/[[\]{}"'*&!\\?%|>]/g)?.length ?? 0;
  const aliases = text.match(/\*/g)?.length ?? 0;
  if (aliases > ALIASES_MAX) return `the file has ${aliases} asterisks, at most ${ALIASES_MAX} are read`;
  const nodeKeys = text.match(/\?\s/g)?.length ?? 0;
  if (nodeKeys > NODE_KEYS_MAX) return `the file has ${nodeKeys} question marks, at most ${NODE_KEYS_MAX} are read`;
  return marks > MARKS_MAX ? `the file has ${marks} brackets and marks, at most ${MARKS_MAX} are read: ${split}` : null;
}
