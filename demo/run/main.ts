// The demo: `npm run demo [-- --json] [-- --check] [-- --requests N] [-- --rate N] [-- --memory]`.
// Real Kafka, real digits, real models; four changes of the model under load; figures read back from the topics.
// --check: exit 1 unless every promise was kept on a real Kafka with both native runtimes (what CI runs).

import { parseArgs } from 'node:util';
import { brokerSearch } from '../../shared/broker/find.ts';
import type { Bus, BusNotice } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { unlessAborted } from '../../shared/domain/clock.ts';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { problemsOf, renderReport, reportOf } from './report.ts';
import { PARTITIONS, runDemo } from './run.ts';
import { SWITCH_KINDS } from './scenario.ts';
import { trainedAccuracies } from './trained.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    requests: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '250' },
  },
});
const say = (line: string) => process.stderr.write(`${line}\n`);
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());

interface Place {
  readonly bus: Bus;
  readonly detail: string;
  close(): Promise<void>;
}

/** A real Kafka, or, said in one clear line, the memory bus. */
async function findPlace(): Promise<Place> {
  const search = values.memory ? null : await brokerSearch({ onProgress: say });
  if (search === null || search.broker === null) {
    say(`No Kafka (${search?.reason ?? '--memory was asked for'}): the demo runs on the in-memory bus.`);
    const bus = memoryBus(memoryLog(), { clock: systemClock });
    return { bus, detail: 'the in-memory bus', close: () => bus.close() };
  }
  const { broker } = search;
  const onNotice = (notice: BusNotice) => say(`broker: ${'detail' in notice ? notice.detail : notice.type}`);
  const bus = kafkaBus({ brokers: broker.brokers, clientId: 'millrace-demo', clock: systemClock, onNotice });
  return {
    bus,
    detail: `Apache Kafka (${broker.kind}, ${broker.nodes} node${broker.nodes === 1 ? '' : 's'})`,
    close: async () => {
      await bus.close();
      await broker.stop();
    },
  };
}

async function main(): Promise<number> {
  const requests = Number(values.requests);
  const rate = Number(values.rate);
  if (!Number.isInteger(requests) || requests < 100 || !(rate > 0)) {
    throw new MillraceError('USAGE', { detail: '--requests is a whole number from 100 on, --rate a number above 0' });
  }
  const startMs = systemClock.nowMs();
  // What is being started ends with this process.
  const place = await unlessAborted(
    findPlace(),
    ended.signal,
    () => new MillraceError('USAGE', { detail: 'interrupted' }),
  );
  try {
    const readback = await runDemo({ bus: place.bus, requests, rate, say, signal: ended.signal });
    const seconds = (systemClock.nowMs() - startMs) / 1000;
    const report = reportOf({ broker: place.bus.kind, brokerDetail: place.detail, readback, seconds });
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `\n${renderReport(report)}\n`);
    const problems = problemsOf(report, {
      ...{ requests, partitions: PARTITIONS, switches: SWITCH_KINDS, versions: [1, 2, 3, 4] },
      ...{ accuracies: trainedAccuracies(), strict: values.check },
    });
    for (const problem of problems) say(`PROBLEM: ${problem}`);
    for (const { check, at, detail } of readback.outcomes.kept) say(`  ${check}: ${at}: ${detail}`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    await place.close();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof MillraceError ? `${error.code}: ${error.message}\n${error.action}` : errorText(error));
  return 1;
});
// Whatever still holds the event loop must not hold the shell.
process.exit();
