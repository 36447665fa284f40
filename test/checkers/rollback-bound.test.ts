// Promise 6: after an abort the cuts land, and the version that was taken back falls silent, each within its bound.

import { beforeEach, describe, expect, it } from 'vitest';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { PartitionCuts } from '../../shared/analysis/partition-cuts.ts';
import type { Cut } from '../../shared/domain/cut.ts';
import { EVENT_BLANK, type RolloutEvent, rolloutEventSchema } from '../../shared/domain/event.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import { found, History, journalOf, routedTo } from '../support/history.ts';
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
    history.scope = { journal: journalOf(TAKEN_BACK) };
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
    history.scope = { journal: journalOf(again) };
    answerAt(20_001);
    expect(found(history.audit())).toEqual({});
  });

  it('of the incumbent are nothing of the kind', () => {
    history.answered(routedTo(history, 'blue'), { timestampMs: 60_000 });
    expect(found(history.audit())).toEqual({});
  });
});

describe('the cuts of an abort', () => {
  const judge = (cuts: readonly Cut[], nowMs = 60_000) => {
    const partition = new PartitionCuts({ partition: 0, journal: journalOf(TAKEN_BACK), bounds: ROLLBACK_BOUNDS });
    for (const cut of cuts) {
      partition.onCut(String(cut.plan.revision), cut);
      // A cut that was buried has still told when it came.
      partition.onTombstone(String(cut.plan.revision));
    }
    partition.finish(nowMs);
    return partition.totals;
  };
  const first = cutOf(canaryOf(1, 5_000), 0);
  const cutAtMs = (atMs: number) => ({ ...cutOf(canaryOf(2, 0), 9), atMs });

  it('land within a second', () => {
    const totals = judge([first, cutAtMs(11_000)]);
    expect([found(totals), totals.lastRollbackCutMs]).toEqual([{}, 1_000]);
  });
  it('are found when one is late', () => expect(found(judge([first, cutAtMs(11_001)]))).toEqual({ rollback: 1 }));
  it('are found late where the first on record is the one', () =>
    expect(found(judge([cutAtMs(11_001)]))).toEqual({ rollback: 1 }));
  it('are counted once, by the first cut of the plan or a later one', () => {
    const later = { ...cutOf(canaryOf(3, 0), 9), atMs: 30_000 };
    expect(found(judge([first, later]))).toEqual({ rollback: 1 });
    expect(found(judge([first, cutAtMs(10_500), later]))).toEqual({});
  });
  it('are found when one is missing', () => {
    expect(found(judge([first]))).toEqual({ rollback: 1 });
    expect(found(judge([]))).toEqual({ rollback: 1 });
  });
  it('are not missed where their plan was read later than E.cuts ended', () => {
    const journal = journalOf(TAKEN_BACK.slice(0, 1));
    for (const late of TAKEN_BACK.slice(1)) journal.observe(late, false);
    const partition = new PartitionCuts({ partition: 0, journal, bounds: ROLLBACK_BOUNDS });
    partition.onCut('1', first);
    partition.finish(60_000);
    expect(found(partition.totals)).toEqual({});
  });
  it('are waited for while the second is not over', () => expect(found(judge([first], 10_500))).toEqual({}));
  it('are unknown when newer ones have buried them', () =>
    expect(found(judge([{ ...cutOf(planOf(7), 90), atMs: 50_000 }]))).toEqual({}));
});
