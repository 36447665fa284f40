// Goal: rollouts run to their end in the whole house: readiness, cuts and drained lanes come from the real services.
// Method: test/support/house-world.ts.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HouseWorld, houseWorld } from '../support/house-world.ts';

let house: HouseWorld;
beforeEach(async () => {
  house = await houseWorld();
});
afterEach(() => house.stop());

describe('the whole house', () => {
  beforeEach(async () => {
    await house.rollOut(1, 'basic');
    await house.reached('promoted');
    expect(await house.ask(20)).toBe('1');
  });

  it('swaps a version, drains its lane, and ends its process', async () => {
    await house.rollOut(2, 'basic');
    await house.reached('promoted');
    expect(await house.ask(20)).toBe('2');
    expect(house.launcher.running()).toEqual([2]);
  });

  it('switches blue/green and back, with the old version warm all the time', async () => {
    await house.rollOut(2, 'blue-green');
    await house.reached('ready');
    expect(await house.ask(20)).toBe('1');
    await house.command('promote');
    await house.reached('promoted');
    expect(house.launcher.running()).toEqual([1, 2]);
    expect(await house.ask(20)).toBe('2');
    await house.command('abort');
    await house.reached('aborted');
    expect(await house.ask(20)).toBe('1');
    expect(house.launcher.running()).toEqual([1]);
  });

  it('serves a canary, rolls it back, and takes the next rollout', async () => {
    await house.rollOut(2, 'canary');
    await house.reached('serving');
    expect(await house.ask(100)).toBe('1 2');
    await house.command('abort');
    await house.reached('aborted');
    expect(await house.ask(20)).toBe('1');
    await house.rollOut(3, 'basic');
    await house.reached('promoted');
    expect(await house.ask(20)).toBe('3');
  });

  it('ends a rollout whose candidate does not load, and stays on the incumbent', async () => {
    house.launcher.set(2, { state: 'FAILED' });
    await house.rollOut(2, 'canary');
    await house.reached('failed');
    expect(house.events.some((event) => event.type === 'candidate-failed')).toBe(true);
    expect(await house.ask(20)).toBe('1');
  });
});
