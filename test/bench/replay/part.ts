// Part `replay`: recorded requests scored and compared, against a loop that consumes and scores them and does nothing else.
// Method: one road answers the requests; then, per repeat, both score the same records with the same version. The bare loop is
//         kafkajs as shipped in a process of its own (variants/score.ts). Both are timed from the word go to the last record.

import { demoPath } from '../../../demo/demo-path.ts';
import { REPLAY_DEFAULTS } from '../../../services/cli/replay-options.ts';
import { replayShadow } from '../../../services/cli/replay-shadow.ts';
import type { ModelRef } from '../../../shared/domain/route-plan.ts';
import { topicsOf } from '../../../shared/domain/topics.ts';
import { modelRepository } from '../../../shared/models/repository.ts';
import { systemClock as clock } from '../../../shared/process/clock.ts';
import { modelLauncher, NICE_LIVE } from '../../../shared/runtimes/spawn.ts';
import { boundAlone, Versions } from '../../../shared/serving/versions.ts';
import type { Figure } from '../comparator/part.ts';
import { fill, measureThroughput, roadProgress, startVariant } from '../measure.ts';
import { median } from '../report.ts';
import { PARTITIONS, recordMaker } from '../series.ts';
import type { BenchBroker } from '../shadow/house.ts';

const ENDPOINT = 'digits';
const CANDIDATE = 4;
const RECORDS = 20_000;
const RATIO_MIN = 0.6;

export async function replayPart(broker: BenchBroker, repeats: number): Promise<Figure[]> {
  const { bus, say } = broker;
  const prefix = `replay-${process.pid}-`;
  const topics = topicsOf(prefix);
  await answered(broker, prefix);
  const { digest } = await modelRepository(demoPath('models')).manifest(ENDPOINT, CANDIDATE);
  const model: ModelRef = { version: CANDIDATE, digest };
  const place = { repository: demoPath('models'), clock, nice: NICE_LIVE, environment: process.env };
  const launcher = modelLauncher({ ...place, onNotice: () => {} });
  const versions = new Versions({ endpoint: ENDPOINT, launcher, clock, onState: () => {} });
  const [bare, replay]: [number[], number[]] = [[], []];
  try {
    await versions.reconcile(boundAlone('bench', [model]));
    await versions.settled(model);
    for (let repeat = 0; repeat <= repeats; repeat++) {
      const loop = await bareLoop(broker, `${prefix}${repeat}`, topics.endpoint(ENDPOINT, 'requests'));
      const startMs = performance.now();
      const { counts } = await replayShadow({
        ...{ ...REPLAY_DEFAULTS, bus, topics, endpoint: ENDPOINT, model, versions, clock },
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      const rate = (RECORDS * 1_000) / (performance.now() - startMs);
      if (counts.matched !== RECORDS) throw new RangeError(`${counts.matched} of ${RECORDS} compared`);
      // The first of each warms up.
      if (repeat === 0) continue;
      bare.push(loop);
      replay.push(rate);
      say(`repeat ${repeat}: bare ${loop.toFixed(0)} requests/s, replay ${rate.toFixed(0)} requests/s`);
    }
  } finally {
    await versions.stop();
  }
  const ratios = replay.map((rate, at) => rate / (bare[at] ?? Number.NaN));
  const met = median(ratios) >= RATIO_MIN;
  return [
    { words: 'consume and score, requests/s', values: bare, digits: 0, bar: '–', verdict: null },
    { words: 'replay, requests/s', values: replay, digits: 0, bar: '–', verdict: null },
    {
      words: 'replay to consume and score',
      values: ratios,
      digits: 2,
      bar: `≥ ${RATIO_MIN}`,
      verdict: met ? 'met' : 'missed',
    },
  ];
}

/** Requests with their answers, as a road leaves them. */
async function answered({ bus, brokers }: BenchBroker, prefix: string): Promise<void> {
  const topics = topicsOf(prefix);
  await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, PARTITIONS)]);
  const input = topics.endpoint(ENDPOINT, 'requests');
  await fill(bus, RECORDS, recordMaker('digit JSON', input));
  const started = await startVariant('road', {
    ...{ prefix, brokers, input, output: topics.endpoint(ENDPOINT, 'predictions'), group: prefix },
    ...{ partitions: PARTITIONS, delivery: 'exactly-once', endpoint: ENDPOINT, repository: demoPath('models') },
  });
  await measureThroughput(bus, started, { records: RECORDS, progress: roadProgress(topics, ENDPOINT) });
  await started.stop();
}

/** Requests per second of the loop that only consumes and scores. */
async function bareLoop({ bus, brokers }: BenchBroker, group: string, input: string): Promise<number> {
  const options = { brokers, input, output: input, group, partitions: PARTITIONS, endpoint: ENDPOINT };
  const started = await startVariant('score', {
    ...{ ...options, delivery: 'at-least-once', repository: demoPath('models'), version: CANDIDATE },
  });
  const progress = [{ group, topic: input }];
  const { recordsPerSecond } = await measureThroughput(bus, started, { records: RECORDS, progress });
  await started.stop();
  return recordsPerSecond;
}
