// Ailments: what a candidate suffers, or does, beside the incumbent while the incumbent's answers are timed. One entry each.
// Invariant: when the work beside it is done, the candidate is rolled back, and what was queued for it is answered.

import { systemClock as clock } from '../../shared/process/clock.ts';
import { modelProcesses, signalIfAlive } from '../support/model-processes.ts';
import type { Place } from './place.ts';

/** How often the processes of one that hangs or crawls are looked for and held. */
const HOLD_EVERY_MS = 20;
/** A crawling process may run in one of so many turns. */
const CRAWL_TURNS = 10;
/** Time enough to load again in between; one that never comes up would be given up. */
const CRASH_EVERY_MS = 1_000;
const CANDIDATE = 4;
/** For so long one that was loaded stays, and for so long there is peace before it loads again. */
const STAYS_MS = 500;
const CANARY = { candidate: CANDIDATE, strategy: 'canary', canary: { weightBp: 1_000 } };
/** READY, and nobody promotes it. */
const WAITING = { candidate: CANDIDATE, strategy: 'blue-green', blueGreen: { promotion: 'manual' } };

/** Does `work` beside a candidate that ails. */
type Beside = <T>(place: Place, work: () => Promise<T>) => Promise<T>;

export const AILMENTS = {
  hangs: serving(HOLD_EVERY_MS, () => 'SIGSTOP'),
  crawls: serving(HOLD_EVERY_MS, (turn) => (turn % CRAWL_TURNS === 0 ? 'SIGCONT' : 'SIGSTOP')),
  crashes: serving(CRASH_EVERY_MS, () => 'SIGKILL'),
  loads: again(WAITING),
  rolls: again(CANARY),
} satisfies Readonly<Record<string, Beside>>;

export type Ailment = keyof typeof AILMENTS;
/** Traffic that moves costs something, which is told; there is no bar for it. */
export const WITHOUT_BAR: readonly Ailment[] = ['rolls'];
export const AILMENT_NAMES = Object.keys(AILMENTS) as readonly Ailment[];

/** It takes traffic before the work begins; then all its processes, whatever new ones come, get a signal in each turn. */
function serving(everyMs: number, signalAt: (turn: number) => NodeJS.Signals): Beside {
  return async (place, work) => {
    const scorer = place.fleet.running.find(({ service }) => service === 'scorer')?.pid ?? null;
    const incumbents = new Set(modelProcesses(scorer));
    const candidates = () => modelProcesses(scorer).filter((pid) => !incumbents.has(pid));
    await begin(place, CANARY);
    return doneBeside(work, async (over) => {
      for (let turn = 0; !over.aborted; turn++) {
        for (const pid of candidates()) signalIfAlive(pid, signalAt(turn));
        await clock.sleep(everyMs, over);
      }
      for (const pid of candidates()) signalIfAlive(pid, 'SIGCONT');
      await end(place);
    });
  };
}

/** It loads, warms up and is given up, some six times in a window; with a weight it takes traffic in between. */
function again(rollout: Readonly<Record<string, unknown>>): Beside {
  return (place, work) =>
    doneBeside(work, async (over) => {
      while (!over.aborted) {
        await begin(place, rollout);
        await clock.sleep(STAYS_MS, over);
        await end(place);
        await clock.sleep(STAYS_MS, over);
      }
    });
}

async function doneBeside<T>(work: () => Promise<T>, ail: (over: AbortSignal) => Promise<void>): Promise<T> {
  const over = new AbortController();
  const working = work().finally(() => over.abort());
  const [done] = await Promise.all([working, ail(over.signal)]);
  return done;
}

async function begin({ operator }: Place, rollout: Readonly<Record<string, unknown>>): Promise<void> {
  await operator.apply(rollout);
  await operator.next('the candidate is ready', (event) => event.type === 'candidate-ready');
}

async function end({ operator }: Place): Promise<void> {
  await operator.command('abort', 'it has ailed long enough');
  await operator.next('the rollback is complete', (event) => event.type === 'rollout-completed');
}
