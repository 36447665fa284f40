// Goal: the comparator counts every pair once, whatever happens to it, and forgets nothing that can still come.
// Method: the whole house on the memory bus under a virtual clock; totals are read back from E.totals.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { JOIN_START } from '../../shared/comparison/join-state.ts';
import { runKey, type Totals } from '../../shared/domain/comparison.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import { AHEAD, type HouseWorld, houseWorld, PARTITIONS } from '../support/house-world.ts';

let house: HouseWorld;
beforeEach(async () => {
  house = await houseWorld();
  await house.rollOut(1, 'basic');
  await house.reached('promoted');
});
afterEach(() => house.stop());

/** Newest totals by run, of each partition. */
async function totals(run: string): Promise<Totals[]> {
  const newest = new Map<number, Totals>();
  for (const record of await house.of('totals')) {
    const one = decodeControl('totals', record);
    if (runKey(one) === run) newest.set(one.partition, one);
  }
  return [...newest.values()].sort((a, b) => a.partition - b.partition);
}

async function counts(run: string): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const one of await totals(run)) {
    for (const [name, count] of Object.entries(one.counts)) sums[name] = (sums[name] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(sums).filter(([, count]) => count > 0));
}

async function ask(requests: number): Promise<void> {
  await house.ask(requests);
  await house.clock.advance(4_000);
}

async function label(key: string, values: readonly number[], partition = 0): Promise<void> {
  const place = { partition, key };
  await house.write(house.topics.endpoint('numbers', 'labels'), encodeControl('label', { values: [...values] }), place);
}

describe('the comparator', () => {
  it('counts every answer, and every pair of a shadow', async () => {
    await ask(10);
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    await ask(40);
    expect(await counts('live')).toEqual({ matched: 50 });
    expect(await counts('numbers-2/2')).toEqual({ matched: 40 });
    expect(await totals('live')).toHaveLength(PARTITIONS);
  });

  it('expects only what the sample holds', async () => {
    await house.rollOut(2, 'shadow', { shadow: { sampleBp: 3_000 } });
    await house.reached('ready');
    await ask(100);
    const { matched = 0, ...rest } = await counts('numbers-2/2');
    expect(matched).toBeGreaterThan(10);
    expect(matched).toBeLessThan(60);
    expect(rest).toEqual({});
  });

  it('compares a shadow that begins in the past with the answers that were given', async () => {
    await house.ask(60);
    await house.clock.advance(600_000);
    await house.rollOut(2, 'shadow', { shadow: { from: { kind: 'offset', at: 0 } } });
    await house.reached('ready');
    await house.clock.advance(5_000);
    expect(await counts('numbers-2/2')).toEqual({ matched: 60 });
  });

  it('calls what a shadow dropped skipped, and ends with the rollout', async () => {
    house.shadowLauncher.set(2, { state: 'FAILED' });
    await house.rollOut(2, 'shadow', { shadow: { maxLag: 10 } });
    await house.reached('ready');
    await ask(80);
    house.shadowLauncher.set(2, { state: 'READY' });
    await house.clock.advance(10_000);
    await house.command('abort');
    await house.reached('aborted');
    await house.clock.advance(20_000);
    const { matched = 0, skipped = 0, ...rest } = await counts('numbers-2/2');
    expect(matched + skipped).toBe(80);
    expect(skipped).toBeGreaterThan(40);
    expect(rest).toEqual({});
    expect((await totals('numbers-2/2')).map(({ ended }) => ended)).toEqual([true, true]);
  });

  it('ends with the rollout when its shadow scored nothing, though answers never end', async () => {
    // So many that those of one partition are further ahead than a comparison reads.
    await house.ask(PARTITIONS * (AHEAD + 10));
    await house.clock.advance(1_000);
    house.shadowLauncher.set(2, { state: 'FAILED' });
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    await ask(PARTITIONS);
    await house.command('abort');
    await house.reached('aborted');
    await house.clock.advance(20_000);
    expect(await counts('numbers-2/2')).toEqual({});
    expect((await totals('numbers-2/2')).map(({ ended }) => ended)).toEqual([true, true]);
  });

  it('ends a minute after the rollout when all is answered, though answers never pause', async () => {
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    await ask(PARTITIONS * 5);
    await house.command('abort');
    await house.reached('aborted');
    for (let seconds = 0; seconds < 70; seconds++) {
      await house.ask(PARTITIONS);
      await house.clock.advance(1_000);
    }
    expect((await totals('numbers-2/2')).map(({ ended }) => ended)).toEqual([true, true]);
    expect((await counts('numbers-2/2')).matched).toBe(PARTITIONS * 5);
  });

  it('keeps the sixty-four runs that ended last on record', async () => {
    await house.stop();
    house = await houseWorld();
    for (let run = 1; run <= 70; run++) {
      const one: Totals = {
        ...JOIN_START,
        ...{ endpoint: 'numbers', rollout: `old-${run}`, version: 2, digest: '', partition: 0, sampleBp: 10_000 },
        ...{ begun: 0, sinceMs: 0, terms: '{}', states: '{}', examples: '[]', ended: true, atMs: run },
      };
      await house.write(house.topics.endpoint('numbers', 'totals'), encodeControl('totals', one), {
        partition: 0,
        key: runKey(one),
      });
    }
    // It owns its partitions from the first plan on.
    await house.rollOut(1, 'basic');
    await house.reached('promoted');
    await ask(PARTITIONS);
    const records = await house.of('totals');
    const gone = records
      .filter(({ value }) => value === null)
      .map(({ key }) => new TextDecoder().decode(key ?? undefined));
    expect(gone).toEqual([1, 2, 3, 4, 5, 6].map((run) => `old-${run}/2`));
  });

  it('joins labels by source and by request id, from any partition', async () => {
    await house.rollOut(2, 'shadow');
    await house.reached('ready');
    await ask(10);
    const sources = (await house.of('predictions')).map((record) => headerText(record.headers, HEADER.source) ?? '');
    const [first = '', second = '', third = ''] = sources;
    await label(first, [3], 1);
    await label(`numbers.requests-${second.replace('@', '-')}`, [3]);
    await label(third, [3]);
    await label(third, [4], 1);
    await label('9@7', [1]);
    await label('nobody', [1]);
    await house.clock.advance(5_000);
    expect(await counts('numbers-2/2')).toEqual({ matched: 10, labelled: 3, duplicate: 1 });
    expect(await counts('live')).toEqual({ matched: 10, labelled: 3, duplicate: 1 });
  });
});
