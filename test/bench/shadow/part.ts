// Part `shadow`: what the live road pays for a shadow on the same cores: without one, twice, and with 10 % and 100 %.
// Method: the shadow and the comparator run in every variant, as processes of their own. Each variant once per repeat, in an
//         order that turns from repeat to repeat; the first runs warm the broker up and are not counted. A shadow must have
//         scored what it was to score, soon after the last paced request and, in the end, all of it.

import { demoPath } from '../../../demo/demo-path.ts';
import type { Bus } from '../../../shared/bus/bus.ts';
import { laneGroup, routerGroup } from '../../../shared/domain/groups.ts';
import { topicsOf } from '../../../shared/domain/topics.ts';
import { fill, measureLatency, measureThroughput, type Started, startVariant } from '../measure.ts';
import type { Sample } from '../report.ts';
import { type Bar, PARTITIONS, recordMaker } from '../series.ts';
import { verifyOutputs } from '../verify.ts';
import { awaitOutputs } from './kept-up.ts';
import { type BesideService, startService } from './service.ts';

const ENDPOINT = 'digits';
const RATE_PER_SECOND = 200;
const PACED_SECONDS = 25;
/** Not counted: the processes of each run are new, and p99 of their first seconds, three times as much, is their compilers'. */
const PACED_WARM_SECONDS = 10;
const PACED_RECORDS = RATE_PER_SECOND * PACED_SECONDS;
const SATURATED_RECORDS = 20_000;
/** Until the broker's JVM has compiled what it runs: p50 falls tenfold over them. */
const WARM_UP_RUNS = 3;
/** A shadow that keeps up is so far behind at most. */
const KEEPS_UP_MS = 5_000;
/** One that was left behind by a flood has scored everything so long after. */
const CATCHES_UP_MS = 60_000;
/** A perceptron of 128 hidden units; the live version is the softmax regression. */
const CANDIDATE = 4;

export interface ShadowSeries {
  readonly name: string;
  /** Part of the requests that the shadow scores, basis points; 0: there is none. */
  readonly sampleBp: number;
}

const NONE = 'no shadow';
const TWIN = 'no shadow, again';
const TENTH = 'shadow of 10 %';
const ALL = 'shadow of 100 %';

export const SHADOW_SERIES: readonly ShadowSeries[] = [
  { name: NONE, sampleBp: 0 },
  { name: TENTH, sampleBp: 1_000 },
  { name: TWIN, sampleBp: 0 },
  { name: ALL, sampleBp: 10_000 },
];

const of = (name: string, bar: Pick<Bar, 'figure' | 'limit' | 'better'>): Bar => ({
  words: `${name}, ${bar.figure === 'p99Ms' ? 'p99 at 200 requests/s' : 'records per second'}`,
  ...{ of: name, to: NONE, twin: TWIN, ...bar },
});

export const SHADOW_BARS: readonly Bar[] = [
  of(TENTH, { figure: 'p99Ms', limit: 1.1, better: 'lower' }),
  of(ALL, { figure: 'p99Ms', limit: 1.3, better: 'lower' }),
  of(TENTH, { figure: 'recordsPerSecond', limit: 0.95, better: 'higher' }),
];

export interface BenchBroker {
  readonly bus: Bus;
  readonly brokers: readonly string[];
  readonly say: (line: string) => void;
}

/** Samples of every variant in every repeat. */
export async function shadowPart(broker: BenchBroker, repeats: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const [first = { name: NONE, sampleBp: 0 }] = SHADOW_SERIES;
  for (let run = 0; run < WARM_UP_RUNS; run++) await runOnce(broker, first, `shadow-${process.pid}-0-${run}`);
  for (let repeat = 1; repeat <= repeats; repeat++) {
    const turned = SHADOW_SERIES.map((_, i) => SHADOW_SERIES[(i + repeat) % SHADOW_SERIES.length] ?? first);
    for (const [index, series] of turned.entries()) {
      const sample = await runOnce(broker, series, `shadow-${process.pid}-${repeat}-${index}`);
      samples.push({ series: series.name, repeat, ...sample });
      const { throughput, latency } = sample;
      broker.say(
        `repeat ${repeat}: ${series.name.padEnd(20)} ${throughput?.recordsPerSecond.toFixed(0)} records/s, ` +
          `p99 ${latency?.p99Ms.toFixed(1)} ms`,
      );
    }
  }
  return samples;
}

async function runOnce(
  { bus, brokers }: BenchBroker,
  series: ShadowSeries,
  name: string,
): Promise<Pick<Sample, 'throughput' | 'latency'>> {
  const prefix = `${name}-`;
  const topics = topicsOf(prefix);
  await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, PARTITIONS)]);
  const repository = demoPath('models');
  const beside = await Promise.all(
    (['shadow', 'comparator'] as const).map((service) => startService(service, { brokers, prefix, repository })),
  );
  const input = topics.endpoint(ENDPOINT, 'requests');
  const output = topics.endpoint(ENDPOINT, 'predictions');
  const shadow = series.sampleBp === 0 ? {} : { shadow: { candidate: CANDIDATE, sampleBp: series.sampleBp } };
  const road = { prefix, brokers, input, output, group: name, partitions: PARTITIONS, endpoint: ENDPOINT, repository };
  try {
    const started = await startVariant('road', { ...road, ...shadow, delivery: 'exactly-once' });
    try {
      const make = recordMaker('digit JSON', input);
      started.go();
      const paced = {
        output,
        rate: RATE_PER_SECOND,
        seconds: PACED_SECONDS,
        warmSeconds: PACED_WARM_SECONDS,
        record: make,
      };
      const latency = await measureLatency(bus, paced);
      const { sampleBp } = series;
      await awaitOutputs(bus, { topics, endpoint: ENDPOINT, sampleBp, records: PACED_RECORDS }, KEEPS_UP_MS);
      const throughput = await saturate(bus, { started, prefix, beside });
      const records = PACED_RECORDS + SATURATED_RECORDS;
      await awaitOutputs(bus, { topics, endpoint: ENDPOINT, sampleBp, records }, CATCHES_UP_MS);
      const verified = { name: series.name, delivery: 'exactly-once' } as const;
      await verifyOutputs(bus, { topics, endpoint: ENDPOINT, series: verified, records });
      return { latency, throughput };
    } finally {
      await started.stop();
    }
  } finally {
    await Promise.all(beside.map((service) => service.stop()));
  }
}

/** Everyone stands still until the backlog is there. */
async function saturate(
  bus: Bus,
  run: { readonly started: Started; readonly prefix: string; readonly beside: readonly BesideService[] },
): Promise<NonNullable<Sample['throughput']>> {
  const { started, prefix, beside } = run;
  const topics = topicsOf(prefix);
  await started.pause();
  for (const service of beside) service.hold(true);
  const make = recordMaker('digit JSON', topics.endpoint(ENDPOINT, 'requests'));
  await fill(bus, SATURATED_RECORDS, (index) => make(PACED_RECORDS + index));
  for (const service of beside) service.hold(false);
  const lanes = (['blue', 'green'] as const).map((lane) => ({
    group: laneGroup(prefix, ENDPOINT, lane),
    topic: topics.lane(ENDPOINT, lane),
  }));
  const router = { group: routerGroup(prefix, ENDPOINT), topic: topics.endpoint(ENDPOINT, 'requests') };
  return measureThroughput(bus, started, { records: SATURATED_RECORDS, progress: [router, ...lanes] });
}
