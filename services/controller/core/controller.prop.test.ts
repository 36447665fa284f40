// Goal: the invariants of the controller hold after any sequence of inputs.
// Method: random stories (fast-check); every invariant is checked after every step, from the journal and the plan alone.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RolloutEvent } from '../../../shared/domain/event.ts';
import { LANES, planProblem, type RoutePlan } from '../../../shared/domain/route-plan.ts';
import { STRATEGIES } from '../../../shared/strategies/registry.ts';
import { ControllerStory, ENDPOINT } from '../../../test/support/controller-story.ts';
import { evolve } from './evolve.ts';
import { snapshotEvents } from './snapshot.ts';
import { emptyState } from './state.ts';

const version = fc.integer({ min: 1, max: 4 });
const step = fc.oneof(
  fc.record({ do: fc.constant('define' as const) }),
  { arbitrary: fc.record({ do: fc.constant('remove' as const) }), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constant('rollOut' as const),
      version,
      strategy: fc.constantFrom(...STRATEGIES.map((strategy) => strategy.name)),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('command' as const),
      verb: fc.constantFrom('promote' as const, 'abort' as const, 'set-weight' as const),
      weightBp: fc.constantFrom(0, 1, 1_000, 9_999, 10_000),
      key: fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 4 }),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      state: fc.constantFrom('READY' as const, 'READY' as const, 'LOADING' as const, 'FAILED' as const),
      versions: fc.uniqueArray(version, { maxLength: 4, minLength: 1 }),
    }),
    weight: 8,
  },
  { arbitrary: fc.record({ do: fc.constant('drain' as const) }), weight: 4 },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const steps = fc.array(step, { minLength: 1, maxLength: 40 });

function take(story: ControllerStory, next: Step): void {
  if (next.do === 'define') story.define();
  else if (next.do === 'remove') story.remove();
  else if (next.do === 'rollOut') story.rollOut(next.version, next.strategy);
  else if (next.do === 'command') {
    const key = next.key === undefined ? {} : { key: next.key };
    story.command(next.verb, { weightBp: next.weightBp, ...key });
  } else if (next.do === 'report') story.report(next.state, ...next.versions);
  else if (story.state.endpoints.get(ENDPOINT)?.kind === 'defined') story.drain();
}

/** What an auditor sees who reads the journal only. */
class Auditor {
  #revision = 0;
  /** Digests that some evidence called READY. */
  readonly #ready = new Set<string>();
  /** Lanes that may hold records. */
  readonly #holds = new Set<string>();
  #plan: RoutePlan | null = null;
  #open = '';
  /** Digest that an abort took the traffic from, until the next rollout. */
  #bad: string | null = null;
  #candidate: string | null = null;

  read(event: RolloutEvent): void {
    if (event.type === 'endpoint-removed') {
      this.#holds.clear();
      this.#plan = null;
      this.#open = '';
      this.#bad = null;
    }
    if (event.type === 'aborted') this.#bad = event.phase === 'aborted-draining' ? this.#candidate : null;
    if (event.type === 'rollout-accepted') {
      expect(this.#open).toBe('');
      this.#open = event.rollout;
      this.#candidate = event.candidate.digest;
      this.#bad = null;
      this.#ready.delete(event.candidate.digest);
    }
    if (event.type === 'rollout-completed') this.#open = '';
    if (event.type === 'candidate-ready') {
      expect(event.evidence.length).toBeGreaterThan(0);
      this.#ready.add(event.candidate.digest);
    }
    if (event.type === 'lane-drained') this.#holds.delete(event.lane);
    if (event.type === 'plan-published') this.readPlan(event.plan);
  }

  readPlan(plan: RoutePlan): void {
    expect(plan.revision).toBeGreaterThan(this.#revision);
    expect(planProblem(plan)).toBeNull();
    expect(plan.revoked.map((revoked) => revoked.digest)).toEqual(this.#bad === null ? [] : [this.#bad]);
    for (const { lane, weightBp } of plan.shares) {
      const model = plan.lanes[lane];
      if (weightBp === 0 || model === null) continue;
      expect(this.#ready.has(model.digest)).toBe(true);
      expect(plan.revoked.map((revoked) => revoked.digest)).not.toContain(model.digest);
    }
    for (const lane of LANES) {
      const held = this.#plan?.lanes[lane]?.digest;
      if (this.#holds.has(lane) && this.#plan !== null) expect(plan.lanes[lane]?.digest).toBe(held);
    }
    for (const { lane, weightBp } of plan.shares) if (weightBp > 0) this.#holds.add(lane);
    this.#plan = plan;
    this.#revision = plan.revision;
  }
}

describe('any sequence of inputs', () => {
  it('keeps shares whole, gates them by readiness, grows revisions, and binds no lane that holds records', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const story = new ControllerStory().serveFirst();
        const auditor = new Auditor();
        let read = 0;
        for (const next of sequence) {
          take(story, next);
          for (const event of story.journal.slice(read)) auditor.read(event);
          read = story.journal.length;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is told whole by its journal: replay and snapshot give the same state', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const story = new ControllerStory().serveFirst();
        for (const next of sequence) take(story, next);
        const wired: RolloutEvent[] = JSON.parse(JSON.stringify(story.journal));
        expect(wired.reduce(evolve, emptyState)).toEqual(story.state);
        const snapshot = snapshotEvents(story.state, story.nowMs);
        expect(snapshot.reduce(evolve, emptyState)).toEqual(snapshot.reduce(evolve, story.state));
        const { endpoints, consumed } = snapshot.reduce(evolve, emptyState);
        expect(consumed).toEqual(story.state.consumed);
        expect(bySeq(endpoints, -1)).toEqual(bySeq(story.state.endpoints, 0));
      }),
      { numRuns: 150 },
    );
  });
});

function bySeq(endpoints: typeof emptyState.endpoints, shift: number) {
  return [...endpoints].map(([name, endpoint]) => [name, { ...endpoint, seq: endpoint.seq + shift }]);
}
