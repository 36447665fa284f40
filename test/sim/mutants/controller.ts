// Mutants of the controller: journal, plans, readiness, draining.

import type { Mutant } from './mutant.ts';

const LEADER = 'services/controller/leader.js';

export const CONTROLLER_MUTANTS: readonly Mutant[] = [
  {
    name: 'plan-without-event',
    bug: 'the plan is written before the transaction of its event',
    edits: [
      {
        file: LEADER,
        find: 'await this.#commands.commit({ outputs: outputsOf(this.#deps.topics, events), nextOffset });',
        replace:
          "const all = outputsOf(this.#deps.topics, events); const early = all.filter(({ topic }) => topic.endsWith('.plans')); if (early.length > 0) await this.#deps.bus.write(early); await this.#commands.commit({ outputs: all.filter((one) => !early.includes(one)), nextOffset });",
      },
    ],
  },
  {
    name: 'journal-before-fence',
    bug: 'a new leader reads the journal before it fences the old one',
    edits: [
      { file: LEADER, find: 'await commands.fence();\n', replace: '' },
      {
        file: LEADER,
        find: 'requireOwned(commands);\n    const position',
        replace: 'requireOwned(commands);\n    await commands.fence();\n    const position',
      },
    ],
  },
  {
    name: 'routes-before-ready',
    bug: 'traffic is shifted when the owners of a lane are alive, READY or not',
    edits: [{ file: 'shared/domain/worker.js', find: 'if (!ready)\n                return null;', replace: '' }],
  },
  {
    name: 'lane-not-drained',
    bug: 'a lane counts as drained once its cuts have landed, whatever is queued',
    edits: [{ file: 'services/controller/drain-watch.js', find: 'return settled;', replace: 'return true;' }],
  },
];
