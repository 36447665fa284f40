// Goal: shadows score copies of the requests that their plan names, as their options say, and never answer.
// Method: the whole house on the memory bus; what became of it is read back from E.shadow.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeControl } from '../../shared/codec/control.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import { type HouseWorld, houseWorld, PARTITIONS } from '../support/house-world.ts';

let house: HouseWorld;
beforeEach(async () => {
  house = await houseWorld();
  await house.rollOut(1, 'basic');
  await house.reached('promoted');
});
afterEach(() => house.stop());

const versionOf = (record: InRecord) => Number(headerText(record.headers, HEADER.version));
const sourceOf = (record: InRecord) => headerText(record.headers, HEADER.source) ?? '';
const isMark = (record: InRecord) => headerText(record.headers, HEADER.shadowMark) !== null;

async function outputs(version = 2): Promise<InRecord[]> {
  return (await house.of('shadow')).filter((record) => !isMark(record) && versionOf(record) === version);
}

async function marks(): Promise<ReturnType<typeof decodeControl<'shadow-mark'>>[]> {
  return (await house.of('shadow')).filter(isMark).map((record) => decodeControl('shadow-mark', record));
}

/** Asks, and lets the shadow catch up. */
async function ask(requests: number): Promise<string> {
  const versions = await house.ask(requests);
  await house.clock.advance(3_000);
  return versions;
}

describe('a shadow rollout', () => {
  it('scores every request since it was accepted, answers none, and leaves no trace on the live topics', async () => {
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    expect(await ask(40)).toBe('1');
    const scored = await outputs();
    expect(scored).toHaveLength(40);
    expect(new Set(scored.map(sourceOf)).size).toBe(40);
    for (const record of scored) expect(sourceOf(record)).toMatch(new RegExp(`^${record.partition}@`));
    const live = await house.of('predictions');
    expect(live.filter((record) => headerText(record.headers, HEADER.shadow) !== null)).toEqual([]);
  });

  it('begins in the past when it is told to', async () => {
    await house.ask(30);
    await house.rollOut(2, 'shadow', { shadow: { from: { kind: 'offset', at: 5 } } });
    await house.reached('ready');
    await house.clock.advance(3_000);
    expect(await outputs()).toHaveLength(30 - 5 * PARTITIONS);
    expect((await marks()).filter(({ kind }) => kind === 'begun').map(({ to }) => to)).toEqual([5, 5]);
  });

  it('begins at a moment in the past when it is told so', async () => {
    await house.ask(30);
    await house.clock.advance(1_000);
    const at = house.clock.nowMs();
    await house.ask(20);
    await house.rollOut(2, 'shadow', { shadow: { from: { kind: 'timestamp', at } } });
    await house.reached('ready');
    await ask(10);
    expect(await outputs()).toHaveLength(30);
    expect((await marks()).filter(({ kind }) => kind === 'begun').map(({ to }) => to)).toEqual([15, 15]);
  });

  it('begins where the log ends when it is told to begin now, and stays with that', async () => {
    await house.ask(30);
    await house.rollOut(2, 'shadow', { shadow: { from: { kind: 'now' } } });
    await house.reached('ready');
    await house.clock.advance(3_000);
    expect(await outputs()).toEqual([]);
    await ask(20);
    await house.restartShadow();
    await ask(20);
    expect(await outputs()).toHaveLength(40);
    expect((await marks()).find(({ kind }) => kind === 'begun')).toMatchObject({ to: 15 });
  });

  it('switches at once when it is promoted, and then scores no more', async () => {
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    await ask(10);
    await house.command('promote');
    await house.reached('promoted');
    expect(await ask(20)).toBe('2');
    expect(await outputs()).toHaveLength(10);
    expect(house.shadowLauncher.running()).toEqual([]);
  });

  it('ends with an abort', async () => {
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    await ask(10);
    await house.command('abort');
    await house.reached('aborted');
    expect(await ask(10)).toBe('1');
    expect(await outputs()).toHaveLength(10);
  });

  it('is an outcome too where the model cannot score a request', async () => {
    house.shadowLauncher.set(2, { poison: [3] });
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    expect(await ask(10)).toBe('1');
    const scored = await outputs();
    expect(scored).toHaveLength(10);
    expect(scored.filter((record) => headerText(record.headers, HEADER.error) !== null)).toHaveLength(1);
  });
});

