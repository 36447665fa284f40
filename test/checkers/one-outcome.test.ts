// Promise 1: every request ends exactly once. Each history breaks it in one way and must be found out.

import { beforeEach, describe, expect, it } from 'vitest';
import { found, History } from '../support/history.ts';
import { bytesOf } from '../support/plans.ts';

let history: History;
beforeEach(() => {
  history = new History();
});

describe('one outcome', () => {
  it('is what an answer is, and what an error answer with its dead letter is', () => {
    history.answered(history.routed(0));
    history.refused(history.routed(1));
    const totals = history.audit();
    expect(found(totals)).toEqual({});
    expect(totals).toMatchObject({ requests: 2, answered: 1, deadLettered: 1, pending: 0 });
  });

  it('is missed when a routed request has no answer', () => {
    history.routed(0);
    expect(found(history.audit())).toEqual({ lost: 1 });
  });

  it('is missed when a request was never routed', () => {
    history.request(0);
    expect(found(history.audit())).toEqual({ lost: 1 });
  });

  it('is missed when an error answer has no dead letter, or a dead letter no answer', () => {
    const [, letter] = history.refused(history.routed(0));
    const [answer] = history.refused(history.routed(1));
    history.remove(letter);
    history.remove(answer);
    expect(found(history.audit())).toEqual({ lost: 2 });
  });

  it('is missed when the dead letter holds other bytes', () => {
    const [, letter] = history.refused(history.routed(0));
    history.replace(letter, { value: bytesOf('something else') });
    expect(found(history.audit())).toEqual({ lost: 1 });
  });

  it('is exceeded by a second answer, at once or long after', () => {
    const lane = history.routed(0);
    history.answered(lane);
    history.answered(lane);
    for (let offset = 1; offset < 100; offset++) history.answered(history.routed(offset));
    history.answered(lane);
    expect(history.audit().counts.duplicated).toBe(2);
  });

  it('is exceeded by an error answer beside an answer, and by a second dead letter', () => {
    const lane = history.routed(0);
    history.refused(lane);
    history.answered(lane);
    const [, letter] = history.refused(history.routed(1));
    history.append(letter);
    expect(history.audit().counts.duplicated).toBe(2);
  });

  it('is exceeded by an answer to nothing', () => {
    const lane = history.routed(0);
    history.answered(lane);
    history.remove(history.request(5));
    history.append({ ...history.answered(history.routed(7)), headers: [] });
    expect(found(history.audit())).toEqual({ duplicated: 1 });
  });

  it('may repeat where delivery is at-least-once, but may not be missing', () => {
    history.scope = { atLeastOnce: true };
    const lane = history.routed(0);
    history.answered(lane);
    history.answered(lane);
    history.routed(1);
    expect(found(history.audit())).toEqual({ lost: 1 });
  });

  it('is not due yet for what its lane has not committed', () => {
    history.scope = { laneCommitted: { blue: 0, green: 0 } };
    history.routed(0);
    const totals = history.audit();
    expect([found(totals), totals.pending]).toEqual([{}, 1]);
  });
});
