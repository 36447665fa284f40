// The journal as audits fold it: what could not be read is held against nobody.

import { describe, expect, it } from 'vitest';
import { EVENT_BLANK, type RolloutEvent, rolloutEventSchema } from '../../shared/domain/event.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import { journalOf } from '../support/history.ts';
import { canaryOf, ENDPOINT, modelOf, planOf } from '../support/plans.ts';

const event = (atMs: number, body: object, seq = 2): RolloutEvent =>
  rolloutEventSchema.parse({ ...EVENT_BLANK, endpoint: ENDPOINT, seq, atMs, phase: 'serving', ...body });
const published = (atMs: number, plan: RoutePlan) => event(atMs, { type: 'plan-published', plan });
const settings = {
  ...{ endpoint: ENDPOINT, partitions: 1, delivery: 'exactly-once', road: 'lanes', ordering: 'per-key' },
};
const defined = event(0, { type: 'endpoint-defined', settings }, 1);
const aborted = event(10, { type: 'aborted', candidate: modelOf(2), lane: 'green' });
const ready = planOf(1, { evidence: ['w:blue:0'] });

describe('an event that cannot be read', () => {
  it('may have published any plan, so none is missing', () => {
    const journal = journalOf([defined, published(1, ready)]);
    expect(journal.complete).toBe(true);
    journal.gap(2);
    expect(journal.complete).toBe(false);
  });

  it('may have been the plan before the next one, which then is not judged by an older one', () => {
    const journal = journalOf([defined, published(1, ready)]);
    journal.gap(2);
    expect(journal.observe(published(3, canaryOf(3, 1_000)))).toEqual([]);
    expect(journal.observe(published(4, canaryOf(4, 2_000)))).toHaveLength(1);
  });

  it('may have been the plan of an abort, or have given the version traffic again', () => {
    const journal = journalOf([defined, published(1, canaryOf(2, 1_000)), aborted]);
    journal.gap(20);
    journal.observe(published(30, canaryOf(4, 0)));
    expect(journal.aborts).toMatchObject([{ revision: Number.POSITIVE_INFINITY, untilMs: 20 }]);
  });
});

it('keeps nothing of other endpoints', () => {
  const others = [aborted, published(1, ready)].map((each) => ({ ...each, endpoint: 'other' }));
  const journal = journalOf(others);
  expect([journal.plans.size, journal.aborts]).toEqual([0, []]);
});

it('judges no plan by reports that were read before it', () => {
  const journal = journalOf([defined]);
  expect(journal.observe(published(1, planOf(1)), false)).toEqual([]);
});
