// Goal: a version's process lives as plans say, also when several plans are seen in one step, and comes back when it must.

import { afterEach, describe, expect, it } from 'vitest';
import { fakeAnswer, fakeLauncher } from '../../test/support/fake-launcher.ts';
import { canaryOf, ENDPOINT, modelOf, planOf } from '../../test/support/plans.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { ModelRef, RoutePlan } from '../domain/route-plan.ts';
import type { ModelProcess, Owner } from '../runtimes/model-process.ts';
import type { RowBlock } from '../scoring/rows.ts';
import { boundBy, Versions } from './versions.ts';

const RELAUNCH_AFTER_MS = 5_000;
const running: Versions[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((versions) => versions.stop()));
});

async function under(plan: RoutePlan) {
  const clock = new VirtualClock();
  const launcher = fakeLauncher();
  const launched: ModelProcess[] = [];
  const owners = new Map<number, Owner>();
  const counting = {
    launch: (endpoint: string, ref: ModelRef, owner: Owner) => {
      const process = launcher.launch(endpoint, ref, owner);
      launched.push(process);
      owners.set(ref.version, owner);
      return process;
    },
  };
  const versions = new Versions({ endpoint: ENDPOINT, launcher: counting, clock, onState: () => undefined });
  running.push(versions);
  await versions.reconcile(boundBy(plan));
  return {
    clock,
    launcher,
    versions,
    launched: (version: number) => launched.filter((p) => p.ref.version === version),
    loadsBehind: (version: number) => owners.get(version)?.loadsBehind(),
  };
}

function block(x: number): RowBlock {
  return { rows: 1, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(x) }] };
}

async function answerOf(versions: Versions, version: number, x: number): Promise<number | string> {
  const [outcome] = await versions.score(modelOf(version), [block(x)]);
  return outcome?.kind === 'scored' ? Number(outcome.outputs[0]?.data[0]) : (outcome?.error.code ?? 'none');
}

describe('a candidate that is rolled out again', () => {
  const again = canaryOf(9, 0, { rollout: 'again' });

  it('answers, although nothing was seen between its revocation and its new binding', async () => {
    const { versions, launched } = await under(canaryOf(2, 5_000));
    await versions.reconcile(boundBy(canaryOf(3, 0, { revoked: [modelOf(2)] })));
    await expect(versions.score(modelOf(2), [block(1)])).rejects.toMatchObject({ code: 'VERSION_REVOKED' });
    await versions.reconcile(boundBy(again));
    expect(await answerOf(versions, 2, 1)).toBe(fakeAnswer(2, 1));
    expect(launched(2).map(({ state }) => state)).toEqual(['STOPPED', 'READY']);
  });

  it('is launched again when it FAILED in the rollout before, and only then', async () => {
    const first = canaryOf(2, 0, { rollout: 'first' });
    const { versions, launcher, launched } = await under(first);
    launcher.set(2, { state: 'FAILED' });
    await versions.reconcile(boundBy({ ...first, revision: 3 }));
    expect(launched(2)).toHaveLength(1);
    await versions.reconcile(boundBy(again));
    expect(launched(2)).toHaveLength(2);
    await versions.reconcile(boundBy({ ...again, revision: 10 }));
    expect(launched(2)).toHaveLength(2);
  });

  it('keeps its process while it is revoked, and the incumbent keeps its own throughout', async () => {
    const { versions, launched } = await under(canaryOf(2, 5_000));
    for (const revision of [3, 4]) await versions.reconcile(boundBy(canaryOf(revision, 0, { revoked: [modelOf(2)] })));
    expect(launched(2)).toHaveLength(1);
    await versions.reconcile(boundBy(again));
    expect(launched(1)).toHaveLength(1);
  });
});

describe('a version that a record names and no plan does', () => {
  it('is launched, and what waits for it hears of its end when a plan comes before it is READY', async () => {
    const { versions, launcher } = await under(planOf(1));
    launcher.set(2, { state: 'LOADING' });
    const opened = expect(versions.open(modelOf(2))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    const scored = expect(versions.score(modelOf(2), [block(1)])).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    await versions.reconcile(boundBy(planOf(2)));
    await Promise.all([opened, scored]);
  });
});

describe('an incumbent that FAILED', () => {
  it('is revived some time after it failed, not before, and answers again', async () => {
    const { clock, versions, launcher, launched } = await under(planOf(1));
    launcher.set(1, { state: 'FAILED' });
    await expect(versions.score(modelOf(1), [block(1)])).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    versions.revive(modelOf(1));
    await clock.advance(RELAUNCH_AFTER_MS - 1);
    versions.revive(modelOf(1));
    expect(launched(1)).toHaveLength(1);
    await clock.advance(1);
    launcher.set(1, { state: 'READY' });
    versions.revive(modelOf(1));
    expect(launched(1)).toHaveLength(2);
    expect(await answerOf(versions, 1, 7)).toBe(fakeAnswer(1, 7));
  });

  it('is not revived while it is sound', async () => {
    const { clock, versions, launched } = await under(planOf(1));
    await clock.advance(RELAUNCH_AFTER_MS);
    versions.revive(modelOf(1));
    expect(launched(1)).toHaveLength(1);
  });
});

describe('a version that loads', () => {
  it('goes behind the incumbent, whoever that is when it starts again', async () => {
    const plan = canaryOf(2, 5_000);
    const { versions, loadsBehind } = await under(plan);
    expect([1, 2].map(loadsBehind)).toEqual([false, true]);
    await versions.reconcile(boundBy({ ...plan, revision: 3, incumbent: 'green' }));
    expect([1, 2].map(loadsBehind)).toEqual([true, false]);
  });

  it('goes behind nobody while there is no incumbent', async () => {
    const { loadsBehind } = await under({ ...planOf(1), incumbent: null });
    expect(loadsBehind(1)).toBe(false);
  });
});
