// The bench: `npm run bench [-- --json] [-- --repeats N] [-- --only bus|road|shadow|replay|comparator]`.
// One broker; repeats in which every series runs once, so that whatever else the machine does meets all of them.
// Exit code: 0 all bars met, 1 one missed or inconclusive, 2 no broker.

import { parseArgs } from 'node:util';
import { demoPath } from '../../demo/demo-path.ts';
import { type BrokerSearch, brokerSearch } from '../../shared/broker/find.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { comparatorPart, type Figure, renderFigures } from './comparator/part.ts';
import { fill, measureLatency, measureThroughput, type Progress, roadProgress, startVariant } from './measure.ts';
import { replayPart } from './replay/part.ts';
import { barResult, renderTables, type Sample, seriesResult, type Verdict } from './report.ts';
import { BARS, type Bar, PARTITIONS, payloadBytes, recordMaker, SERIES, type Series } from './series.ts';
import { renderCosts } from './shadow/cpu.ts';
import type { BenchBroker } from './shadow/house.ts';
import { SHADOW_BARS, SHADOW_SERIES, shadowPart } from './shadow/part.ts';
import { verifyOutputs } from './verify.ts';

const RATE_PER_SECOND = 200;
const PACED_SECONDS = 12;
/** At the beginning, not counted. */
const PACED_WARM_SECONDS = 2.4;
const ENDPOINT = 'digits';
const PARTS = ['bus', 'road', 'shadow', 'replay', 'comparator'] as const;
const REPEATS = 5;
/** Its bars are near to one, so it takes more to tell. */
const SHADOW_REPEATS = 7;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    only: { type: 'string' },
  },
});
const say = (line: string) => process.stderr.write(`${line}\n`);

interface Place {
  readonly prefix: string;
  readonly input: string;
  readonly output: string;
  readonly group: string;
  readonly progress: Progress;
}

/** Fresh topics for one run. */
async function makePlace(bus: Bus, series: Series, name: string): Promise<Place> {
  const prefix = `${name}-`;
  const topics = topicsOf(prefix);
  const input = topics.endpoint(ENDPOINT, 'requests');
  const output = topics.endpoint(ENDPOINT, 'predictions');
  await bus.admin.createTopics(topics.endpointTopicSpecs(ENDPOINT, PARTITIONS));
  if (series.variant !== 'road')
    return { prefix, input, output, group: name, progress: [{ group: name, topic: input }] };
  return { prefix, input, output, group: name, progress: roadProgress(topics, ENDPOINT) };
}

async function runOnce(
  bus: Bus,
  brokers: readonly string[],
  series: Series,
  name: string,
  kind: 'throughput' | 'latency',
) {
  const place = await makePlace(bus, series, name);
  const make = recordMaker(series.payload, place.input);
  if (kind === 'throughput') await fill(bus, series.records, make);
  const started = await startVariant(series.variant, {
    ...place,
    brokers,
    partitions: PARTITIONS,
    delivery: series.delivery,
    endpoint: ENDPOINT,
    repository: demoPath('models'),
  });
  try {
    const verify = (records: number) =>
      verifyOutputs(bus, { topics: topicsOf(place.prefix), endpoint: ENDPOINT, series, records });
    if (kind === 'throughput') {
      const figures = await measureThroughput(bus, started, { records: series.records, progress: place.progress });
      await verify(series.records);
      return figures;
    }
    started.go();
    const pace = { rate: RATE_PER_SECOND, seconds: PACED_SECONDS, warmSeconds: PACED_WARM_SECONDS };
    const paced = { output: place.output, ...pace, first: 0, record: make };
    const figures = await measureLatency(bus, paced);
    await verify(RATE_PER_SECOND * PACED_SECONDS);
    return figures;
  } finally {
    await started.stop();
  }
}

