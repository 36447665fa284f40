// Goal: the judge of a chaos run finds what a shadow or a comparator can do wrong, and nothing in what they did right.
// Method: topics written by hand on the memory bus: one partition, ten requests, a shadow that begins at the third.

import { beforeEach, expect, it } from 'vitest';
import { DIGITS_ENDPOINT } from '../../demo/data/digits.ts';
import { markRecord } from '../../services/shadow/progress.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { CONTROL_CONTENT_TYPE, encodeControl } from '../../shared/codec/control.ts';
import { totalsOf } from '../../shared/comparing/saved.ts';
import { COMPARISON_START } from '../../shared/comparison/comparison.ts';
import { NO_COUNTS } from '../../shared/comparison/join-state.ts';
import { type JoinCounts, runKey } from '../../shared/domain/comparison.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type Place, shadowVerdict } from './judge-shadow.ts';

const REQUESTS = 10;
const BEGUN = 2;
const RUN = { rollout: 'r1', version: 4 };
const LIVE = { rollout: '', version: 0 };

let place: Place & { readonly clock: VirtualClock };
const topicOf = (kind: 'requests' | 'shadow' | 'totals') => place.topics.endpoint(DIGITS_ENDPOINT, kind);
const bytes = (text: string) => new TextEncoder().encode(text);

beforeEach(async () => {
  const clock = new VirtualClock();
  const topics = topicsOf('');
  place = { bus: memoryBus(memoryLog(), { clock }), topics, clock };
  await place.bus.admin.createTopics(topics.endpointTopicSpecs(DIGITS_ENDPOINT, 1));
  const request = { topic: topicOf('requests'), partition: 0, key: null, value: bytes('x'), headers: [] };
  await place.bus.write(Array.from({ length: REQUESTS }, () => request));
});

function mark(kind: 'begun' | 'skipped' | 'done', from: number, to: number): OutRecord {
  const terms = kind === 'begun' ? { digest: 'd', sampleBp: 10_000, tolerances: [] } : null;
  const at = { endpoint: DIGITS_ENDPOINT, partition: 0, sinceMs: 0, atMs: 0 };
  return markRecord(place.topics, { ...at, ...RUN, kind, from, to, terms });
}

function output(source: number): OutRecord {
  const headers = [
    header(HEADER.shadow, RUN.rollout),
    header(HEADER.version, String(RUN.version)),
    header(HEADER.source, `0@${source}`),
  ];
  return { topic: topicOf('shadow'), partition: 0, key: null, value: bytes('y'), headers };
}

function totals(run: typeof RUN, counts: Partial<JoinCounts>, ended = true): OutRecord {
  const head = { endpoint: DIGITS_ENDPOINT, partition: 0, digest: '', sampleBp: 10_000, sinceMs: 0, atMs: 0, ended };
  const join = { ...COMPARISON_START.join, counts: { ...NO_COUNTS, ...counts } };
  const value = totalsOf({ ...head, ...run, fields: [], tolerances: [] }, { ...COMPARISON_START, join });
  const key = bytes(runKey(run));
  return {
    topic: topicOf('totals'),
    partition: 0,
    key,
    value: encodeControl('totals', value),
    headers: [CONTROL_CONTENT_TYPE],
  };
}

/** Of a shadow that scored everything to its end, and comparators that counted it. */
const GOOD = {
  marks: () => [mark('begun', BEGUN, BEGUN), mark('done', BEGUN, REQUESTS)],
  sources: [2, 3, 4, 5, 6, 7, 8, 9],
  pairs: { matched: 8 },
  live: { matched: REQUESTS },
  ended: true,
};

async function verdict(changes: Partial<typeof GOOD & { readonly pairs: Partial<JoinCounts> }> = {}) {
  const { marks, sources, pairs, live, ended } = { ...GOOD, ...changes };
  await place.bus.write([...marks(), ...sources.map(output), totals(RUN, pairs, ended), totals(LIVE, live)]);
  let found: Awaited<ReturnType<typeof shadowVerdict>> | null = null;
  void shadowVerdict(place).then((result) => {
    found = result;
  });
  await place.clock.until(() => found !== null, 300_000);
  return found as unknown as Awaited<ReturnType<typeof shadowVerdict>>;
}

it('finds nothing where all was scored and counted', async () => {
  const { figures, problems } = await verdict();
  expect(problems).toEqual([]);
  expect(figures).toEqual({ runs: 1, comparisons: 1, outputs: 8, pairs: 8, skipped: 0 });
});

it('takes what was passed over with a mark as passed over', async () => {
  const marks = () => [mark('begun', 2, 2), mark('skipped', 2, 5), mark('done', 5, REQUESTS)];
  const { figures, problems } = await verdict({ marks, sources: [5, 6, 7, 8, 9], pairs: { matched: 5, skipped: 3 } });
  expect(problems).toEqual([]);
  expect(figures).toMatchObject({ outputs: 5, skipped: 3 });
});

it.each([
  ['an output that is there twice', { sources: [...GOOD.sources, 5] }, /1 outputs are there twice/],
  ['an output that is missing', { sources: GOOD.sources.slice(1), pairs: { matched: 7 } }, /1 outputs are missing/],
  [
    'an output from before its beginning',
    { sources: [1, ...GOOD.sources], pairs: { matched: 9 } },
    /1 outputs are not/,
  ],
  ['a run that never says where it begins', { marks: () => [mark('done', BEGUN, REQUESTS)] }, /no beginning/],
  ['a pair that was not counted', { pairs: { matched: 7 } }, /"matched":7.*not.*"matched":8/],
  ['a partner that was given up', { pairs: { matched: 8, missingLive: 1 } }, /"missingLive":1/],
  ['an answer that was not counted', { live: { matched: REQUESTS - 1 } }, /10 requests, counted/],
  ['a comparison that does not end', { ended: false }, /do not end/],
])('finds %s', async (_, changes, words) => {
  const { problems } = await verdict(changes);
  expect(problems.join('\n')).toMatch(words);
});
