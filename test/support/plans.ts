// Plans: route plans, cuts and requests of a small endpoint, for tests of router and scorer.

import type { Table } from '../../shared/control/table.ts';
import type { Cut } from '../../shared/domain/cut.ts';
import type { Bytes, Header, InRecord } from '../../shared/domain/record.ts';
import type { ModelRef, RoutePlan } from '../../shared/domain/route-plan.ts';
import { type PlanShadow, planShadowSchema } from '../../shared/domain/shadow.ts';

export const ENDPOINT = 'numbers';

export const bytesOf = (text: string): Bytes => new TextEncoder().encode(text);

export const modelOf = (version: number): ModelRef => ({
  version,
  digest: version.toString(16).repeat(64).slice(0, 64),
});

/** All traffic on blue v1, unless told otherwise. */
export function planOf(revision: number, rest: Partial<RoutePlan> = {}): RoutePlan {
  return {
    endpoint: ENDPOINT,
    delivery: 'exactly-once',
    revision,
    rollout: `${ENDPOINT}-${revision}`,
    lanes: { blue: modelOf(1), green: null },
    incumbent: 'blue',
    shares: [{ lane: 'blue', weightBp: 10_000 }],
    revoked: [],
    shadows: [],
    evidence: [],
    ...rest,
  };
}

/** Candidate v2 on green with `weightBp` of the traffic beside incumbent v1 on blue. */
export function canaryOf(revision: number, weightBp: number, rest: Partial<RoutePlan> = {}): RoutePlan {
  return planOf(revision, {
    lanes: { blue: modelOf(1), green: modelOf(2) },
    shares: [
      { lane: 'green', weightBp },
      { lane: 'blue', weightBp: 10_000 - weightBp },
    ],
    ...rest,
  });
}

/** A shadow of every request, from now on. */
export function shadowOf(version: number, rest: Partial<PlanShadow> = {}): PlanShadow {
  return planShadowSchema.parse({ ...modelOf(version), ...rest });
}

export function cutOf(plan: RoutePlan, offset: number, partition = 0): Cut {
  return { partition, offset, plan, atMs: 0 };
}

/** A request as it lies in `numbers.requests`. */
export function requestAt(offset: number, rest: Partial<InRecord> = {}): InRecord {
  return {
    topic: `${ENDPOINT}.requests`,
    partition: 0,
    offset,
    timestampMs: 0,
    key: bytesOf(`k${offset}`),
    value: bytesOf(`request ${offset}`),
    headers: [] as readonly Header[],
    ...rest,
  };
}

/** A table of plans that holds what the test puts into it. */
export function planTable(first?: RoutePlan): Table<RoutePlan> & { put(plan: RoutePlan): void } {
  const plans = new Map<string, RoutePlan>();
  let changed = new AbortController();
  const put = (plan: RoutePlan) => {
    plans.set(plan.endpoint, plan);
    const fired = changed;
    changed = new AbortController();
    fired.abort();
  };
  if (first !== undefined) put(first);
  return {
    put,
    ready: Promise.resolve(),
    get: (endpoint) => plans.get(endpoint),
    entries: () => plans.entries(),
    get changed() {
      return changed.signal;
    },
    stop: async () => {},
  };
}
