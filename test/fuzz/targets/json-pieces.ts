// JSON pieces: what any decoder of JSON is fed: odd words, keys that reach prototypes, and bodies made to be slow.

import { repeated } from '../target.ts';

export const JSON_TOKENS: readonly string[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '[]',
    '{}',
    'null',
    'true',
    'false',
    '-',
    '1e9',
    '1e-9',
    '0.1',
    '\\u0000',
    '\\',
  ],
  ...[
    '"__proto__":',
    '"constructor":',
    '"toString":',
    '"length":',
    '"__proto__":{"polluted":1},',
    '\ud800',
    'é',
    '\u2028',
  ],
  ...['9007199254740993', '1e400', '-0', '[[[[[[[[', ']]]]]]]]', '{"a":', '"a":"a",', '\ufeff', '\x00'],
];

const base36 = (at: number) => at.toString(36);

/** Bodies for decoder `index`. */
export const JSON_BOMBS = (index: number) => [
  repeated(index, '', () => '['),
  repeated(index, '', () => '{"a":'),
  repeated(index, '{', (at) => `"${base36(at)}":0,`, '"z":0}'),
  repeated(index, '[', (at) => `{"${base36(at)}":0},`, '0]'),
  repeated(index, '[', () => '[],', '0]'),
  repeated(index, '[', (at) => `"${base36(at)}",`, '0]'),
  repeated(index, '[', () => '0,', '0]'),
  repeated(index, '[', () => `0.${'1234567890'.repeat(8)},`, '0]'),
  repeated(index, '', () => '9'),
  repeated(index, '{"id":"', () => '\\u00e9', '"}'),
  repeated(index, '{"id":"', () => 'é', '"}'),
  repeated(index, '', () => ' '),
  repeated(index, '{"', () => '\\'),
];
