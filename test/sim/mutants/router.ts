// Mutants of the router: the new-owner order, cuts, and what lies in one transaction.

import type { Mutant } from './mutant.ts';

const FILE = 'services/router/partition.js';
const TAKE_OVER = 'let [cuts, position] = await Promise.all([readCuts(deps, owned), owned.resume()]);';

export const ROUTER_MUTANTS: readonly Mutant[] = [
  {
    name: 'commit-before-produce',
    bug: 'the offset is committed before the lane records are written',
    edits: [
      {
        file: FILE,
        find: 'await owned.commit({ outputs, nextOffset: taken.nextOffset });',
        replace:
          'await owned.commit({ outputs: [], nextOffset: taken.nextOffset }); await owned.commit({ outputs, nextOffset: taken.nextOffset });',
      },
    ],
  },
  {
    name: 'produce-before-commit',
    bug: 'lane records and offset are two transactions',
    edits: [
      {
        file: FILE,
        find: 'await owned.commit({ outputs, nextOffset: taken.nextOffset });',
        replace:
          'await owned.commit({ outputs, nextOffset: position }); await owned.commit({ outputs: [], nextOffset: taken.nextOffset });',
      },
    ],
  },
  {
    name: 'cuts-before-fence',
    bug: 'a new owner reads the cuts before it fences',
    edits: [
      {
        file: FILE,
        find: 'await owned.fence();',
        replace: 'const early = await readCuts(deps, owned); await owned.fence();',
      },
      { file: FILE, find: TAKE_OVER, replace: 'let [cuts, position] = [early, await owned.resume()];' },
    ],
  },
  {
    name: 'cuts-not-read',
    bug: 'a new owner does not read the cuts',
    edits: [{ file: FILE, find: TAKE_OVER, replace: 'let [cuts, position] = [[], await owned.resume()];' }],
  },
  {
    name: 'cut-not-on-idle',
    bug: 'an idle partition takes a plan without writing its cut',
    edits: [
      {
        file: FILE,
        find: 'if (outputs.length > 0 || taken.nextOffset !== position) {',
        replace: 'if (routed.length > 0 || taken.nextOffset !== position) {',
      },
    ],
  },
  {
    name: 'cut-outside-transaction',
    bug: 'the cut is written after the requests that it governs, in a transaction of its own',
    edits: [
      {
        file: FILE,
        find: 'await owned.commit({ outputs, nextOffset: taken.nextOffset });',
        replace:
          "const late = outputs.filter(({ topic }) => topic.endsWith('.cuts')); await owned.commit({ outputs: outputs.filter((one) => !late.includes(one)), nextOffset: taken.nextOffset }); await owned.commit({ outputs: late, nextOffset: taken.nextOffset });",
      },
    ],
  },
  {
    name: 'goes-on-after-doubt',
    bug: 'a commit that failed or is doubtful is taken for done',
    edits: [
      {
        file: FILE,
        find: 'await owned.commit({ outputs, nextOffset: taken.nextOffset });',
        replace:
          'await owned.commit({ outputs, nextOffset: taken.nextOffset }).catch(async () => { await owned.fence(); await owned.resume(); });',
      },
    ],
  },
  {
    name: 'commits-again-after-doubt',
    bug: 'a doubtful commit is sent once more behind a fence',
    edits: [
      {
        file: FILE,
        find: 'await owned.commit({ outputs, nextOffset: taken.nextOffset });',
        replace:
          'await owned.commit({ outputs, nextOffset: taken.nextOffset }).catch(async () => { await owned.fence(); await owned.resume(); await owned.commit({ outputs, nextOffset: taken.nextOffset }); });',
      },
    ],
  },
  {
    name: 'older-plan-again',
    bug: 'a router that knows an older plan than the last cut goes back to it',
    edits: [
      {
        file: 'services/router/core/cuts.js',
        find: 'plan.revision <= last.plan.revision',
        replace: 'plan.revision === last.plan.revision',
      },
    ],
  },
];
