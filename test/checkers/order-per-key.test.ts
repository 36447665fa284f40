// Promise 3: predictions of one key leave a lane in request order, rescues aside.

import { describe, expect, it } from 'vitest';
import { OrderPerKey } from '../../shared/analysis/checks/order-per-key.ts';
import { found, History } from '../support/history.ts';
import { bytesOf, requestAt } from '../support/plans.ts';

const SAME = { key: bytesOf('one customer') };

describe('order per key', () => {
  it('is kept by answers in request order', () => {
    const history = new History();
    for (let offset = 0; offset < 5; offset++) history.answered(history.routed(offset, SAME));
    expect(found(history.audit())).toEqual({});
  });

  it('is broken by an answer that overtakes one of the same key', () => {
    const history = new History();
    const [first, second] = [history.routed(0, SAME), history.routed(1, SAME)];
    history.answered(second);
    history.answered(first);
    expect(found(history.audit())).toEqual({ order: 1 });
  });

  it('is not broken by another key, nor by a rescue', () => {
    const history = new History();
    const [first, other] = [history.routed(0, SAME), history.routed(1)];
    const rescued = history.rescued(history.routed(2, SAME));
    const last = history.routed(3, SAME);
    for (const lane of [other, first, last, rescued]) history.answered(lane);
    expect(found(history.audit())).toEqual({});
  });

  it('is not broken by a repeat where delivery is at-least-once', () => {
    const history = new History();
    const [first, second] = [history.routed(0, SAME), history.routed(1, SAME)];
    for (const lane of [first, second, first, second]) history.answered(lane);
    expect(history.audit().counts.order).toBe(1);
    history.scope = { atLeastOnce: true };
    expect(found(history.audit())).toEqual({});
  });

  it('is watched for the newest keys only', () => {
    const history = new History();
    const order = new OrderPerKey(2);
    const at = (offset: number, key: string) => {
      const answer = history.answered(history.routed(offset, { key: bytesOf(key) }));
      return order.observe(answer, requestAt(offset));
    };
    expect([at(5, 'a'), at(6, 'b'), at(3, 'b')].map((list) => list.length)).toEqual([0, 0, 1]);
    expect([at(7, 'c'), at(8, 'd'), at(4, 'a')].map((list) => list.length)).toEqual([0, 0, 0]);
  });
});
