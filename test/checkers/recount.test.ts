// Goal: a recount is silent about a shadow that was scored and compared as it should be, and names whatever is not.
// Method: one partition, ten answers; a shadow that begins at 2, passes over 5 and 6, and is done before 10; one record is bent.

import { expect, it } from 'vitest';
import { markRecord } from '../../services/shadow/progress.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { JOIN_START, NO_COUNTS } from '../../shared/comparison/join-state.ts';
import { type JoinCounts, joinCountsSchema, runKey, type Totals } from '../../shared/domain/comparison.ts';
import { EVENT_BLANK, rolloutEventSchema } from '../../shared/domain/event.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import type { ShadowMark } from '../../shared/domain/shadow.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { NewestTotals } from '../support/compared-counts.ts';
import { bytesOf, ENDPOINT, planOf, shadowOf } from '../support/plans.ts';
import { miscounted, recount } from '../support/recount.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const topics = topicsOf('');
const RUN = { rollout: 'numbers-1', version: 2 } as const;
const COUNTS = joinCountsSchema.keyof().options;

interface Bent {
  readonly outputs?: readonly number[];
  readonly marks?: readonly (readonly [ShadowMark['kind'], number, number])[];
  readonly sampleBp?: number;
  readonly counts?: Partial<JoinCounts>;
  /** Matches on millrace.metrics that the totals do not know. */
  readonly matchedTwice?: number;
  /** Where the run stands in E.keyed-labels, which holds the one label. */
  readonly labelsRead?: number;
  /** Its totals were on record, and are taken off it and compacted; whether they were heard of. */
  readonly takenOff?: 'heard' | 'unheard';
}

async function found({ outputs = [2, 3, 4, 7, 8, 9], ...bent }: Bent): Promise<string[]> {
  const {
    marks = [
      ['begun', 2, 2],
      ['done', 2, 5],
      ['skipped', 5, 7],
      ['done', 7, 10],
    ] as const,
  } = bent;
  const bus = memoryBus(memoryLog(), { clock: new VirtualClock() });
  await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, 1)]);
  const plan = planOf(1, { shadows: [shadowOf(RUN.version, { sampleBp: bent.sampleBp ?? 10_000 })] });
  const head = { ...EVENT_BLANK, endpoint: ENDPOINT, seq: 1, atMs: 0, phase: 'serving' };
  const event = rolloutEventSchema.parse({ ...head, type: 'plan-published', plan });
  const answered = { matched: 10, labelled: 1 };
  const compared = { matched: 6, skipped: 2, labelled: 1, ...bent.counts };
  const answers = Array.from({ length: 10 }, (_, source) => outcome('predictions', source, 1));
  await bus.write([
    { ...place(topics.control('events')), key: bytesOf(ENDPOINT), value: encodeControl('event', event) },
    {
      ...place(topics.endpoint(ENDPOINT, 'labels')),
      key: bytesOf('0@3'),
      value: encodeControl('label', { values: [1] }),
    },
    {
      ...place(topics.endpoint(ENDPOINT, 'keyed-labels')),
      key: bytesOf('0@3'),
      value: encodeControl('keyed-label', { offset: 3, requestId: '', values: [1], requestsEnd: 10 }),
    },
    ...answers,
    ...outputs.map((source) => outcome('shadow', source, RUN.version)),
    ...marks.map(([kind, from, to]) => mark({ kind, from, to })),
    totals({ rollout: '', version: 0 }, answered),
    ...windows({ rollout: '', version: 0 }, [answered]),
    ...(bent.takenOff === undefined ? [totals(RUN, compared, bent.labelsRead)] : []),
    ...windows(RUN, [compared, ...(bent.matchedTwice === undefined ? [] : [{ matched: bent.matchedTwice }])]),
  ]);
  const heard = new NewestTotals();
  const told = totals(RUN, compared, bent.labelsRead);
  for (const record of [totals({ rollout: '', version: 0 }, answered), told, { ...told, value: null }])
    heard.note({ ...record, partition: 0, offset: 0, timestampMs: 0 });
  const of = { bus, topics, endpoint: ENDPOINT, partitions: 1 };
  const { runs, problems } = await recount(bent.takenOff === 'heard' ? { ...of, totals: heard.all() } : of);
  return [...problems, ...miscounted(runs, COUNTS)];
}

