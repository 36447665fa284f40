// Chaos: `npm run chaos -- --minutes M | --requests N [--seed S] [--rate R] [--only kind,kind] [--no-acts] [--json]`.
// The house as real processes on three Kafka nodes, rollouts all the time, seeded faults; then the audit.
// --minutes M    faults one after another for M minutes, after the acts in quiet     --only    just these kinds
//                (some come in every run, and it lasts until they have)
// --requests N   one process killed every 5 s until N requests are sent              --no-acts leaves the acts out
// Exit code: 0 every promise was kept, 1 one was not (the folder with the logs is named), 2 there is no Kafka.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { unlessAborted } from '../../shared/domain/clock.ts';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import { ALL_KINDS } from './campaign.ts';
import { renderReport } from './report.ts';
import { type ChaosOptions, runChaos } from './run.ts';
import { World } from './world.ts';

const RATE = { minutes: '150', requests: '1200' } as const;
const NO_KAFKA = 2;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    requests: { type: 'string' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string' },
    only: { type: 'string' },
    'no-acts': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const startMs = performance.now();
const say = (line: string) =>
  process.stderr.write(`${((performance.now() - startMs) / 1_000).toFixed(1).padStart(7)} s  ${line}\n`);
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ended.abort());

function usage(detail: string): MillraceError {
  return new MillraceError('USAGE', { detail });
}

function optionsOf(): ChaosOptions {
  const { minutes, requests } = values;
  if ((minutes === undefined) === (requests === undefined)) throw usage('give --minutes or --requests');
  const length = requests === undefined ? { minutes: Number(minutes) } : { requests: Number(requests) };
  const kinds = values.only?.split(',') ?? ALL_KINDS;
  const unknown = kinds.find((kind) => !ALL_KINDS.includes(kind));
  if (unknown !== undefined) throw usage(`no fault is called ${unknown}; there are ${ALL_KINDS.join(', ')}`);
  const rate = Number(values.rate ?? (requests === undefined ? RATE.minutes : RATE.requests));
  const seed = Number(values.seed);
  if (![rate, seed, Object.values(length)[0]].every((number) => Number(number) > 0)) throw usage('numbers are above 0');
  const acts = !values['no-acts'] && requests === undefined;
  return { seed, length, rate, acts, kinds, say, signal: ended.signal };
}

async function main(): Promise<number> {
  const options = optionsOf();
  const interrupted = () => usage('interrupted');
  const starting = World.start({ ...options, purpose: 'requests' in options.length ? 'bench' : 'test' });
  const world = await unlessAborted(starting, ended.signal, interrupted);
  // Services are children of this process: they end with it, however it ends.
  process.on('exit', () => {
    for (const service of world.fleet.running) service.kill('SIGKILL');
  });
  let good = false;
  try {
    const report = await unlessAborted(runChaos(world, options), ended.signal, interrupted);
    good = report.failures.length === 0;
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `\n${renderReport(report)}\n`);
    return good ? 0 : 1;
  } finally {
    if (!good) {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
      await world.keep(folder);
      say(`logs are kept in ${folder}`);
    }
    await world.stop();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof MillraceError ? `${error.code}: ${error.message}\n${error.action}` : errorText(error));
  return error instanceof MillraceError && error.code === 'BROKER_NOT_FOUND' ? NO_KAFKA : 1;
});
// Whatever still holds the event loop must not hold the shell.
process.exit();
