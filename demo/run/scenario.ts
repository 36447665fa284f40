// Scenario: four changes of the model under load, and a shadow before the last, told as an operator would do them.
// Every step waits for the stream to reach its place, so that each change meets live traffic.

import type { RolloutEvent } from '../../shared/domain/event.ts';
import type { Operator } from './control.ts';
import type { ShadowAct } from './shadow-act.ts';
import type { Traffic } from './traffic.ts';

/** One change of the model: what was asked, when, and the plan that carried it out. */
export interface Switch {
  readonly kind: 'basic' | 'blue-green' | 'canary' | 'rollback';
  readonly from: number | null;
  readonly to: number;
  /** When the command or rollout record was written, milliseconds since the epoch. */
  readonly commandAtMs: number;
  /** First plan revision that moves the traffic. */
  readonly revision: number;
}

/** The changes that a whole scenario makes. */
export const SWITCH_KINDS: readonly Switch['kind'][] = ['basic', 'blue-green', 'canary', 'rollback', 'basic'];

export interface ScenarioOptions {
  readonly operator: Operator;
  /** Starts the stream; called once the first version answers. */
  readonly startTraffic: () => Traffic;
  readonly requests: number;
  readonly say: (line: string) => void;
  readonly shadows: ShadowAct;
}

/** Runs all changes. @returns them in order; @throws what the operator throws */
export async function runScenario(
  options: ScenarioOptions,
): Promise<{ switches: readonly Switch[]; traffic: Traffic }> {
  const { operator, requests, say } = options;
  const switches: Switch[] = [];
  say('v1 is rolled out as the first version (basic)');
  switches.push(await basic(operator, null, 1));
  const traffic = options.startTraffic();
  /** Lets a share of all requests pass under the present state of things; what loading takes comes on top. */
  const hold = (share: number) => traffic.reached(Math.min(requests, traffic.sent() + Math.floor(requests * share)));

  await hold(0.07);
  say('v2 is loaded beside v1 (blue/green)');
  await operator.apply({ candidate: 2, strategy: 'blue-green', reason: 'a better network' });
  await operator.next('v2 is ready', isType('candidate-ready'));
  await hold(0.03);
  say('v2 is ready and warm: all traffic switches at once');
  const promotedAtMs = await operator.command('promote', 'v2 is ready');
  switches.push(await moved(operator, { kind: 'blue-green', from: 1, to: 2, commandAtMs: promotedAtMs }));
  await operator.next("v1's lane is drained", isType('rollout-completed'));

  await hold(0.06);
  say('v3 gets 10 % of the traffic (canary)');
  const canaryAtMs = await operator.apply({
    ...{ candidate: 3, strategy: 'canary', canary: { weightBp: 1_000 } },
    // It also scores copies of everything, so that a tenth of the traffic need not be all that one learns from.
    shadows: [{ candidate: 3 }],
  });
  switches.push(await moved(operator, { kind: 'canary', from: 2, to: 3, commandAtMs: canaryAtMs }));
  await hold(0.12);
  await options.shadows.show('v3 in the shadow, beside its canary', 3);
  say('v3 turns out to be bad: it is rolled back');
  const abortedAtMs = await operator.command('abort', 'v3 misreads digits');
  switches.push(await moved(operator, { kind: 'rollback', from: 3, to: 2, commandAtMs: abortedAtMs }));
  await operator.next('the rollback is complete', isType('rollout-completed'));

  await hold(0.03);
  say('v4 is shadowed: it scores copies of all requests and answers none');
  await operator.apply({ candidate: 4, strategy: 'shadow', shadow: { baselineBp: 1_000 } });
  await operator.next('v4 is ready', isType('candidate-ready'));
  await hold(0.08);
  await options.shadows.show('v4 in the shadow', 4);
  say('v4 travels in time: it scores the requests that were answered before it came');
  await options.shadows.replay(4);
  await operator.command('abort', 'compared for long enough');
  await operator.next('the shadow is over', isType('rollout-completed'));
  traffic.release();
  say('v4 replaces v2 in place (basic)');
  switches.push(await basic(operator, 2, 4));
  await traffic.done;
  return { switches, traffic };
}

async function basic(operator: Operator, from: number | null, to: number): Promise<Switch> {
  const commandAtMs = await operator.apply({ candidate: to, strategy: 'basic' });
  return moved(operator, { kind: 'basic', from, to, commandAtMs });
}

/** Waits for the plan that moves traffic, and takes its revision. */
async function moved(operator: Operator, change: Omit<Switch, 'revision'>): Promise<Switch> {
  const event = await operator.next(`a plan moves traffic to v${change.to}`, (found) => movesTraffic(found, change));
  return { ...change, revision: event.type === 'plan-published' ? event.plan.revision : 0 };
}

/** A canary gives its candidate a first share; every other change gives its target everything. */
function movesTraffic(event: RolloutEvent, change: Omit<Switch, 'revision'>): boolean {
  if (event.type !== 'plan-published') return false;
  const weightBp = event.plan.shares
    .filter((share) => event.plan.lanes[share.lane]?.version === change.to)
    .reduce((sum, share) => sum + share.weightBp, 0);
  return change.kind === 'canary' ? weightBp > 0 : weightBp === 10_000;
}

function isType(type: RolloutEvent['type']): (event: RolloutEvent) => boolean {
  return (event) => event.type === type;
}
