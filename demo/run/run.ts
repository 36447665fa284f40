// Run: the house, the stream and the scenario together on one bus, and the figures at the end.

import { startHouse } from '../../services/house/house.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { unlessAborted } from '../../shared/domain/clock.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { modelRepository } from '../../shared/models/repository.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type ModelNotice, modelLauncher, NICE_LIVE, NICE_SHADOW } from '../../shared/runtimes/spawn.ts';
import { DIGITS_ENDPOINT, loadDigits } from '../data/digits.ts';
import { demoPath } from '../demo-path.ts';
import { operatorOf } from './control.ts';
import { countPredictions, type Readback, readBack } from './readback.ts';
import { runScenario } from './scenario.ts';
import { ShadowAct } from './shadow-act.ts';
import { startTraffic, type Traffic } from './traffic.ts';

export const PARTITIONS = 4;
/** Part of the requests that is kept for the last change. */
const RESERVE_SHARE = 0.2;
/** After the last request: longest wait for the last answer. */
const DRAIN_DEADLINE_MS = 60_000;
const DRAIN_POLL_MS = 250;
const PROGRESS_EVERY_MS = 2_000;

export interface DemoOptions {
  readonly bus: Bus;
  readonly requests: number;
  /** Requests per second. */
  readonly rate: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the whole demo. @throws what fails in it; the house is stopped either way */
export async function runDemo(options: DemoOptions): Promise<Readback> {
  const { bus, requests, rate, say, signal } = options;
  // A name of its own, so that the demo can run again on the same broker.
  const topics = topicsOf(`demo-${systemClock.nowMs().toString(36)}-`);
  const digits = loadDigits();
  const repository = modelRepository(demoPath('models'));
  const launchers = launchersFor(say);
  const worker = `demo-${process.pid}`;
  const deps = { bus, topics, clock: systemClock, log: demoLog(say), repository, worker };
  const house = await startHouse({ ...deps, ...launchers });
  const place = { bus, topics, endpoint: DIGITS_ENDPOINT };
  const operator = operatorOf({ ...place, clock: systemClock });
  const shadows = new ShadowAct({ ...place, repository, launcher: launchers.shadowLauncher, clock: systemClock, say });
  const done = new AbortController();
  /** Fired by a stream that cannot be written: then no step of the scenario is worth waiting for. */
  const broken = new AbortController();
  const story = async () => {
    await operator.defineEndpoint({
      endpoint: DIGITS_ENDPOINT,
      partitions: PARTITIONS,
      delivery: 'exactly-once',
      road: 'lanes',
      ordering: 'per-key',
    });
    await operator.next('the endpoint is defined', (event) => event.type === 'endpoint-defined');
    const begin = (): Traffic => {
      const topic = topics.endpoint(DIGITS_ENDPOINT, 'requests');
      const labels = topics.endpoint(DIGITS_ENDPOINT, 'labels');
      const reserve = Math.floor(requests * RESERVE_SHARE);
      const stream = {
        bus,
        clock: systemClock,
        topic,
        labels,
        partitions: PARTITIONS,
        digits,
        requests,
        rate,
        reserve,
      };
      const traffic = startTraffic(stream);
      void showProgress(traffic, { requests, say, signal: done.signal });
      traffic.done.catch((error: unknown) => broken.abort(error));
      return traffic;
    };
    const { switches } = await runScenario({ operator, startTraffic: begin, requests, say, shadows });
    await answersOf(place, requests);
    await shadows.settled();
    return switches;
  };
  const stop = async () => {
    done.abort();
    await operator.stop();
    await house.stop();
  };
  try {
    const switches = await unlessAborted(story(), AbortSignal.any([signal, broken.signal]), () =>
      broken.signal.aborted ? broken.signal.reason : new MillraceError('USAGE', { detail: 'interrupted' }),
    );
    // Only a house that has stopped answers nothing twice any more.
    await stop();
    return await readBack({ ...place, digits, switches, replayed: shadows.replayed });
  } finally {
    await stop();
  }
}

/** Processes for live models and, at the lowest priority, for shadows. */
function launchersFor(say: (line: string) => void) {
  const launching = {
    repository: demoPath('models'),
    clock: systemClock,
    environment: process.env,
    onNotice: ({ version, what, detail }: ModelNotice) => what !== 'ready' && say(`  v${version} ${what}: ${detail}`),
  };
  return {
    launcher: modelLauncher({ ...launching, nice: NICE_LIVE }),
    shadowLauncher: modelLauncher({ ...launching, nice: NICE_SHADOW }),
  };
}

/** Waits until every request has an answer on record, or for the deadline; the readback tells which. */
async function answersOf(place: Parameters<typeof countPredictions>[0], requests: number): Promise<void> {
  const deadlineMs = systemClock.nowMs() + DRAIN_DEADLINE_MS;
  while ((await countPredictions(place)) < requests && systemClock.nowMs() < deadlineMs) {
    await systemClock.sleep(DRAIN_POLL_MS);
  }
}

async function showProgress(
  traffic: Traffic,
  options: { requests: number; say: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  while (traffic.sent() < options.requests && !options.signal.aborted) {
    await systemClock.sleep(PROGRESS_EVERY_MS, options.signal);
    options.say(`  ${traffic.sent()} of ${options.requests} requests sent`);
  }
}

/** The house's own events that a reader of the demo wants to see. */
function demoLog(say: (line: string) => void): Parameters<typeof startHouse>[0]['log'] {
  return (event, fields) => {
    if (event === 'model-state' && 'state' in fields && 'version' in fields) {
      const runtime = 'runtime' in fields ? String(fields.runtime) : '';
      say(`  v${String(fields.version)} is ${String(fields.state)}${runtime === '' ? '' : ` on ${runtime}`}`);
    }
    if ('error' in fields) say(`  ${event}: ${String(fields.error)}`);
  };
}
