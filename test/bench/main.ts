// The bench: `npm run bench [-- --json] [-- --repeats N] [-- --only TEXT]`.
// One broker; repeats in which every series runs once, so that whatever else the machine does meets all of them.
// Exit code: 0 all bars met, 1 one missed, 2 no broker.

import { parseArgs } from 'node:util';
import { demoPath } from '../../demo/demo-path.ts';
import { type BrokerSearch, brokerSearch } from '../../shared/broker/find.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { laneGroup, routerGroup } from '../../shared/domain/groups.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { fill, measureLatency, measureThroughput, type Progress, startVariant } from './measure.ts';
import { barResult, renderTables, type Sample, seriesResult } from './report.ts';
import { BARS, PARTITIONS, payloadBytes, recordMaker, SERIES, type Series } from './series.ts';
import { verifyOutputs } from './verify.ts';

const RATE_PER_SECOND = 200;
const PACED_SECONDS = 12;
const ENDPOINT = 'digits';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
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
  const lanes = (['blue', 'green'] as const).map((lane) => ({
    group: laneGroup(prefix, ENDPOINT, lane),
    topic: topics.lane(ENDPOINT, lane),
  }));
  const router = { group: routerGroup(prefix, ENDPOINT), topic: input };
  return { prefix, input, output, group: name, progress: [router, ...lanes] };
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
    const paced = { output: place.output, rate: RATE_PER_SECOND, seconds: PACED_SECONDS, record: make };
    const figures = await measureLatency(bus, paced);
    await verify(RATE_PER_SECOND * PACED_SECONDS);
    return figures;
  } finally {
    await started.stop();
  }
}

async function bench(search: BrokerSearch): Promise<readonly Sample[]> {
  const broker = search.broker;
  if (broker === null) return [];
  const bus = kafkaBus({ brokers: broker.brokers, clientId: 'bench', clock: systemClock, onNotice: () => {} });
  const samples: Sample[] = [];
  const chosen = SERIES.filter((series) => series.name.includes(values.only));
  try {
    for (let repeat = 1; repeat <= Number(values.repeats); repeat++) {
      for (const [index, series] of chosen.entries()) {
        const name = `bench-${process.pid}-${repeat}-${index}`;
        const throughput = (await runOnce(
          bus,
          broker.brokers,
          series,
          `${name}-t`,
          'throughput',
        )) as Sample['throughput'];
        const latency = series.latency
          ? ((await runOnce(bus, broker.brokers, series, `${name}-l`, 'latency')) as Sample['latency'])
          : null;
        samples.push({ series: series.name, repeat, throughput, latency });
        say(
          `repeat ${repeat}: ${series.name.padEnd(28)} ${throughput?.recordsPerSecond.toFixed(0)} records/s, ` +
            `${throughput?.cpuMicrosPerRecord.toFixed(1)} CPU-µs, p99 ${latency?.p99Ms.toFixed(1) ?? '–'} ms`,
        );
      }
    }
  } finally {
    await bus.close();
    await broker.stop();
  }
  return samples;
}

const search = await brokerSearch({ nodes: 1, purpose: 'bench', onProgress: say });
if (search.broker === null) {
  say(`no Kafka: ${search.reason}`);
  process.exit(2);
}
const samples = await bench(search);
const series = SERIES.map((one) => seriesResult(one, samples));
const bars = BARS.map((bar) => barResult(bar, samples));
process.stdout.write(
  values.json
    ? `${JSON.stringify({ repeats: Number(values.repeats), series, bars, samples })}\n`
    : `${renderTables(series, bars)}\nA digit is ${payloadBytes('digit JSON')} bytes of JSON or ${payloadBytes('digit Avro')} bytes of Avro, on average.\n`,
);
process.exitCode = bars.every((bar) => bar.met) ? 0 : 1;
