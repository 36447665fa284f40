// Overload: `npm run overload [-- --seconds 120] [-- --pairs 5] [-- --json]`.
// Twice as many requests as the house takes, and candidates that hang or crawl beside an incumbent; real processes, real Kafka.
// Exit code: 0 as it must be, 1 not so, 2 no broker.

import { parseArgs } from 'node:util';
import { brokerSearch } from '../../shared/broker/find.ts';
import type { RunningBroker } from '../../shared/broker/running-broker.ts';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import { runFlood } from './flood.ts';
import { INCUMBENT, type NeighbourReport, runNeighbour } from './neighbour.ts';
import { openPlace, type Place } from './place.ts';
import { floodProblems, renderFlood, renderNeighbour } from './report.ts';

/** A network on tfjs-node: the slowest of the demo's versions. */
const FLOODED = 2;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    pairs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const say = (line: string) => process.stderr.write(`${line}\n`);

async function within<T>(
  broker: RunningBroker,
  name: string,
  version: number,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const place = await openPlace(broker, `overload-${name}-`, version);
  try {
    return await work(place);
  } finally {
    await place.stop();
  }
}

async function main(): Promise<number> {
  const [seconds, pairs] = [Number(values.seconds), Number(values.pairs)];
  if (!(seconds >= 10) || !Number.isInteger(pairs) || pairs < 0) {
    throw new MillraceError('USAGE', { detail: '--seconds is a number from 10 on, --pairs a whole number from 0 on' });
  }
  const { broker, reason } = await brokerSearch({ nodes: 1, purpose: 'bench', onProgress: say });
  if (broker === null) {
    say(`no Kafka: ${reason}`);
    return 2;
  }
  try {
    const flood = await within(broker, 'flood', FLOODED, (place) => runFlood(place, seconds, say));
    const neighbours: NeighbourReport[] = [];
    for (const ailment of pairs > 0 ? (['hangs', 'crawls'] as const) : []) {
      say(`a candidate that ${ailment} beside the incumbent`);
      neighbours.push(
        await within(broker, ailment, INCUMBENT, (place) => runNeighbour(place, { ailment, pairs, say })),
      );
    }
    const missed = neighbours
      .filter(({ verdict }) => verdict === 'missed')
      .map(({ ailment }) => `p99 beside one that ${ailment}`);
    const problems = [...floodProblems(flood), ...missed];
    const text = [renderFlood(flood), ...neighbours.map(renderNeighbour)].join('\n');
    process.stdout.write(values.json ? `${JSON.stringify({ flood, neighbours, problems })}\n` : `\n${text}\n`);
    for (const problem of problems) say(`PROBLEM: ${problem}`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    await broker.stop();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof MillraceError ? `${error.code}: ${error.message}\n${error.action}` : errorText(error));
  return 1;
});
process.exit();
