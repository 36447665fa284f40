// Goal: a stream or a journal that fails is told to whoever waits for it, at once, and is no unhandled rejection.

import { expect, it } from 'vitest';
import type { Bus } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { loadDigits } from '../data/digits.ts';
import { operatorOf } from './control.ts';
import { startTraffic } from './traffic.ts';

const broken = new MillraceError('WRITE_FAILED', { topic: 't', detail: 'gone' });
const bus = {
  write: () => Promise.reject(broken),
  read: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(broken) }) }),
} as unknown as Bus;

it('a write that fails ends the waiting for requests', async () => {
  const digits = loadDigits();
  const traffic = startTraffic({
    bus,
    clock,
    labels: null,
    reserve: 0,
    topic: 't',
    partitions: 1,
    digits,
    requests: 10,
    rate: 1_000,
  });
  await expect(traffic.reached(5)).rejects.toBe(broken);
  await expect(traffic.done).rejects.toBe(broken);
});

it('a journal that cannot be read ends the waiting for events', async () => {
  const operator = operatorOf({ bus, topics: topicsOf(''), clock, endpoint: 'digits' });
  await expect(operator.next('anything', () => true)).rejects.toBe(broken);
  await operator.stop();
});
