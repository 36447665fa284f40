// Mutants of the comparator: what it remembers, what it reads again, and what it takes for a pair.
// Doubled answers do not come about in a house that delivers exactly once: their counting is held to in
// test/house/comparator-restart.test.ts; doubled labels do.

import type { Mutant } from './mutant.ts';

const PARTITION = 'services/comparator/partition.js';
const TASK = 'shared/comparing/task.js';
const JOIN = 'shared/comparison/join.js';
const SIDE = 'shared/comparison/side.js';

export const COMPARATOR_MUTANTS: readonly Mutant[] = [
  {
    name: 'totals-without-windows',
    bug: 'totals and windows are two transactions',
    edits: [
      {
        file: PARTITION,
        find: 'await this.#owned.commit({ outputs, nextOffset });',
        replace:
          "const totals = outputs.filter(({ topic }) => topic.endsWith('.totals')); await this.#owned.commit({ outputs: totals, nextOffset }); await this.#owned.commit({ outputs: outputs.filter((one) => !totals.includes(one)), nextOffset });",
      },
    ],
  },
  {
    name: 'totals-before-fence',
    bug: 'a new owner reads the totals before it fences',
    edits: [
      { file: PARTITION, find: 'await owned.fence();', replace: '' },
      {
        file: PARTITION,
        find: 'await work.restore();',
        replace: 'await work.restore();\n        await owned.fence();',
      },
    ],
  },
  {
    name: 'counts-again',
    bug: 'what is read again after a restart is counted again',
    edits: [{ file: SIDE, find: 'return offset < this.#counted;', replace: 'return false;' }],
  },
  {
    name: 'does-not-rewind',
    bug: 'a new owner reads on from its position: what waited for its partner is forgotten',
    edits: [{ file: SIDE, find: 'this.position = state.rewind;', replace: 'this.position = state.position;' }],
  },
  {
    name: 'missing-is-matched',
    bug: 'a partner that is missing counts as matched',
    edits: [
      {
        file: JOIN,
        find: 'if (side === null)\n            return;',
        replace: 'if (side === null)\n            return;\n        this.#counts.matched += 1;',
      },
    ],
  },
  {
    name: 'counts-a-label-twice',
    bug: 'a label that comes again is counted again',
    edits: [{ file: JOIN, find: 'const known = this.#labels.get(source);', replace: 'const known = undefined;' }],
  },
  {
    name: 'forgets-early-labels',
    bug: 'a label that comes before its answer is forgotten',
    edits: [{ file: 'shared/comparison/comparison.js', find: 'this.#ids.hold(of, label);', replace: ';' }],
  },
  {
    name: 'new-before-old',
    bug: 'new records are let in before everything old is read again',
    edits: [{ file: TASK, find: 'return side.restored;', replace: 'return true;' }],
  },
];
