// Goal: a journey in time says what a live shadow over the same requests would have said.
// Method: the whole house on the memory bus; a live shadow from the first request on, and a replay of the same.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REPLAY_DEFAULTS } from '../../services/cli/replay-options.ts';
import { replayShadow } from '../../services/cli/replay-shadow.ts';
import { CONTROL_CONTENT_TYPE, encodeControl } from '../../shared/codec/control.ts';
import { readReports } from '../../shared/comparing/reports.ts';
import type { ComparisonReport } from '../../shared/comparison/report.ts';
import { HEADER, header, headerText } from '../../shared/domain/headers.ts';
import type { PlanShadow } from '../../shared/domain/shadow.ts';
import { Versions } from '../../shared/serving/versions.ts';
import { digestOf } from '../support/controller-story.ts';
import { fakeLauncher } from '../support/fake-launcher.ts';
import { ENDPOINT, type HouseWorld, houseWorld } from '../support/house-world.ts';

/** As the house's comparator. */
const LABEL_WINDOW = 1_000;

let house: HouseWorld;
beforeEach(async () => {
  house = await houseWorld();
  await house.rollOut(1, 'basic');
  await house.reached('promoted');
});
afterEach(() => house.stop());

const place = () => ({
  bus: house.bus,
  topics: house.topics,
  endpoint: ENDPOINT,
  signal: new AbortController().signal,
});

interface ReplayedAs {
  readonly sampleBp?: number;
  readonly poison?: readonly number[];
  readonly tolerances?: PlanShadow['tolerances'];
  readonly labelWindow?: number;
}

async function replay({ poison = [], ...options }: ReplayedAs = {}): Promise<ComparisonReport> {
  const launcher = fakeLauncher();
  launcher.set(2, { poison });
  const { clock } = house;
  const versions = new Versions({ endpoint: ENDPOINT, launcher, clock, onState: () => {} });
  const model = { version: 2, digest: digestOf(2) };
  const kept = { ...REPLAY_DEFAULTS, labelWindow: LABEL_WINDOW, ...options };
  const replaying = replayShadow({ ...kept, ...place(), clock, model, versions, onProgress: () => {} });
  return house.over(replaying.finally(() => versions.stop()));
}

async function live(): Promise<ComparisonReport | undefined> {
  const runs = await house.over(readReports({ ...place(), onUnreadable: () => {} }));
  return runs.find(({ report }) => report.run === 'numbers-2/2')?.report;
}

/** What does not depend on when it was scored, or where its outputs lie. */
function essence(report: ComparisonReport | undefined) {
  const { counts, coverage, pairs = [], examples = [] } = report ?? {};
  return {
    counts: { ...counts, late: 0 },
    coverage,
    pairs: pairs.map(({ pairs: count, agreement, fields, labelledRows }) => ({
      count,
      agreement,
      fields,
      labelledRows,
    })),
    examples: examples.map(({ source, disagreement, why, live: said, shadow }) => ({
      source,
      disagreement,
      why,
      said,
      shadow,
    })),
  };
}

async function withLiveShadow(options: object, poison: readonly number[] = []): Promise<void> {
  house.shadowLauncher.set(2, { poison });
  await house.ask(30);
  await house.rollOut(2, 'shadow', { shadow: { from: { kind: 'offset', at: 0 }, ...options } });
  await house.reached('ready');
  await house.ask(50);
  const sources = (await house.of('predictions')).map((record) => headerText(record.headers, HEADER.source) ?? '');
  for (const source of sources.slice(0, 12)) {
    const key = { partition: 0, key: source };
    await house.write(house.topics.endpoint(ENDPOINT, 'labels'), encodeControl('label', { values: [1_003] }), key);
  }
  await house.clock.advance(6_000);
}

it('is the same as a live shadow of the same requests, labels included', async () => {
  await withLiveShadow({});
  const report = await replay();
  expect(report.counts).toMatchObject({ matched: 80, labelled: 12, missingLive: 0, missingShadow: 0 });
  expect(essence(report)).toEqual(essence(await live()));
});

