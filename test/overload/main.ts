// Overload: `npm run overload [-- --seconds 120] [-- --pairs 5] [-- --json]`.
// Twice as many requests as the house takes, and candidates that hang, crawl, crash, load or are rolled out and back beside an incumbent; real processes,
// real Kafka. One or two pairs of windows only say whether all requests were answered; from three on p99 is judged.
// Exit code: 0 as it must be, 1 not so, 2 no broker, 3 nothing is wrong but the machine was too uneven to judge a p99.

import { parseArgs } from 'node:util';
import { brokerSearch } from '../../shared/broker/find.ts';
import type { RunningBroker } from '../../shared/broker/running-broker.ts';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import { runFlood } from './flood.ts';
import { runNeighbours } from './neighbour.ts';
import { openPlace, type Place } from './place.ts';
import { exitCodeOf, floodProblems, neighbourProblems, renderFlood, renderNeighbour } from './report.ts';
import { INCUMBENT } from './window.ts';

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
    const neighbours =
      pairs > 0 ? await within(broker, 'neighbours', INCUMBENT, (place) => runNeighbours(place, { pairs, say })) : [];
    const problems = [...floodProblems(flood), ...neighbourProblems(neighbours)];
    const text = [renderFlood(flood), ...neighbours.map(renderNeighbour)].join('\n');
    process.stdout.write(values.json ? `${JSON.stringify({ flood, neighbours, problems })}\n` : `\n${text}\n`);
    for (const problem of problems) say(`PROBLEM: ${problem}`);
    return exitCodeOf(problems, neighbours);
  } finally {
    await broker.stop();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof MillraceError ? `${error.code}: ${error.message}\n${error.action}` : errorText(error));
  return 1;
});
process.exit();
