// Mutants of the scorer: which version answers, rescues, order, dead letters.

import type { Mutant } from './mutant.ts';

const TRIAGE = 'services/scorer/core/triage.js';
const LANE = 'services/scorer/lane.js';

export const SCORER_MUTANTS: readonly Mutant[] = [
  {
    name: 'answers-by-present-plan',
    bug: 'a record is answered by the version that serves now, not by the one that it names',
    edits: [
      {
        file: TRIAGE,
        find: "return { kind: 'score', routing };",
        replace:
          "return { kind: 'score', routing: { ...routing, model: plan?.lanes[plan.incumbent] ?? routing.model } };",
      },
    ],
  },
  {
    name: 'rescues-twice',
    bug: 'a rescue that fails is rescued again',
    edits: [
      { file: TRIAGE, find: 'plan.incumbent === null || routing.rescued', replace: 'plan.incumbent === null' },
      { file: TRIAGE, find: 'model === null || sameModel(model, routing.model)', replace: 'model === null' },
    ],
  },
  {
    name: 'scores-revoked',
    bug: 'what waits for a version that was taken back is scored by it, not rescued',
    edits: [
      {
        file: TRIAGE,
        find: 'if (plan?.revoked.some((model) => sameModel(model, routing.model))) {',
        replace: 'if (plan === null) {',
      },
      // It would hold back a scorer that does not look at its records.
      {
        file: 'shared/serving/versions.js',
        find: 'for (const ref of bound.revoked)',
        replace: 'for (const ref of [])',
      },
    ],
  },
  {
    name: 'scores-in-transaction',
    bug: 'a batch is scored while its transaction is open; a bus that takes outputs to come is planted with it',
    edits: [
      { file: LANE, find: 'const outputs = await answerPatiently(', replace: 'const outputs = answerPatiently(' },
      {
        file: 'shared/bus/memory/memory-partition.js',
        find: 'log.transactions.begin(producer, clock.nowMs());',
        replace: 'log.transactions.begin(producer, clock.nowMs()); work = { ...work, outputs: await work.outputs };',
      },
    ],
  },
  {
    name: 'rescue-without-record',
    bug: 'a rescue does not say whom it stands in for',
    edits: [
      {
        file: 'services/scorer/core/answer.js',
        find: 'header(HEADER.rescuedFrom,',
        replace: "header('rescued-from',",
      },
    ],
  },
  {
    name: 'drops-on-rebalance',
    bug: 'what was taken when the partition was lost is committed without answers',
    edits: [
      {
        file: LANE,
        find: 'committing = owned.commit({ outputs, nextOffset: taken.nextOffset });',
        replace:
          'committing = owned.commit({ outputs: owned.lost.aborted ? [] : outputs, nextOffset: taken.nextOffset });',
      },
    ],
  },
  {
    name: 'forgets-a-failed-commit',
    bug: 'the next batch is committed though the one before it failed',
    edits: [
      {
        file: LANE,
        find: 'await committing;\n        if',
        replace: 'await committing.catch(() => owned.fence().then(() => owned.resume()));\n        if',
      },
    ],
  },
  {
    name: 'answers-out-of-order',
    bug: 'answers of a batch are written in another order than their requests',
    edits: [
      {
        file: 'services/scorer/answer-batch.js',
        find: 'return ends.flat();',
        replace: 'return ends.reverse().flat();',
      },
    ],
  },
  {
    name: 'dead-letter-without-bytes',
    bug: 'a dead letter does not hold the bytes of its request',
    edits: [{ file: 'shared/domain/refusal.js', find: 'value: record.value,', replace: 'value: null,' }],
  },
  {
    name: 'error-without-dead-letter',
    bug: 'an error answer is given and no dead letter is written',
    edits: [
      {
        file: 'services/scorer/answer-batch.js',
        find: 'return refusalRecords(topics, record, {',
        replace: 'return ((records) => records.slice(0, 1))(refusalRecords)(topics, record, {',
      },
    ],
  },
];
