// Mutants of the bus's contract, planted into the memory bus: what a client that breaks it would do to the house.

import type { Mutant } from './mutant.ts';

const PARTITION = 'shared/bus/memory/memory-partition.js';

export const BUS_MUTANTS: readonly Mutant[] = [
  {
    name: 'no-fence',
    bug: 'a new owner does not end the one before it',
    edits: [
      {
        file: 'shared/bus/memory/transactions.js',
        find: "this.finish(known, 'aborted');\n        known.epoch++;",
        replace: 'known.epoch = 0;',
      },
    ],
  },
  {
    name: 'offset-before-fence',
    bug: 'a new owner trusts the offset that it read before it fenced',
    edits: [
      {
        file: PARTITION,
        find: 'let producer = null;',
        replace: 'let producer = null; this.early = client.log.groups.committed(options, this.partition);',
      },
      {
        file: PARTITION,
        find: 'const committed = client.log.groups.committed(options, this.partition);',
        replace: 'const committed = this.early;',
      },
    ],
  },
  {
    name: 'aborted-read',
    bug: 'readers get records of aborted transactions',
    edits: [{ file: PARTITION, find: "isolation: 'read_committed',", replace: "isolation: 'read_uncommitted'," }],
  },
];
