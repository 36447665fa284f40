// Promise 5: no version gets traffic before every live owner of its lane was READY for it.

import { describe, expect, it } from 'vitest';
import { ReadyBeforeRouted } from '../../shared/analysis/checks/ready-before-routed.ts';
import { WorkerWords } from '../../shared/analysis/worker-words.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import type { WorkerReport } from '../../shared/domain/worker.ts';
import { canaryOf, ENDPOINT, modelOf, planOf } from '../support/plans.ts';

const report = (version: number, atMs: number, rest: Partial<WorkerReport> = {}): WorkerReport => ({
  ...{ worker: 'w', endpoint: ENDPOINT, ...modelOf(version), state: 'READY', runtime: 'fake 1', problem: '' },
  role: 'scorer',
  owned: { blue: [0, 1], green: [0, 1] },
  atMs,
  ...rest,
});

/** Plans published at 100, 200, … ms. */
function check(plans: readonly RoutePlan[], reports: readonly WorkerReport[]): string[] {
  const words = new WorkerWords();
  for (const said of reports) words.observe(said);
  const ready = new ReadyBeforeRouted(words);
  return plans
    .flatMap((plan, index) => ready.observe({ plan, atMs: 100 * (index + 1), partitions: 2 }, index === 0))
    .map(({ detail }) => detail);
}

const both = (lane: string) => [`w:${lane}:0`, `w:${lane}:1`];
const first = planOf(1, { evidence: both('blue') });
const READY = [report(1, 50), report(2, 150)];

describe('a plan that moves traffic to a version', () => {
  it('names a READY owner of every partition, who had said so', () => {
    expect(check([first, canaryOf(2, 1_000, { evidence: both('green') })], READY)).toEqual([]);
  });

  it('is found without evidence, or with a hole in it', () => {
    expect(check([first, canaryOf(2, 1_000)], READY)).toHaveLength(2);
    expect(check([first, canaryOf(2, 1_000, { evidence: ['w:green:1'] })], READY)).toHaveLength(1);
    expect(check([planOf(1)], READY)).toHaveLength(2);
  });

  it('is found when the worker had not said READY for that digest by then', () => {
    const plans = [first, canaryOf(2, 1_000, { evidence: both('green') })];
    expect(check(plans, [report(1, 50), report(2, 150, { state: 'LOADING' }), report(2, 250)])).toHaveLength(2);
    expect(check(plans, [report(1, 50), report(2, 150, { digest: 'f'.repeat(64) })])).toHaveLength(2);
  });

  it('is believed where the reports of that time were compacted away', () => {
    expect(check([first, canaryOf(2, 1_000, { evidence: both('green') })], [report(1, 900), report(2, 900)])).toEqual(
      [],
    );
  });

  it('needs evidence for every step up, and none for a step down or back', () => {
    const up = canaryOf(2, 1_000, { evidence: both('green') });
    expect(check([first, up, canaryOf(3, 2_000)], READY)).toHaveLength(2);
    expect(check([first, up, canaryOf(3, 500)], READY)).toEqual([]);
    expect(check([first, up, canaryOf(3, 0)], READY)).toEqual([]);
    const promoted = canaryOf(3, 10_000, { incumbent: 'green', evidence: both('green') });
    expect(check([first, up, promoted, canaryOf(4, 0, { revoked: [modelOf(2)] })], READY)).toEqual([]);
    expect(check([first, up, { ...promoted, evidence: [] }], READY)).toHaveLength(2);
  });
});
