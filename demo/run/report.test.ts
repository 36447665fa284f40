// Goal: the demo calls nothing well that is not.
// Method: a good run, and the same with one thing wrong.

import { expect, it } from 'vitest';
import { Totals } from '../../shared/analysis/totals.ts';
import { CHECKS } from '../../shared/analysis/violation.ts';
import { type DemoReport, type Expectations, problemsOf, type VersionReport } from './report.ts';
import { SWITCH_KINDS } from './scenario.ts';
import { trainedAccuracies } from './trained.ts';

const accuracies = trainedAccuracies();
const expected: Expectations = {
  ...{ requests: 1_000, partitions: 4, switches: SWITCH_KINDS, versions: [1, 2, 3, 4] },
  ...{ accuracies, strict: true },
};
const versions = [...accuracies].map(([version, accuracy]) => ({
  ...{ version, accuracy, answers: 2_500, rescued: 0 },
  runtime: version === 2 ? 'tfjs-node 4' : 'onnxruntime-node 1',
}));
const load = { requestsBefore: 250, requestsAfter: 240 };
const switches = SWITCH_KINDS.map((kind) => ({ kind, from: 1, to: 2, commandToLastCutMs: 40, partitions: 4, ...load }));
const compared = { incumbent: 2, pairs: 500, missing: 0, accuracyIncumbent: 0.96, leakedToPredictions: 0 } as const;
const bad = { ...compared, candidate: 3, how: 'live', agreement: 0.65, accuracyCandidate: 0.66 } as const;
const better = { ...compared, candidate: 4, agreement: 0.97, accuracyCandidate: 0.98 } as const;
const shadow: DemoReport['shadow'] = [bad, { ...better, how: 'live' }, { ...better, how: 'replay' }];
const good: DemoReport = {
  ...{ broker: 'kafka', brokerDetail: 'Apache Kafka', requests: 1_000, answered: 1_000, seconds: 60 },
  ...{ deadLettered: 0, lost: 0, duplicated: 0, wrongVersion: 0, versions, switches, shadow },
  violations: new Totals().counts,
};
const [first, ...others] = switches;
const replaced = (version: number, rest: Partial<VersionReport>) =>
  versions.map((each) => (each.version === version ? { ...each, ...rest } : each));

it('finds nothing wrong with a good run', () => expect(problemsOf(good, expected)).toEqual([]));

it('tells no accuracy from a few answers', () => {
  const versions = replaced(3, { answers: 200, accuracy: 0.6 });
  expect(problemsOf({ ...good, versions }, expected)).toEqual([]);
});

it.each(CHECKS)('says so when the check %s found something', (check) => {
  const violations = { ...good.violations, [check]: 2 };
  expect(problemsOf({ ...good, violations }, expected)).toEqual([`the check ${check} found 2`]);
});

it.each<[string, Partial<DemoReport>, RegExp]>([
  ['a request is missing', { requests: 999 }, /999 requests/],
  ['an answer is missing', { answered: 999 }, /999 of 1000/],
  ['one is lost', { lost: 1 }, /lost is 1/],
  ['one is answered twice', { duplicated: 1 }, /duplicated is 1/],
  ['another version answered', { wrongVersion: 1 }, /wrongVersion is 1/],
  ['one is dead-lettered', { deadLettered: 1 }, /deadLettered is 1/],
  ['a version answered nothing', { versions: versions.slice(1) }, /v1 answered nothing/],
  ['there were no switches', { switches: [] }, /switches were none/],
  ['a switch is missing', { switches: others }, /switches were/],
  [
    'a partition did not switch',
    { switches: [{ ...(first ?? others[0]), partitions: 3 } as never, ...others] },
    /every/,
  ],
  [
    'a switch met no traffic',
    { switches: [{ ...(first ?? others[0]), requestsAfter: 0 } as never, ...others] },
    /basic to v2 met no traffic/,
  ],
  ['a comparison is missing', { shadow: shadow.slice(1) }, /compared were v4 live/],
  ['a shadow misses a partner', { shadow: [{ ...bad, missing: 1 }, ...shadow.slice(1)] }, /v3 \(live\) misses 1/],
  ['a shadow answered', { shadow: [{ ...bad, leakedToPredictions: 2 }, ...shadow.slice(1)] }, /answered 2 times/],
  ['the bad model raised no warning', { shadow: [{ ...bad, agreement: 0.99 }, ...shadow.slice(1)] }, /did not warn/],
  ['the broker was none', { broker: 'memory' }, /broker is memory/],
  ['a native runtime is missing', { versions: replaced(2, { runtime: 'tfjs-wasm 4' }) }, /tfjs-node/],
  ['a version was worse than trained', { versions: replaced(4, { accuracy: 0.94 }) }, /v4 was right in 94.0 %/],
  ['a version answered no test digit', { versions: replaced(4, { accuracy: null }) }, /v4 was right in 0.0 %/],
])('says so when %s', (_, wrong, problem) => {
  expect(problemsOf({ ...good, ...wrong }, expected)).toContainEqual(expect.stringMatching(problem));
});
