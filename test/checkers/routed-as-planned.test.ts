// Promises 2 and 9: routing is what (cuts, partition, offset, key) gives, and cuts are the plans that were published.

import { beforeEach, describe, expect, it } from 'vitest';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { type JournalFacts, planPrint } from '../../shared/analysis/journal.ts';
import { PartitionCuts } from '../../shared/analysis/partition-cuts.ts';
import { type Cut, orderedCuts } from '../../shared/domain/cut.ts';
import { HEADER } from '../../shared/domain/headers.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { found, History, routedTo, withHeader } from '../support/history.ts';
import { canaryOf, cutOf, ENDPOINT, planOf } from '../support/plans.ts';

let history: History;
beforeEach(() => {
  history = new History();
});

describe('a request', () => {
  it('goes by the newest cut at or before its offset', () => {
    history.cuts.push(cutOf(canaryOf(2, 10_000), 3), cutOf(planOf(3), 6));
    for (let offset = 0; offset < 9; offset++) history.answered(history.routed(offset));
    const totals = history.audit();
    expect(found(totals)).toEqual({});
    expect(totals.versions.get(2)?.answers).toBeGreaterThanOrEqual(3);
  });

  it('is found when it went to the lane that its bucket does not fall into: the weight is exceeded', () => {
    const lane = routedTo(history, 'blue');
    const moved = history.append({
      ...lane,
      topic: topicsOf('').lane(ENDPOINT, 'green'),
      ...withHeader(lane, HEADER.version, '2'),
    });
    history.remove(lane);
    history.answered(moved);
    expect(history.audit().counts.misrouted).toBe(1);
  });

  it('is found when it was routed by an older plan than its cut', () => {
    const lane = routedTo(history, 'green');
    history.cuts.push(cutOf(canaryOf(2, 5_000, { rollout: `${ENDPOINT}-1` }), 0));
    history.answered(lane);
    expect(history.audit().counts.misrouted).toBe(1);
  });

  it('goes by contradicting cuts as the router that reads them does', () => {
    const recorded = [cutOf(canaryOf(2, 10_000), 6), cutOf(planOf(3), 4)];
    history.cuts.push(...orderedCuts(recorded));
    for (let offset = 0; offset < 9; offset++) history.answered(history.routed(offset));
    history.cuts.splice(1, 2, ...recorded);
    expect(found(history.audit())).toEqual({});
  });

  it('is found when it was routed twice', () => {
    const lane = history.routed(0);
    history.append(lane);
    history.answered(lane);
    history.append(lane);
    expect(history.audit().counts.misrouted).toBe(2);
  });

  it('is found when it was routed before any cut', () => {
    const lane = history.routed(0);
    history.cuts[0] = cutOf(canaryOf(1, 5_000), 5);
    history.answered(lane);
    expect(history.audit().counts.misrouted).toBe(1);
  });
});

describe('cuts', () => {
  const published = [planOf(1), canaryOf(2, 1_000)];
  const journal: JournalFacts = {
    complete: true,
    plans: new Map(published.map((plan) => [plan.revision, planPrint(plan)])),
    aborts: [],
  };
  const read = (...cuts: readonly Cut[]) => {
    const partition = new PartitionCuts({ partition: 0, journal, bounds: ROLLBACK_BOUNDS });
    for (const cut of cuts) partition.onCut(String(cut.plan.revision), cut);
    return partition;
  };
  const check = (...cuts: readonly Cut[]) => read(...cuts).totals.kept.map(({ detail }) => detail);

  it('are the published plans, in order', () => {
    expect(check(cutOf(planOf(1), 0), cutOf(canaryOf(2, 1_000), 7))).toEqual([]);
  });

  it('are found when they carry a greater weight than was published, or a plan that nobody published', () => {
    expect(check(cutOf(canaryOf(2, 1_001), 0))).toHaveLength(1);
    expect(check(cutOf(canaryOf(3, 1_000), 0))).toHaveLength(1);
  });

  it('are found when offsets or revisions fall', () => {
    expect(check(cutOf(planOf(1), 7), cutOf(canaryOf(2, 1_000), 3))).toHaveLength(1);
    expect(check(cutOf(canaryOf(2, 1_000), 3), cutOf(planOf(1), 7))).toHaveLength(1);
  });

  it('are routed by until they are buried', () => {
    const partition = read(cutOf(planOf(1), 0), cutOf(canaryOf(2, 1_000), 7));
    expect(partition.cuts.map(({ offset }) => offset)).toEqual([0, 7]);
    partition.onTombstone('1');
    expect(partition.cuts.map(({ offset }) => offset)).toEqual([7]);
  });
});