it('is silent when everything is as it should be', async () => {
  expect(await found({})).toEqual([]);
});

it('knows what a run had counted whose totals are gone, when it has heard of them', async () => {
  expect(await found({ takenOff: 'heard' })).toEqual([]);
  expect((await found({ takenOff: 'unheard' })).join()).toContain('counted nowhere');
});

it('lets a label go that was keyed when the run was over', async () => {
  expect(await found({ labelsRead: 0, counts: { labelled: 0 } })).toEqual([]);
});

it.each<readonly [string, Bent]>([
  ['labelled is 0, counted 1', { labelsRead: 0 }],
  ['the counts on the windows of numbers-1/2 0 do not add up to its totals', { matchedTwice: 1 }],
  ['1 outputs are there twice', { outputs: [2, 3, 3, 4, 7, 8, 9] }],
  ['1 outputs are lacking before 10', { outputs: [2, 3, 4, 7, 8] }],
  ['1 outputs lie outside', { outputs: [1, 2, 3, 4, 7, 8, 9] }],
  ['1 outputs lie outside', { outputs: [2, 3, 4, 5, 7, 8, 9] }],
  [
    '1 outputs have no answer',
    {
      outputs: [2, 3, 4, 7, 8, 9, 10],
      marks: [
        ['begun', 2, 2],
        ['skipped', 5, 7],
        ['done', 7, 11],
      ],
    },
  ],
  ['6 outputs are of requests that are not sampled', { sampleBp: 0 }],
  ['matched is 6, counted 7', { counts: { matched: 7 } }],
  ['skipped is 2, counted 1', { counts: { skipped: 1 } }],
  ['labelled is 1, counted 0', { counts: { labelled: 0 } }],
  ['late is 0, counted 1', { counts: { late: 1 } }],
  ['missingShadow is 0, counted 2', { counts: { missingShadow: 2 } }],
])('finds that %s', async (words, bent) => {
  expect((await found(bent)).join('\n')).toContain(words);
});

function outcome(kind: 'predictions' | 'shadow', source: number, version: number): OutRecord {
  const headers = [
    header(HEADER.source, `0@${source}`),
    header(HEADER.requestId, `id-${source}`),
    header(HEADER.version, String(version)),
    ...(kind === 'shadow' ? [header(HEADER.shadow, RUN.rollout)] : []),
  ];
  return { ...place(topics.endpoint(ENDPOINT, kind)), key: null, value: bytesOf('7'), headers };
}

function mark(progress: Pick<ShadowMark, 'kind' | 'from' | 'to'>): OutRecord {
  const said = { ...RUN, ...progress, endpoint: ENDPOINT, partition: 0, sinceMs: 0, terms: null, atMs: 0 };
  return markRecord(topics, said);
}

function totals(
  run: { readonly rollout: string; readonly version: number },
  counts: Partial<JoinCounts>,
  labelsRead = 1,
): OutRecord {
  const one: Totals = {
    ...JOIN_START,
    ...run,
    ...{ endpoint: ENDPOINT, digest: '', partition: 0, sampleBp: 10_000, terms: '{}', sinceMs: 0 },
    ...{ begun: 2, states: '{}', examples: '[]', ended: true, atMs: 0 },
    labels: { position: labelsRead, rewind: labelsRead },
    counts: { ...NO_COUNTS, ...counts },
  };
  const key = bytesOf(runKey(run));
  return { ...place(topics.endpoint(ENDPOINT, 'totals')), key, value: encodeControl('totals', one) };
}

function windows(
  { rollout, version }: { readonly rollout: string; readonly version: number },
  counted: readonly Partial<JoinCounts>[],
): OutRecord[] {
  const head = { endpoint: ENDPOINT, rollout, live: 0, shadow: version === 0 ? null : version, partition: 0 };
  return counted.map((counts) => {
    const window = { ...head, startMs: 0, windowMs: 1_000, states: '{}', counts: { ...NO_COUNTS, ...counts } };
    return { ...place(topics.control('metrics')), key: null, value: encodeControl('metric-window', window) };
  });
}

function place(topic: string) {
  return { topic, partition: 0, headers: [] };
}
