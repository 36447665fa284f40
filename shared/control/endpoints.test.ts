// Goal: every endpoint with a plan is served once, as its plan says, for as long as it has one.

import { beforeEach, expect, it } from 'vitest';
import { canaryOf, ENDPOINT, planOf, planTable } from '../../test/support/plans.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { RoutePlan } from '../domain/route-plan.ts';
import { serveEndpoints } from './endpoints.ts';

let clock: VirtualClock;
let story: string[];
beforeEach(() => {
  clock = new VirtualClock();
  story = [];
});

function serving(plans: ReturnType<typeof planTable>, failures = 0) {
  let left = failures;
  return serveEndpoints({
    plans,
    clock,
    serve: async ({ endpoint, delivery }: RoutePlan) => {
      if (left-- > 0) throw new RangeError('no broker');
      story.push(`${endpoint} ${delivery}`);
      return { stop: async () => void story.push(`${endpoint} stopped`) };
    },
    onProblem: (endpoint) => story.push(`${endpoint} failed`),
  });
}

it('serves an endpoint from its first plan on, once, whatever plans follow', async () => {
  const plans = planTable();
  const endpoints = serving(plans);
  await clock.settle();
  expect(story).toEqual([]);
  for (const plan of [planOf(1), canaryOf(2, 5_000)]) {
    plans.put(plan);
    await clock.settle();
  }
  expect(story).toEqual([`${ENDPOINT} exactly-once`]);
  await endpoints.stop();
  expect(story.at(-1)).toBe(`${ENDPOINT} stopped`);
});

it('serves an endpoint anew that was removed and defined again with another delivery, seen in one step', async () => {
  const plans = planTable(planOf(1));
  const endpoints = serving(plans);
  await clock.settle();
  plans.put(planOf(2, { delivery: 'at-least-once' }));
  await clock.settle();
  expect(story).toEqual([`${ENDPOINT} exactly-once`, `${ENDPOINT} stopped`, `${ENDPOINT} at-least-once`]);
  await endpoints.stop();
});

it('tries a start again that failed', async () => {
  const endpoints = serving(planTable(planOf(1)), 2);
  await clock.until(() => story.length === 3);
  expect(story).toEqual([`${ENDPOINT} failed`, `${ENDPOINT} failed`, `${ENDPOINT} exactly-once`]);
  await endpoints.stop();
});
