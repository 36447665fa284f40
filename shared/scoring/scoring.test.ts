// Scoring: joining, isolating and draining, checked on a fake model that doubles its input and chokes on given values.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../domain/errors.ts';
import type { Tensor } from '../domain/tensor.ts';
import { drainBatcher } from './drain.ts';
import { type Scored, scoreIsolated } from './isolate.ts';
import { joinRows, notFinite, type RowBlock, splitRows } from './rows.ts';

function block(...values: number[]): RowBlock {
  return {
    rows: values.length,
    inputs: [{ name: 'x', datatype: 'FP32', shape: [values.length, 1], data: Float32Array.from(values) }],
  };
}

const badOutput = new MillraceError('MODEL_OUTPUT', { version: 1, endpoint: 'e', detail: 'NaN' });
const outputError = (outputs: readonly Tensor[]) => (notFinite(outputs) === null ? null : badOutput);

const by = { model: { version: 1, digest: '1'.repeat(64) }, runtime: 'fake 1', scoringUs: 5 };

/** Doubles every value; throws for a batch that holds 13; gives NaN for −1. */
async function choosy(inputs: readonly Tensor[]): Promise<Scored> {
  const data = inputs[0]?.data as Float32Array;
  if (data.includes(13)) throw new MillraceError('MODEL_FAILED', { version: 1, endpoint: 'e', detail: '13' });
  const out = data.map((value) => (value === -1 ? Number.NaN : value * 2));
  return { outputs: [{ name: 'y', datatype: 'FP32', shape: [data.length, 1], data: out }], by };
}

const values = fc.array(fc.array(fc.constantFrom(1, 2, 3, 13, -1), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 20,
});

function expected(block: readonly number[]): string {
  if (block.includes(13)) return 'MODEL_FAILED';
  if (block.includes(-1)) return 'MODEL_OUTPUT';
  return block.map((value) => value * 2).join();
}

function shown(outcome: Awaited<ReturnType<typeof scoreIsolated>>[number] | undefined): string {
  if (outcome === undefined) return 'missing';
  return outcome.kind === 'failed' ? outcome.error.code : Array.from(outcome.outputs[0]?.data as Float32Array).join();
}

describe('rows', () => {
  it('come back as they went in, block by block', () => {
    fc.assert(
      fc.property(values, (lists) => {
        const blocks = lists.map((list) => block(...list));
        const parts = splitRows(joinRows(blocks), blocks);
        expect(parts.map((part) => Array.from(part[0]?.data as Float32Array))).toEqual(lists);
      }),
    );
  });
});

describe('isolating by halving', () => {
  it('fails exactly the requests that are to blame and answers all others', async () => {
    await fc.assert(
      fc.asyncProperty(values, async (lists) => {
        const outcomes = await scoreIsolated(
          lists.map((list) => block(...list)),
          { score: choosy, outputError },
        );
        expect(outcomes.map(shown)).toEqual(lists.map(expected));
      }),
    );
  });

  it('gives a request on its own two attempts', async () => {
    let calls = 0;
    const flaky = async (inputs: readonly Tensor[]) => {
      calls += 1;
      if (calls === 1) throw new MillraceError('MODEL_CRASHED', { version: 1, endpoint: 'e', detail: 'once' });
      return choosy(inputs);
    };
    const outcomes = await scoreIsolated([block(4)], { score: flaky, outputError });
    expect(outcomes.map(shown)).toEqual(['8']);
    expect(calls).toBe(2);
  });

  it('says of every answer which process gave it, also when that changes under way', async () => {
    let calls = 0;
    const moving = async (inputs: readonly Tensor[]) => {
      calls += 1;
      return { ...(await choosy(inputs)), by: { ...by, runtime: `fake ${calls}` } };
    };
    const outcomes = await scoreIsolated([block(1), block(13), block(2)], { score: moving, outputError });
    const labels = outcomes.map((outcome) => (outcome.kind === 'scored' ? outcome.by.runtime : outcome.kind));
    // Calls: all three, the first, the other two, 13 twice, the last.
    expect(labels).toEqual(['fake 2', 'failed', 'fake 6']);
  });

  it('fails a row with NaN at once, and not its neighbours', async () => {
    let calls = 0;
    const counting = (inputs: readonly Tensor[]) => {
      calls += 1;
      return choosy(inputs);
    };
    const outcomes = await scoreIsolated([block(1), block(-1), block(2)], { score: counting, outputError });
    expect(outcomes.map(shown)).toEqual(['2', 'MODEL_OUTPUT', '4']);
    expect(calls).toBe(1);
  });

  it('does not halve when the whole version is down', async () => {
    let calls = 0;
    const down = async () => {
      calls += 1;
      throw new MillraceError('MODEL_UNAVAILABLE', { version: 1, endpoint: 'e', detail: 'circuit open' });
    };
    await expect(scoreIsolated([block(1), block(2)], { score: down, outputError })).rejects.toThrow('circuit open');
    expect(calls).toBe(1);
  });
});

describe('draining', () => {
  it('answers every submission in its own order, however batches are mixed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(values, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        async (jobs, maxRows) => {
          const batcher = drainBatcher({ scoring: { score: choosy, outputError }, maxRows: () => maxRows, depth: 2 });
          const answers = await Promise.all(jobs.map((lists) => batcher.submit(lists.map((list) => block(...list)))));
          expect(answers.map((outcomes) => outcomes.map(shown))).toEqual(jobs.map((lists) => lists.map(expected)));
        },
      ),
    );
  });

  it('keeps at most depth batches in flight and never passes the row limit', async () => {
    let inFlight = 0;
    let most = 0;
    const sizes: number[] = [];
    const slow = async (inputs: readonly Tensor[]) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      sizes.push(inputs[0]?.shape[0] ?? 0);
      await Promise.resolve();
      inFlight -= 1;
      return choosy(inputs);
    };
    const batcher = drainBatcher({ scoring: { score: slow, outputError }, maxRows: () => 4, depth: 2 });
    await Promise.all([batcher.submit(Array.from({ length: 9 }, () => block(1))), batcher.submit([block(2, 2, 2)])]);
    expect(most).toBe(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });

  it('fails only the submissions of a batch whose version is down, and goes on afterwards', async () => {
    let down = true;
    const score = async (inputs: readonly Tensor[]) => {
      if (down) throw new MillraceError('MODEL_UNAVAILABLE', { version: 1, endpoint: 'e', detail: 'loading' });
      return choosy(inputs);
    };
    const batcher = drainBatcher({ scoring: { score, outputError }, maxRows: () => 8, depth: 1 });
    await expect(batcher.submit([block(1)])).rejects.toThrow('loading');
    down = false;
    expect((await batcher.submit([block(5)])).map(shown)).toEqual(['10']);
  });
});
