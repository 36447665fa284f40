// Test support: arbitrary sound control records of every kind, defaults filled in.
// Used by the control codec's tests; holds no code that the services run.

import fc from 'fast-check';
import { CONSUMED_TOPICS, OUTCOMES, ROLLOUT_PHASES, type RolloutEvent } from '../../domain/event.ts';
import { VERBS } from '../../domain/rollout.ts';
import { DELIVERIES, LANES, type RoutePlan } from '../../domain/route-plan.ts';
import { WORKER_STATES } from '../../domain/worker.ts';
import type { ControlKind, ControlValues } from '../control.ts';
import { signatureArbitrary } from './tensors.ts';

const count = fc.nat({ max: 2 ** 31 - 1 });
/** avsc writes no long beyond 2^53 - 2. */
const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 });
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const someText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).filter((word) => word !== 'millrace');
const weightBp = fc.integer({ min: 0, max: 10_000 });
const version = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1 });
const model = fc.record({ version, digest: fc.stringMatching(/^[0-9a-f]{64}$/) });
const lane = fc.constantFrom(...LANES);
const evidence = fc.array(someText, { maxLength: 3 });
const delivery = fc.constantFrom(...DELIVERIES);

const plan: fc.Arbitrary<RoutePlan> = fc
  .record({
    endpoint: name,
    delivery,
    revision: version,
    rollout: text,
    lanes: fc.record({ blue: fc.option(model), green: fc.option(model) }),
    incumbent: fc.option(lane),
    share: fc.option(weightBp),
    revoked: fc.array(model, { maxLength: 3 }),
    shadows: fc.array(fc.record({ version, digest: text, sampleBp: weightBp }), { maxLength: 2 }),
    evidence,
  })
  .map(({ share, ...rest }) => {
    const { blue, green } = rest.lanes;
    const shares: RoutePlan['shares'] =
      share !== null && blue !== null && green !== null
        ? [
            { lane: 'green', weightBp: share },
            { lane: 'blue', weightBp: 10_000 - share },
          ]
        : [];
    return { ...rest, shares };
  });

const who = { actor: someText, reason: text };

const settings = {
  endpoint: name,
  partitions: fc.integer({ min: 1, max: 1024 }),
  delivery,
  road: fc.constant('lanes' as const),
  ordering: fc.constant('per-key' as const),
};
const endpoint: fc.Arbitrary<ControlValues['endpoint']> = fc.oneof(
  fc.record(settings),
  fc.record({ ...settings, signature: signatureArbitrary }),
);

const command: fc.Arbitrary<ControlValues['command']> = fc
  .record({ endpoint: name, verb: fc.constantFrom(...VERBS), weightBp, idempotencyKey: someText, ...who })
  .map(({ verb, weightBp: weight, ...rest }) =>
    verb === 'set-weight' ? { ...rest, verb, weightBp: weight } : { ...rest, verb },
  );

const rolloutBase = { endpoint: name, candidate: version, ...who };
const rollout: fc.Arbitrary<ControlValues['rollout']> = fc.oneof(
  fc.record({ ...rolloutBase, strategy: fc.constant('basic') }),
  fc.record({
    ...rolloutBase,
    strategy: fc.constant('blue-green'),
    blueGreen: fc.record({ promotion: fc.constantFrom('manual', 'auto') }),
  }),
  fc.record({ ...rolloutBase, strategy: fc.constant('canary'), canary: fc.record({ weightBp }) }),
);

const worker: fc.Arbitrary<ControlValues['worker']> = fc.record({
  worker: someText,
  endpoint: name,
  version,
  digest: text,
  state: fc.constantFrom(...WORKER_STATES),
  runtime: text,
  problem: text,
  owned: fc.record({ blue: fc.array(count, { maxLength: 4 }), green: fc.array(count, { maxLength: 4 }) }),
  atMs: offset,
});

const flat = {
  endpoint: text,
  seq: offset,
  atMs: offset,
  actor: text,
  reason: text,
  rollout: text,
  phase: fc.constantFrom(...ROLLOUT_PHASES),
  code: text,
  message: text,
  evidence,
  consumed: fc.option(fc.record({ topic: fc.constantFrom(...CONSUMED_TOPICS), offset })),
  idempotencyKey: fc.option(text),
  ...nulls('settings', 'signature', 'spec', 'candidate', 'lane', 'weightBp'),
  ...nulls('plan', 'keepsIncumbent', 'outcome', 'snapshot'),
};

function nulls<Name extends string>(...names: Name[]): Record<Name, fc.Arbitrary<null>> {
  return Object.fromEntries(names.map((field) => [field, fc.constant(null)])) as Record<Name, fc.Arbitrary<null>>;
}

function eventOf<Type extends RolloutEvent['type'], Own extends object>(
  type: Type,
  own: { [Field in keyof Own]: fc.Arbitrary<Own[Field]> },
) {
  return fc.record({ ...flat, ...own, type: fc.constant(type) });
}

/** Every type of event with its own fields set. */
const event = fc.oneof(
  eventOf('endpoint-defined', { settings: endpoint }),
  eventOf('endpoint-refused', {}),
  eventOf('endpoint-removed', {}),
  eventOf('rollout-accepted', { spec: text, candidate: model, lane, signature: signatureArbitrary }),
  eventOf('rollout-refused', {}),
  eventOf('candidate-ready', { candidate: model, lane, weightBp }),
  eventOf('candidate-failed', { candidate: model, lane }),
  eventOf('weight-set', { candidate: model, lane, weightBp }),
  eventOf('promoted', { candidate: model, lane, keepsIncumbent: fc.boolean() }),
  eventOf('aborted', { candidate: model, lane }),
  eventOf('lane-drained', { lane }),
  eventOf('rollout-completed', { candidate: model, outcome: fc.constantFrom(...OUTCOMES) }),
  eventOf('plan-published', { plan }),
  eventOf('command-refused', {}),
  eventOf('noted', {}),
  eventOf('snapshot', { snapshot: text }),
) as unknown as fc.Arbitrary<RolloutEvent>;

export const controlArbitraries: { readonly [Kind in ControlKind]: fc.Arbitrary<ControlValues[Kind]> } = {
  endpoint,
  rollout,
  command,
  plan,
  cut: fc.record({ partition: count, offset, plan, atMs: offset }),
  worker,
  event,
};
