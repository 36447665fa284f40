// Goal: routing is a pure function of (cuts, partition, offset, key): a new owner, a replay and an auditor route the same.
// Method: random stories of plans, batches, owner changes and retention; what was decided then is compared with what the
//         record says at the end.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCut, type Cut } from '../../../shared/domain/cut.ts';
import { decideRoute } from '../../../shared/domain/route.ts';
import type { RoutePlan } from '../../../shared/domain/route-plan.ts';
import { canaryOf, cutOf, planOf, requestAt } from '../../../test/support/plans.ts';
import { dueCut, obsoleteCuts } from './cuts.ts';

const at = (position: number) => ({ partition: 0, position, nowMs: 7 });

describe('a cut is due', () => {
  it('for the first plan that routes anything', () => {
    expect(dueCut([], undefined, at(5))).toBeNull();
    expect(dueCut([], planOf(1, { shares: [] }), at(5))).toBeNull();
    expect(dueCut([], planOf(2), at(5))).toEqual({ ...cutOf(planOf(2), 5), atMs: 7 });
  });

  it('for a newer plan, but neither for the same nor for an older one', () => {
    const cuts = [cutOf(planOf(3), 0)];
    expect(dueCut(cuts, planOf(4), at(9))?.plan.revision).toBe(4);
    expect(dueCut(cuts, planOf(3), at(9))).toBeNull();
    expect(dueCut(cuts, planOf(2), at(9))).toBeNull();
  });
});

describe('a cut is obsolete', () => {
  const cuts = [cutOf(planOf(1), 0), cutOf(planOf(2), 10), cutOf(planOf(3), 10), cutOf(planOf(4), 20)];
  const gone = (earliest: number) => obsoleteCuts(cuts, earliest).map((cut) => cut.plan.revision);

  it('once every retained request lies behind a newer one', () => {
    expect([gone(0), gone(9), gone(10), gone(19), gone(20)]).toEqual([[], [], [1, 2], [1, 2], [1, 2, 3]]);
  });

  it('never when it is the newest', () => {
    expect(gone(1_000_000)).not.toContain(4);
  });
});

const step = fc.oneof(
  {
    arbitrary: fc.record({ plan: fc.integer({ min: 0, max: 10_000 }), gap: fc.integer({ min: 1, max: 3 }) }),
    weight: 3,
  },
  { arbitrary: fc.record({ route: fc.integer({ min: 0, max: 5 }) }), weight: 5 },
  /** A new owner that has not heard of the last `behind` plans. */
  { arbitrary: fc.record({ behind: fc.integer({ min: 0, max: 3 }) }), weight: 2 },
  { arbitrary: fc.record({ retain: fc.integer({ min: 0, max: 8 }) }), weight: 1 },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One partition with its owners, as routePartition works on it. */
class Story {
  readonly record = new Map<number, Cut>();
  readonly decided = new Map<number, string>();
  readonly revisions: number[] = [];
  earliest = 0;
  #cuts: readonly Cut[] = [];
  #plans: RoutePlan[] = [];
  #plan: RoutePlan | undefined;
  #end = 0;

  tell(next: Step): void {
    if ('plan' in next) {
      this.#plan = canaryOf((this.#plans.at(-1)?.revision ?? 0) + next.gap, next.plan);
      this.#plans.push(this.#plan);
    } else if ('route' in next) {
      this.#route(next.route);
    } else if ('behind' in next) {
      this.#cuts = [...this.record.values()].reduce<readonly Cut[]>(addCut, []);
      this.#plan = this.#plans.at(-1 - next.behind);
    } else {
      this.earliest = Math.max(this.earliest, this.#end - next.retain);
    }
  }

  #route(requests: number): void {
    const cut = dueCut(this.#cuts, this.#plan, at(this.#end));
    if (cut !== null) {
      const known = addCut(this.#cuts, cut);
      const gone = obsoleteCuts(known, this.earliest);
      for (const old of gone) this.record.delete(old.plan.revision);
      this.record.set(cut.plan.revision, cut);
      this.#cuts = known.filter((one) => !gone.includes(one));
    }
    if (this.#cuts.length === 0) return;
    for (let count = 0; count < requests; count++, this.#end++) this.decided.set(this.#end, this.#decide(this.#end));
  }

  #decide(offset: number): string {
    const decision = decideRoute(this.#cuts, requestAt(offset));
    this.revisions.push(decision?.plan.revision ?? -1);
    return routeOf(this.#cuts, offset);
  }
}

function routeOf(cuts: readonly Cut[], offset: number): string {
  const decision = decideRoute(cuts, requestAt(offset));
  return decision === null ? 'nowhere' : `${decision.lane} v${decision.model.version} by ${decision.plan.revision}`;
}

const stories = fc.array(step, { minLength: 1, maxLength: 60 });

function told(steps: readonly Step[]): Story {
  const story = new Story();
  for (const next of steps) story.tell(next);
  return story;
}

describe('whoever reads the cuts', () => {
  it('routes every retained request as it was routed then, in whatever order the cuts come', () => {
    fc.assert(
      fc.property(stories, fc.infiniteStream(fc.nat()), (steps, order) => {
        const story = told(steps);
        const shuffled = [...story.record.values()]
          .map((cut) => ({ cut, place: Number(order.next().value) }))
          .sort((a, b) => a.place - b.place);
        const cuts = shuffled.map(({ cut }) => cut).reduce<readonly Cut[]>(addCut, []);
        for (const [offset, route] of story.decided) {
          if (offset >= story.earliest) expect(routeOf(cuts, offset)).toBe(route);
        }
      }),
    );
  });

  it('sees no request routed by an older plan than the request before it, whatever its owner had heard', () => {
    fc.assert(
      fc.property(stories, (steps) => {
        const { revisions } = told(steps);
        expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
        expect(revisions).not.toContain(-1);
      }),
    );
  });
});
