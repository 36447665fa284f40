// Test support: arbitrary sound control records of every kind, defaults filled in.
// Used by the control codec's tests; holds no code that the services run.

import fc from 'fast-check';
import { CONSUMED_TOPICS, OUTCOMES, ROLLOUT_PHASES, type RolloutEvent } from '../../domain/event.ts';
import { VERBS } from '../../domain/rollout.ts';
import { DELIVERIES, LANES, type RoutePlan } from '../../domain/route-plan.ts';
import { FROMS, GATES, MARKS, WEEKDAYS } from '../../domain/shadow.ts';
import { WORKER_ROLES, WORKER_STATES } from '../../domain/worker.ts';
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

const clockTime = fc.stringMatching(/^([01][0-9]|2[0-3]):[0-5][0-9]$/);
const timeWindow = fc.record({ days: fc.subarray([...WEEKDAYS]), from: clockTime, to: clockTime });
const gate = fc
  .record({
    kind: fc.constantFrom(...GATES),
    timeZone: fc.constantFrom('UTC', 'Asia/Kolkata'),
    timeWindow,
    maxLiveLag: count,
  })
  .map(({ timeWindow: window, ...rest }) => ({
    ...rest,
    windows: rest.kind === 'windows' || rest.kind === 'batch' ? [window] : [],
  }));
const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const tolerances = fc.array(fc.record({ output: someText, atol: ratio, rtol: ratio }), { maxLength: 2 });
const shadowCommon = { sampleBp: weightBp, gate, maxLag: version, tolerances };
const shadowOptions = {
  ...shadowCommon,
  from: fc.record({ kind: fc.constantFrom(...FROMS), at: offset }),
  baselineBp: weightBp,
};
const planShadow = fc.record({
  ...shadowCommon,
  version,
  digest: text,
  from: fc.record({ kind: fc.constantFrom('now' as const, 'timestamp' as const, 'offset' as const), at: offset }),
});

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
    shadows: fc.array(planShadow, { maxLength: 2 }),
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
  fc.record({ ...rolloutBase, strategy: fc.constant('shadow'), shadow: fc.record(shadowOptions) }),
  fc.record({
    ...rolloutBase,
    strategy: fc.constant('basic'),
    shadows: fc.array(fc.record({ ...shadowOptions, candidate: version }), { minLength: 1, maxLength: 2 }),
  }),
);

const worker: fc.Arbitrary<ControlValues['worker']> = fc.record({
  worker: someText,
  role: fc.constantFrom(...WORKER_ROLES),
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
  ...nulls('plan', 'keepsIncumbent', 'outcome', 'snapshot', 'shadows'),
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
  eventOf('rollout-accepted', {
    spec: text,
    candidate: model,
    lane,
    signature: signatureArbitrary,
    shadows: fc.array(planShadow, { maxLength: 2 }),
  }),
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

/** JSON has no negative zero. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0);
const values = fc.array(finite, { minLength: 1, maxLength: 4 });
const numbers = fc.array(offset, { maxLength: 3 });
const side = fc.record({
  position: offset,
  rewind: offset,
  high: fc.integer({ min: -1, max: 2 ** 40 }),
  closed: offset,
  late: numbers,
});
const counts = fc.record({
  matched: offset,
  missingLive: offset,
  missingShadow: offset,
  late: offset,
  duplicate: offset,
  skipped: offset,
  unreadable: offset,
  labelled: offset,
});
const totals: fc.Arbitrary<ControlValues['totals']> = fc.record({
  endpoint: name,
  rollout: text,
  version: offset,
  digest: text,
  partition: count,
  sampleBp: weightBp,
  terms: text,
  live: side,
  shadow: side,
  labels: fc.record({ position: offset, rewind: offset }),
  begun: fc.integer({ min: -1, max: 2 ** 40 }),
  sinceMs: offset,
  done: offset,
  skipped: fc.array(fc.record({ from: offset, to: offset }), { maxLength: 2 }),
  ticks: fc.array(fc.record({ liveOffset: offset, shadowOffset: offset, liveClosed: offset, shadowClosed: offset }), {
    maxLength: 2,
  }),
  decided: offset,
  removed: offset,
  counts,
  states: text,
  examples: text,
  ended: fc.boolean(),
  atMs: offset,
});
const metricWindow = {
  endpoint: name,
  rollout: text,
  live: version,
  shadow: fc.option(version),
  partition: count,
  startMs: offset,
  windowMs: version,
  states: text,
};
const recordPlace = fc.record({ topic: text, partition: count, offset });
const columns = fc.array(fc.record({ values }), { maxLength: 2 });
const comparison: fc.Arbitrary<ControlValues['comparison']> = fc.record({
  endpoint: name,
  rollout: text,
  source: text,
  disagreement: ratio,
  why: fc.constantFrom('worst' as const, 'sample' as const),
  liveVersion: version,
  shadowVersion: version,
  live: columns,
  shadow: columns,
  request: recordPlace,
  prediction: recordPlace,
  shadowOutput: recordPlace,
});
const shadowMark: fc.Arbitrary<ControlValues['shadow-mark']> = fc.record({
  endpoint: name,
  rollout: text,
  version,
  partition: count,
  kind: fc.constantFrom(...MARKS),
  from: offset,
  to: offset,
  sinceMs: offset,
  terms: fc.option(fc.record({ digest: text, sampleBp: weightBp, tolerances })),
  atMs: offset,
});

export const controlArbitraries: { readonly [Kind in ControlKind]: fc.Arbitrary<ControlValues[Kind]> } = {
  endpoint,
  rollout,
  command,
  plan,
  cut: fc.record({ partition: count, offset, plan, atMs: offset }),
  worker,
  event,
  'shadow-mark': shadowMark,
  label: fc.record({ values }),
  'keyed-label': fc.record({
    offset: fc.integer({ min: -1, max: 2 ** 40 }),
    requestId: text,
    values,
    requestsEnd: offset,
  }),
  totals,
  'metric-window': fc.oneof(fc.record(metricWindow), fc.record({ ...metricWindow, counts })),
  comparison,
};
