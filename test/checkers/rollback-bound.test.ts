// Promise 6: after an abort the cuts land, and the version that was taken back falls silent, each within its bound.

import { beforeEach, describe, expect, it } from 'vitest';
import { checkRollbackCuts, ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { journalFacts } from '../../shared/analysis/journal.ts';
import { EVENT_BLANK, type RolloutEvent, rolloutEventSchema } from '../../shared/domain/event.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import { found, History, routedTo } from '../support/history.ts';
import { canaryOf, cutOf, ENDPOINT, modelOf, planOf } from '../support/plans.ts';

const event = (atMs: number, body: object): RolloutEvent =>
  rolloutEventSchema.parse({ ...EVENT_BLANK, endpoint: ENDPOINT, seq: 2, atMs, phase: 'serving', ...body });
const published = (atMs: number, plan: RoutePlan) => event(atMs, { type: 'plan-published', plan });
const aborted = (atMs: number) => event(atMs, { type: 'aborted', candidate: modelOf(2), lane: 'green' });

/** v2 gets half of the traffic, and is taken back at 10 s. */
const TAKEN_BACK = [published(0, canaryOf(1, 5_000)), aborted(10_000), published(10_000, canaryOf(2, 0))];

describe('answers of a version that was taken back', () => {
  let history: History;
  beforeEach(() => {
    history = new History();
    history.scope = { journal: journalFacts(ENDPOINT, TAKEN_BACK) };
  });
  const answerAt = (timestampMs: number) => history.answered(routedTo(history, 'green'), { timestampMs });

  it('may come within two seconds', () => {
    answerAt(12_000);
    const totals = history.audit();
    expect([found(totals), totals.lastBadAnswerMs]).toEqual([{}, 2_000]);
  });

  it('are found after that', () => {
    answerAt(12_001);
    expect(found(history.audit())).toEqual({ rollback: 1 });
  });

  it('may come again once the version was given traffic again', () => {
    const again = [...TAKEN_BACK, published(20_000, canaryOf(3, 1_000))];
    history.scope = { journal: journalFacts(ENDPOINT, again) };
    answerAt(20_001);
    expect(found(history.audit())).toEqual({});
  });

  it('of the incumbent are nothing of the kind', () => {
    history.answered(routedTo(history, 'blue'), { timestampMs: 60_000 });
    expect(found(history.audit())).toEqual({});
  });
});

describe('the cuts of an abort', () => {
  const journal = journalFacts(ENDPOINT, TAKEN_BACK);
  const check = (atMs: number | null, nowMs = 60_000) => {
    const cuts = [cutOf(canaryOf(1, 5_000), 0)];
    if (atMs !== null) cuts.push({ ...cutOf(canaryOf(2, 0), 9), atMs });
    return checkRollbackCuts(0, cuts, { journal, bounds: ROLLBACK_BOUNDS, nowMs });
  };

  it('land within a second', () => expect(check(11_000)).toEqual([]));
  it('are found when one is late', () => expect(check(11_001)).toHaveLength(1));
  it('are found when one is missing', () => expect(check(null)).toHaveLength(1));
  it('are waited for while the second is not over', () => expect(check(null, 10_500)).toEqual([]));
  it('are unknown when newer ones have buried them', () => {
    const cuts = [{ ...cutOf(planOf(7), 90), atMs: 50_000 }];
    expect(checkRollbackCuts(0, cuts, { journal, bounds: ROLLBACK_BOUNDS, nowMs: 60_000 })).toEqual([]);
  });
});
