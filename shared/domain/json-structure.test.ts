// Goal: each thing that costs is counted outside strings, at its limit, whatever the syntax.

import { describe, expect, it } from 'vitest';
import { structureProblem } from './json-structure.ts';

const limits = { depthMax: 2, keysMax: 3, listsMax: 4, textsMax: 5, commasMax: 6 };
const problem = (text: string) => structureProblem(new TextEncoder().encode(text), limits);

describe('the structure of a JSON text', () => {
  it.each([
    ['depth', '[[]]', '[[[', 'it is nested deeper than 2'],
    ['keys', '{"a":1,"b":2,"c":3}', '{"a":1,"b":2,"c":3,"d":4}', 'more than 3 keys'],
    ['lists', '[[],{},[]]', '[[],{},[],[]]', 'more than 4 lists and objects'],
    ['texts', '["a","b","c","d","e"]', '["a","b","c","d","e","f"]', 'more than 5 texts'],
    ['items', '[1,2,3,4,5,6,7]', '[1,2,3,4,5,6,7,8]', 'more than 6 items'],
  ])('has a limit of %s', (_, within, beyond, words) => {
    expect(problem(within)).toBeNull();
    expect(problem(beyond)).toBe(words);
  });

  it('is not what stands in a string, escaped quotes included', () => {
    expect(problem('["[[[[{{{{:::::,,,,,,,,", "\\"[[[[\\\\"]')).toBeNull();
    expect(problem('["a\\\\", [[')).toBe('it is nested deeper than 2');
  });

  it('can be told of any bytes', () => {
    for (const text of ['', '"', '"\\', ']]]]', '}', '\u0000', ':::']) expect(problem(text)).toBeNull();
  });
});
