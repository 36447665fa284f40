// Triage: what is to be done with a lane record, told as examples.

import { describe, expect, it } from 'vitest';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import type { Header, InRecord } from '../../../shared/domain/record.ts';
import type { RoutePlan } from '../../../shared/domain/route-plan.ts';
import { canaryOf, ENDPOINT, modelOf, planOf, requestAt } from '../../../test/support/plans.ts';
import { rescueTarget, routingOf, triage } from './triage.ts';

const NOW_MS = 1_000_000;

/** A record on the candidate's lane, routed to v2. */
function laneRecord(...more: readonly Header[]): InRecord {
  const { version, digest } = modelOf(2);
  const routed = [header(HEADER.version, String(version)), header(HEADER.digest, digest), header(HEADER.lane, 'green')];
  return requestAt(0, { topic: `${ENDPOINT}.lane.green`, headers: [...routed, ...more] });
}

const rescued = header(HEADER.rescuedFrom, '3:MODEL_FAILED');
const decide = (record: InRecord, plan: RoutePlan | undefined) =>
  triage(record, plan, { endpoint: ENDPOINT, nowMs: NOW_MS });
const rolledBack = canaryOf(3, 0, { revoked: [modelOf(2)] });

describe('a lane record', () => {
  it('is scored by the version in its headers', () => {
    const routing = { model: modelOf(2), lane: 'green', rescued: false };
    expect(decide(laneRecord(), canaryOf(2, 1_000))).toEqual({ kind: 'score', routing });
  });

  it('is scored by that version although the lane is bound to another one by now, or there is no plan at all', () => {
    const rebound = planOf(9, { lanes: { blue: modelOf(1), green: modelOf(7) } });
    for (const plan of [rebound, undefined]) {
      expect(decide(laneRecord(), plan)).toMatchObject({ kind: 'score', routing: { model: modelOf(2) } });
    }
  });

  it('is refused when it carries no sound routing headers', () => {
    const broken = { kind: 'refuse', error: { code: 'REQUEST_UNREADABLE' } };
    expect(decide(requestAt(0), planOf(1))).toMatchObject(broken);
    for (const bad of [header(HEADER.version, '0'), header(HEADER.version, 'two'), header(HEADER.lane, 'red')]) {
      expect(decide(laneRecord(bad), planOf(1))).toMatchObject(broken);
    }
  });

  it('is refused after its deadline, which is no part of the time that it has', () => {
    const at = (deadlineMs: number) => decide(laneRecord(header(HEADER.deadline, String(deadlineMs))), planOf(1)).kind;
    expect([at(NOW_MS - 1), at(NOW_MS), at(NOW_MS + 1)]).toEqual(['refuse', 'score', 'score']);
    expect(decide(laneRecord(header(HEADER.deadline, '1')), planOf(1))).toMatchObject({ error: { code: 'EXPIRED' } });
  });

  it('has no deadline when the header is no whole number', () => {
    for (const text of ['soon', '-1', '1.5', '', '9'.repeat(16)]) {
      expect(decide(laneRecord(header(HEADER.deadline, text)), planOf(1)).kind).toBe('score');
    }
  });

  it('of a revoked version is rescued by the incumbent', () => {
    expect(decide(laneRecord(), rolledBack)).toMatchObject({
      kind: 'rescue',
      to: { lane: 'blue', model: modelOf(1) },
      error: { code: 'VERSION_REVOKED' },
    });
  });

  it('of a revoked version is refused when it is a rescue already', () => {
    expect(decide(laneRecord(rescued), rolledBack)).toMatchObject({
      kind: 'refuse',
      error: { code: 'VERSION_REVOKED' },
    });
  });

  it('of another package with the same number is not meant by a revocation', () => {
    const other = { ...modelOf(2), digest: modelOf(3).digest };
    expect(decide(laneRecord(), canaryOf(3, 0, { revoked: [other] })).kind).toBe('score');
  });

  it('that is late and revoked is told of its deadline: nobody waits for it any more', () => {
    const late = laneRecord(header(HEADER.deadline, '1'));
    expect(decide(late, rolledBack)).toMatchObject({ kind: 'refuse', error: { code: 'EXPIRED' } });
  });
});

describe('a rescue', () => {
  const routing = { model: modelOf(2), lane: 'green', rescued: false } as const;

  it("goes to the incumbent's lane", () => {
    expect(rescueTarget(canaryOf(2, 1_000), routing)).toEqual({ lane: 'blue', model: modelOf(1) });
  });

  it('is not for a rescue, nor for the incumbent itself, nor while there is no incumbent', () => {
    expect(rescueTarget(canaryOf(2, 1_000), { ...routing, rescued: true })).toBeNull();
    expect(rescueTarget(canaryOf(2, 1_000), { ...routing, model: modelOf(1) })).toBeNull();
    expect(rescueTarget(canaryOf(2, 1_000, { incumbent: null }), routing)).toBeNull();
    expect(rescueTarget(undefined, routing)).toBeNull();
  });

  it('is told from a first try by its header', () => {
    expect([routingOf(laneRecord())?.rescued, routingOf(laneRecord(rescued))?.rescued]).toEqual([false, true]);
  });
});