describe('the sample', () => {
  it('is the same for every shadow, and a larger one holds the smaller', async () => {
    await house.rollOut(2, 'shadow', {
      shadow: { sampleBp: 3_000 },
      shadows: [
        { candidate: 3, sampleBp: 3_000 },
        { candidate: 4, sampleBp: 6_000 },
      ],
    });
    await house.reached('ready');
    await ask(200);
    const [two, three, four] = await Promise.all(
      [2, 3, 4].map(async (version) => (await outputs(version)).map(sourceOf).sort()),
    );
    expect(two?.length).toBeGreaterThan(30);
    expect(two?.length).toBeLessThan(90);
    expect(three).toEqual(two);
    expect(four?.length).toBeGreaterThan(two?.length ?? 0);
    expect(two?.filter((source) => !four?.includes(source))).toEqual([]);
  });

  it('of the noise baseline is scored by the incumbent a second time', async () => {
    await house.rollOut(2, 'shadow', { shadow: { baselineBp: 5_000 } });
    await house.reached('ready');
    await ask(100);
    expect(await outputs(2)).toHaveLength(100);
    const again = await outputs(1);
    expect(again.length).toBeGreaterThan(20);
    expect(again.length).toBeLessThan(80);
  });
});

it('beside a canary scores what both versions answer', async () => {
  await house.rollOut(2, 'canary', { canary: { weightBp: 5_000 }, shadows: [{ candidate: 3 }] });
  await house.reached('serving');
  expect(await ask(60)).toBe('1 2');
  expect(await outputs(3)).toHaveLength(60);
});

it('drops what is too far behind, and says so', async () => {
  house.shadowLauncher.set(2, { state: 'FAILED' });
  await house.rollOut(2, 'shadow', { shadow: { maxLag: 10 } });
  await house.reached('ready');
  await ask(80);
  house.shadowLauncher.set(2, { state: 'READY' });
  await house.clock.advance(10_000);
  await ask(10);
  const dropped = (await marks())
    .filter(({ kind }) => kind === 'skipped')
    .reduce((sum, { from, to }) => sum + to - from, 0);
  expect(dropped).toBeGreaterThan(40);
  expect((await outputs()).length + dropped).toBe(90);
});

describe('a gate', () => {
  it('of the kind windows lets nothing through before its time, and everything then', async () => {
    const at = (minutes: number) => new Date(house.clock.nowMs() + minutes * 60_000).toISOString().slice(11, 16);
    const windows = [{ from: at(2), to: at(3) }];
    await house.rollOut(2, 'shadow', { shadow: { gate: { kind: 'windows', windows } } });
    await house.reached('ready');
    await ask(20);
    expect(await outputs()).toEqual([]);
    await house.clock.advance(120_000);
    expect(await outputs()).toHaveLength(20);
  });

  it('of the kind low-lag closes while live requests wait', async () => {
    await house.rollOut(2, 'shadow', { shadow: { gate: { kind: 'low-lag', maxLiveLag: 5 } } });
    await house.reached('ready');
    await ask(10);
    expect(await outputs()).toHaveLength(10);
    house.launcher.set(1, { state: 'LOADING' });
    // It is looked once a second how many wait.
    await house.send(20);
    await house.clock.advance(2_000);
    const before = (await outputs()).length;
    await house.send(20);
    await house.clock.advance(5_000);
    expect(await outputs()).toHaveLength(before);
    house.launcher.set(1, { state: 'READY' });
    await house.clock.advance(5_000);
    expect(await outputs()).toHaveLength(50);
  });

  it('of the kind batch scores once per window what lay there when it began', async () => {
    const at = (minutes: number) => new Date(house.clock.nowMs() + minutes * 60_000).toISOString().slice(11, 16);
    const windows = [{ from: at(2), to: at(4) }];
    await house.rollOut(2, 'shadow', { shadow: { gate: { kind: 'batch', windows } } });
    await house.reached('ready');
    await ask(20);
    await house.clock.advance(120_000);
    expect(await outputs()).toHaveLength(20);
    await ask(20);
    expect(await outputs()).toHaveLength(20);
  });

  describe('of the kind batch, who did not see the window open,', () => {
    const batch = () => {
      const at = (minutes: number) => new Date(house.clock.nowMs() + minutes * 60_000).toISOString().slice(11, 16);
      return { kind: 'batch', windows: [{ from: at(2), to: at(9) }] };
    };

    it('as a new owner, scores no more than what lay there then', async () => {
      await house.rollOut(2, 'shadow', { shadow: { gate: batch() } });
      await house.reached('ready');
      await ask(20);
      await house.clock.advance(120_000);
      await ask(20);
      await house.restartShadow();
      await ask(20);
      expect(await outputs()).toHaveLength(20);
    });

    it('as one that begins later, scores what lay there then', async () => {
      const gate = batch();
      await ask(30);
      await house.clock.advance(120_000);
      await ask(20);
      await house.rollOut(2, 'shadow', { shadow: { gate, from: { kind: 'offset', at: 0 } } });
      await house.reached('ready');
      await ask(20);
      expect(await outputs()).toHaveLength(30);
    });
  });
});
