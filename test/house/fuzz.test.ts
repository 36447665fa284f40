// The fuzzer itself: it repeats itself, it finds planted bugs of every kind, and no decoder falls to a short run of it.
// Millions of inputs: `npm run fuzz`.

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Coverage } from '../fuzz/coverage.ts';
import { branch, deep, letGo, PLANTED, targetOf } from '../fuzz/planted.ts';
import { tableOf, totalsOf } from '../fuzz/report.ts';
import { runSlice } from '../fuzz/run.ts';
import { shrink } from '../fuzz/shrink.ts';
import { TARGETS } from '../fuzz/targets/registry.ts';

// The judge turns stacks off, for speed; the tests after it want theirs.
let stackTraceLimit = 0;
beforeAll(() => {
  // Fast where the machine is free; no test here is about its speed.
  vi.setConfig({ testTimeout: 120_000 });
  stackTraceLimit = Error.stackTraceLimit;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

const SLICE = { seed: 1, slice: 0, inputs: 1_000 };

describe('a short run finds nothing', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))('in %s', async (_, target) => {
    const report = await runSlice(target, SLICE);
    // Not held to time: other tests run beside it.
    const words = report.findings.map((finding) => finding.words);
    expect(words.filter((one) => !one.startsWith('takes'))).toEqual([]);
    if (words.length === 0) expect(report.inputs).toBe(SLICE.inputs);
    // Some inputs must be sound, and most must not, or the run shows nothing. Two targets take whatever comes.
    expect(report.accepted).toBeGreaterThan(SLICE.inputs / 200);
  });

  it('and every sound input is taken for sound', async () => {
    for (const target of TARGETS) {
      for (const seed of target.seeds()) await target.decode(Buffer.from(seed));
    }
  });
});

describe('a planted bug', () => {
  it.each(PLANTED)('is found: %s', async (_, words, decode) => {
    const { findings } = await runSlice(targetOf(decode), { ...SLICE, inputs: 4_000, findingsMax: 1 });
    letGo();
    expect(findings.map((finding) => finding.words).join()).toMatch(words);
  });

  it('is told with a shrunk input that repeats it, and nothing else repeats twice', async () => {
    const target = targetOf((bytes) => {
      if (bytes.includes('"key"') && bytes.includes(0)) throw new TypeError(`planted ${bytes.length}`);
    });
    const [first, again] = [await runSlice(target, SLICE), await runSlice(target, SLICE)];
    expect(again.findings.map(({ hex }) => hex)).toEqual(first.findings.map(({ hex }) => hex));
    expect(first.findings).toHaveLength(1);
    const input = Buffer.from(first.findings[0]?.hex ?? '', 'hex');
    expect(() => target.decode(input)).toThrow('planted');
    expect(input.length).toBe(6);
  });

  it('behind several comparisons needs the coverage that guides', async () => {
    const coverage = new Coverage();
    coverage.start();
    const { findings, kept } = await runSlice(targetOf(deep), { ...SLICE, inputs: 60_000, coverage, findingsMax: 1 });
    coverage.stop();
    expect(kept.length).toBeGreaterThan(1);
    expect(findings[0]?.words).toMatch(/TypeError: deep/);
    const blind = await runSlice(targetOf(deep), { ...SLICE, inputs: 60_000 });
    expect(blind.findings).toEqual([]);
  });
});

describe('shrinking', () => {
  it('leaves what is needed, in order', async () => {
    const fails = async (bytes: Buffer) => bytes.includes('a') && bytes.includes('z');
    expect((await shrink(Buffer.from('xxxaxxxxxxzxxx'), fails)).toString()).toBe('az');
  });
});

describe('coverage', () => {
  it('calls a branch news until it is told to keep it', () => {
    const coverage = new Coverage();
    coverage.start();
    branch(1);
    coverage.keep(coverage.take());
    branch(1);
    const before = coverage.take().size;
    branch(2);
    const fresh = coverage.take();
    expect([before, fresh.size]).toEqual([0, 1]);
    coverage.keep(fresh);
    branch(2);
    expect(coverage.take().size).toBe(0);
    coverage.stop();
  });
});

describe('the report', () => {
  it('adds slices up, and counts a finding of two slices once', () => {
    const job = { target: 'avro', seed: 1, slice: 0, inputs: 5, explores: false, corpus: [], first: [] };
    const finding = { target: 'avro', words: 'w', stack: '', hex: '00' };
    const figures = {
      inputs: 5,
      seconds: 1,
      kept: [],
      postponed: [],
      branches: 9,
      accepted: 1,
      slowestMs: 2,
      largestBytes: 3,
      heldBytes: 4,
    };
    const told = [
      { job, report: { ...figures, findings: [finding] } },
      { job, report: { ...figures, findings: [] } },
      { job, finding },
    ];
    const totals = totalsOf('avro', told);
    expect(totals).toMatchObject({ inputs: 10, accepted: 2, inputsPerSecond: 5, findings: [finding] });
    expect(tableOf([totals], 2)).toContain('10 inputs in 2.0 s: 1 findings');
  });
});
