// The simulation itself: a seed is a history, and a planted bug that no longer fits the code is noticed.
// Thousands of seeds and every planted bug: `npm run sim`, `npm run sim -- --mutants`.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { hashLog } from '../sim/history.ts';
import { ROUTER_MUTANTS } from '../sim/mutants/router.ts';
import { planted } from '../sim/mutate-hook.ts';
import { shortestPrefix } from '../sim/shortest-prefix.ts';
import { SimClock } from '../sim/sim-clock.ts';
import { type SimResult, simulate } from '../sim/simulate.ts';
import type { SeedReport, Wanted } from '../sim/worker.ts';

/** By processes of their own: build-child.ts compiles them. */
const compiled: typeof import('../sim/workers.ts') = await import(
  new URL('../../dist/test/sim/workers.js', import.meta.url).href
);
/** Starting processes takes long where others work as well. */
const SLOW = { timeout: 120_000 };
const asWanted = (seed: number): Wanted => ({ seed, faultsMax: null, shortens: false });
const faultsOf = ({ faults }: SimResult) => Object.values(faults).reduce((sum, count) => sum + count, 0);

describe('a seed', () => {
  it('gives the same history in another process, keeps every promise, and is not its neighbour', SLOW, async () => {
    const here = await simulate(7);
    const there = new Map<number, SeedReport>();
    const each = (report: SeedReport) => there.set(report.seed, report).size < 2;
    await compiled.simulateAll([8, 7].map(asWanted), { edits: [], each });
    expect(there.get(7)).toEqual({ ...here, failingPrefix: null });
    expect(there.get(8)?.hash).not.toBe(here.hash);
    expect(here.problems).toEqual([]);
    expect(here.requests).toBeGreaterThan(100);
    expect(faultsOf(here)).toBeGreaterThan(20);
  });

  it('of every twentieth history has no faults and keeps the promises of an undisturbed house', SLOW, async () => {
    const calm = await simulate(40);
    expect([faultsOf(calm), calm.problems]).toEqual([0, []]);
    expect(calm.virtualMs).toBeGreaterThan(0);
  });

  it('can be cut short after any number of faults', async () => {
    const cut = await simulate(7, 5);
    expect(faultsOf(cut)).toBe(5);
    expect(cut.problems).toEqual([]);
  });
});

describe('a history', () => {
  it('is every byte on the log, and which transactions were committed', async () => {
    const hashOf = async (change: Partial<OutRecord>, nowMs = 1, ends: 'committed' | 'aborted' = 'committed') => {
      const log = memoryLog();
      log.createTopic({ name: 't', partitions: 2, config: {} });
      const producer = log.transactions.fence({ transactionalId: 'id', topic: 't', partition: 0 });
      log.transactions.begin(producer, nowMs);
      const record = { topic: 't', partition: 0, key: Buffer.from('k'), value: Buffer.from('v'), headers: [] };
      log.append([{ ...record, ...change }], nowMs, producer);
      log.transactions.end(producer, ends);
      const hash = createHash('sha256');
      hashLog(log, hash);
      return hash.digest('hex');
    };
    const headers = (name: string, value: string): Partial<OutRecord> => ({ headers: [[name, Buffer.from(value)]] });
    const hashes = [
      await hashOf({}),
      await hashOf({ key: null }),
      await hashOf({ key: Buffer.from('kv'), value: Buffer.alloc(0) }),
      await hashOf({ value: Buffer.from('w') }),
      await hashOf({ partition: 1 }),
      await hashOf(headers('a', 'bc')),
      await hashOf(headers('ab', 'c')),
      await hashOf({}, 2),
      await hashOf({}, 1, 'aborted'),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(await hashOf({})).toBe(hashes[0]);
  });
});

describe('a failing seed', () => {
  it('is shortened to a number of faults with which it was seen to fail', async () => {
    const seen: number[] = [];
    const from = (least: number) => (faults: number) => {
      if (faults >= least) seen.push(faults);
      return Promise.resolve(faults >= least);
    };
    expect(await shortestPrefix(70, from(13))).toBe(13);
    expect(seen).toContain(13);
    expect(await shortestPrefix(70, from(0))).toBe(0);
    expect(await shortestPrefix(70, from(70))).toBe(70);
  });

  it('fails again with the prefix alone, which is shorter', SLOW, async () => {
    const edits = ROUTER_MUTANTS.find(({ name }) => name === 'produce-before-commit')?.edits ?? [];
    const failure = async (wanted: readonly Wanted[]): Promise<SeedReport | null> => {
      let found: SeedReport | null = null;
      const each = (report: SeedReport) => {
        if (report.problems.length > 0) found ??= report;
        return found === null;
      };
      await compiled.simulateAll(wanted, { edits, each });
      return found;
    };
    const seeds = Array.from({ length: 40 }, (_, index) => index + 1);
    const failed = await failure(seeds.map((seed) => ({ ...asWanted(seed), shortens: true })));
    if (failed === null || failed.failingPrefix === null) throw new RangeError('no seed failed');
    const { seed, failingPrefix } = failed;
    expect(failingPrefix).toBeLessThan(faultsOf(failed));
    const again = await failure([{ seed, faultsMax: failingPrefix, shortens: false }]);
    expect(again === null ? null : faultsOf(again)).toBe(failingPrefix);
  });
});

describe('a planted bug', () => {
  it('replaces its text, which must be there once', () => {
    const edit = { file: 'x.js', find: 'a + b', replace: 'a - $&' };
    expect(planted('return a + b;', edit)).toBe('return a - $&;');
    expect(() => planted('return a;', edit)).toThrow('0 times');
    expect(() => planted('a + b + a + b', edit)).toThrow('2 times');
  });
});

describe('the clock', () => {
  it('wakes sleepers in the order of their times, then of their coming', async () => {
    const clock = new SimClock();
    const woken: string[] = [];
    const sleeper = (name: string, ms: number, signal?: AbortSignal) =>
      void clock.sleep(ms, signal).then(() => woken.push(`${name}@${clock.elapsedMs}`));
    const abort = new AbortController();
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b', 10],
      ['d', 40],
      ['e', 5],
    ] as const)
      sleeper(name, ms);
    sleeper('aborted', 99, abort.signal);
    abort.abort();
    expect(await clock.run(35)).toBe(false);
    expect(woken).toEqual(['aborted@0', 'e@5', 'a@10', 'b@10', 'c@30']);
    expect(clock.elapsedMs).toBe(35);
    expect(await clock.run(100, () => woken.includes('d@40'))).toBe(true);
  });
});
