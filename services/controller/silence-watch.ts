// SilenceWatch: ends what scorers that fell silent left open, long before their group or the broker would.
// Flow: millrace.workers → silent owners → fence of their transactional ids.
// Invariant: each silence is acted on once. Whoever is fenced wrongly (it lives, and its reports do not arrive) starts over
//            from its own fence and loses nothing.

import type { Bus } from '../../shared/bus/bus.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { laneGroup } from '../../shared/domain/groups.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { HEARTBEAT_INTERVAL_MS, type WorkerReport } from '../../shared/domain/worker.ts';
import { type SilentOwner, silentOwners } from './core/silent-owners.ts';
import type { ControllerState } from './core/state.ts';

const POLL_INTERVAL_MS = HEARTBEAT_INTERVAL_MS / 2;

export interface SilenceOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly state: () => ControllerState;
  readonly reports: () => readonly WorkerReport[];
  readonly onFenced: (owner: SilentOwner & { readonly endpoint: string }) => void;
  readonly onProblem: (endpoint: string, error: unknown) => void;
}

/** Watches until `signal` aborts. A fence that fails is told and tried again. */
export async function watchSilence(options: SilenceOptions): Promise<void> {
  const { clock, signal } = options;
  let acted: ReadonlySet<string> = new Set();
  while (!signal.aborted) {
    const still = new Set<string>();
    for (const [endpoint, owner] of silent(options)) {
      const key = `${owner.worker} ${endpoint} ${owner.lane} ${owner.partition}`;
      if (acted.has(key) || (await fenced(options, endpoint, owner))) still.add(key);
      if (signal.aborted) return;
    }
    acted = still;
    await clock.sleep(POLL_INTERVAL_MS, signal);
  }
}

/** Silent owners of every endpoint that is exactly-once: the others open no transaction. */
function silent({ state, reports, clock }: SilenceOptions): (readonly [string, SilentOwner])[] {
  const [all, nowMs] = [reports(), clock.nowMs()];
  return [...state().endpoints].flatMap(([endpoint, known]) => {
    if (known.kind === 'removed' || known.settings.delivery !== 'exactly-once') return [];
    const own = all.filter((report) => report.endpoint === endpoint);
    return silentOwners(own, nowMs).map((owner) => [endpoint, owner] as const);
  });
}

async function fenced(options: SilenceOptions, endpoint: string, owner: SilentOwner): Promise<boolean> {
  const { bus, topics, signal } = options;
  const { lane, partition } = owner;
  const group = laneGroup(topics.prefix, endpoint, lane);
  try {
    await bus.admin.fence({ group, topic: topics.lane(endpoint, lane), partition });
    options.onFenced({ ...owner, endpoint });
    return true;
  } catch (error) {
    if (!signal.aborted) options.onProblem(endpoint, error);
    return false;
  }
}