it('is the same for a sample, and for a version that fails at some requests', async () => {
  await withLiveShadow({ sampleBp: 4_000 }, [3, 7, 20]);
  const report = await replay({ sampleBp: 4_000, poison: [3, 7, 20] });
  expect(report.counts.matched).toBeGreaterThan(15);
  expect(report.counts.matched).toBeLessThan(60);
  expect(essence(report)).toEqual(essence(await live()));
});

it('is the same under tolerances', async () => {
  const tolerances = [{ output: '*', atol: 1_500, rtol: 0 }];
  await withLiveShadow({ tolerances });
  const report = await replay({ tolerances });
  expect(report.pairs).toMatchObject([{ agreement: 1 }]);
  expect(essence(report)).toEqual(essence(await live()));
  expect((await replay()).pairs).toMatchObject([{ agreement: 0 }]);
});

it('names no place of outputs that nobody wrote', async () => {
  await house.ask(5);
  const { examples } = await replay();
  expect(examples).toHaveLength(5);
  for (const { at } of examples) expect(at.shadow).toBeNull();
});

describe('labels that name ids', () => {
  const ASKED = 400;
  const FOREIGN = 39;
  const numbered = Array.from({ length: ASKED }, (_, index) => index);

  /** Asks with ids, all in partition 0. */
  async function askNamed(): Promise<void> {
    const topic = house.topics.endpoint(ENDPOINT, 'requests');
    const requests = numbered.map((index) => {
      const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [index] }];
      const headers = [header(HEADER.cloudEventId, `own-${index}`)];
      return { topic, partition: 0, key: null, value: Buffer.from(JSON.stringify({ inputs })), headers };
    });
    await house.bus.write(requests);
    await house.clock.advance(5_000);
  }

  /** As the comparator keys them, each for its own request, with others of other partitions before it. */
  async function label(lateBy = 0): Promise<void> {
    const topic = house.topics.endpoint(ENDPOINT, 'keyed-labels');
    const labels = numbered.flatMap((index) =>
      [...Array.from({ length: FOREIGN }, (_, at) => `foreign-${index}-${at}`), `own-${index}`].map((requestId) => {
        const requestsEnd = index + 1 + lateBy;
        const value = encodeControl('keyed-label', { offset: -1, requestId, values: [1], requestsEnd });
        return { topic, partition: 0, key: null, value, headers: [CONTROL_CONTENT_TYPE] };
      }),
    );
    await house.bus.write(labels);
  }

  it('find their answers among ten thousand that nobody knows', async () => {
    await askNamed();
    await label();
    expect((await replay()).counts).toMatchObject({ matched: ASKED, labelled: ASKED });
  });

  it('count when they came within the window, and not later', async () => {
    await askNamed();
    await label(LABEL_WINDOW);
    expect((await replay({ labelWindow: LABEL_WINDOW })).counts).toMatchObject({ labelled: 0 });
    expect((await replay({ labelWindow: LABEL_WINDOW + 1 })).counts).toMatchObject({ labelled: ASKED });
  });
});

it('leaves no trace', async () => {
  await house.ask(20);
  await house.clock.advance(5_000);
  const before = await Promise.all([house.of('shadow'), house.of('predictions'), house.of('totals')]);
  await replay();
  const after = await Promise.all([house.of('shadow'), house.of('predictions'), house.of('totals')]);
  expect(after.map(({ length }) => length)).toEqual(before.map(({ length }) => length));
});

it('misses nothing while requests keep coming', async () => {
  await house.ask(40);
  const [first] = await house.of('requests');
  let sending = true;
  const traffic = (async () => {
    while (sending && first !== undefined) {
      await house.bus.write([first]);
      await house.clock.sleep(20);
    }
  })();
  const report = await replay();
  sending = false;
  await house.over(traffic);
  expect(report.counts).toMatchObject({ missingLive: 0, missingShadow: 0 });
  expect(report.counts.matched).toBeGreaterThanOrEqual(40);
});