/** Series of the parts `bus` and `road`; the bare loop is what both are compared with. */
async function roadPart({ bus, brokers, say: tell }: BenchBroker, chosen: readonly Series[], repeats: number) {
  const samples: Sample[] = [];
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const [index, series] of chosen.entries()) {
      const name = `bench-${process.pid}-${repeat}-${index}`;
      const throughput = (await runOnce(bus, brokers, series, `${name}-t`, 'throughput')) as Sample['throughput'];
      const latency = series.latency
        ? ((await runOnce(bus, brokers, series, `${name}-l`, 'latency')) as Sample['latency'])
        : null;
      samples.push({ series: series.name, repeat, throughput, latency });
      tell(
        `repeat ${repeat}: ${series.name.padEnd(28)} ${throughput?.recordsPerSecond.toFixed(0)} records/s, ` +
          `${throughput?.cpuMicrosPerRecord.toFixed(1)} CPU-µs, p99 ${latency?.p99Ms.toFixed(1) ?? '–'} ms`,
      );
    }
  }
  return samples;
}

interface PartResult {
  readonly text: string;
  readonly json: object;
  readonly verdicts: readonly Verdict[];
}

function figuresOf(part: string, figures: readonly Figure[]): PartResult {
  const verdicts = figures.flatMap(({ verdict }) => verdict ?? []);
  return { text: renderFigures(part, figures), json: { part, figures }, verdicts };
}

const isWanted = (...parts: readonly string[]) => values.only === undefined || parts.includes(values.only);
const repeatsOf = (fallback: number) => Number(values.repeats ?? fallback);

async function brokerParts(broker: BenchBroker): Promise<PartResult[]> {
  const results: PartResult[] = [];
  const add = (
    part: string,
    all: readonly Sample[],
    of: readonly Bar[],
    names: readonly { name: string }[],
    more = '',
  ) => {
    const series = names.map((one) => seriesResult(one, all));
    const bars = of.map((bar) => barResult(bar, all));
    const reference = part === 'shadow' ? 'no shadow' : 'the bare loop';
    const verdicts = bars.map(({ verdict }) => verdict);
    const text = renderTables(series, bars, reference) + more;
    results.push({ text, json: { part, series, bars, samples: all }, verdicts });
  };
  if (isWanted('bus', 'road')) {
    const unwanted = values.only === 'bus' ? 'road' : values.only === 'road' ? 'bus' : '';
    const chosen = SERIES.filter(({ variant }) => variant !== unwanted);
    const bars = BARS.filter((bar) => chosen.some(({ name }) => name === bar.of));
    add('road', await roadPart(broker, chosen, repeatsOf(REPEATS)), bars, chosen);
  }
  if (isWanted('shadow')) {
    const samples = await shadowPart(broker, repeatsOf(SHADOW_REPEATS));
    const costs = renderCosts(
      SHADOW_SERIES.map(({ name }) => name),
      samples,
    );
    add('shadow', samples, SHADOW_BARS, SHADOW_SERIES, `\n${costs}`);
  }
  if (isWanted('replay')) results.push(figuresOf('replay', await replayPart(broker, repeatsOf(REPEATS))));
  return results;
}

async function withBroker(): Promise<PartResult[]> {
  const search: BrokerSearch = await brokerSearch({ nodes: 1, purpose: 'bench', onProgress: say });
  if (search.broker === null) {
    say(`no Kafka: ${search.reason}`);
    process.exit(2);
  }
  const { brokers } = search.broker;
  const pid = search.broker.node(1)?.pid ?? null;
  const bus = kafkaBus({ brokers, clientId: 'bench', clock: systemClock, onNotice: () => {} });
  try {
    return await brokerParts({ bus, brokers, pid, say });
  } finally {
    await bus.close();
    await search.broker.stop();
  }
}

if (!isWanted(...PARTS)) {
  say(`--only takes one of: ${PARTS.join(', ')}`);
  process.exit(2);
}
const results = isWanted('bus', 'road', 'shadow', 'replay') ? await withBroker() : [];
if (isWanted('comparator')) {
  results.push(figuresOf('comparator', await comparatorPart(repeatsOf(REPEATS), say)));
}
const sizes = `A digit is ${payloadBytes('digit JSON')} bytes of JSON or ${payloadBytes('digit Avro')} bytes of Avro, on average.`;
process.stdout.write(
  values.json
    ? `${JSON.stringify({ parts: results.map(({ json }) => json) })}\n`
    : `${results.map(({ text }) => text).join('\n')}\n${sizes}\n`,
);
process.exitCode = results.every(({ verdicts }) => verdicts.every((verdict) => verdict === 'met')) ? 0 : 1;
