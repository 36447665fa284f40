// PlanShadows: what a rollout says of its shadows, as plans say it: versions by digest, times as numbers.
// Flow: accepted rollout, its packages, the incumbent → [planShadows] → rollout-accepted → every plan of the rollout.
// Invariant: one shadow per version, the noise baseline among them; the sample of the baseline is the largest asked for.

import type { ModelRef } from '../../../shared/domain/route-plan.ts';
import type { PlanShadow, ShadowOptions } from '../../../shared/domain/shadow.ts';
import { chooseStrategy, type Rollout } from '../../../shared/strategies/registry.ts';
import type { PackageFacts } from './input.ts';
import type { DefinedEndpoint } from './state.ts';

interface Wanted {
  readonly model: ModelRef;
  readonly options: ShadowOptions;
}

export function planShadows(
  known: DefinedEndpoint,
  accepted: Pick<Extract<PackageFacts, { kind: 'found' }>, 'digest' | 'shadows'> & {
    readonly rollout: Rollout;
    readonly nowMs: number;
  },
): readonly PlanShadow[] {
  const { nowMs } = accepted;
  const wanted = wantedBy(accepted);
  const entries = wanted.map(({ model, options }) => planShadow(model, options, nowMs));
  const baseline = baselineOf(known, wanted, nowMs);
  const all = baseline === null ? entries : [...entries, baseline];
  return all.filter((one, place) => all.findIndex(({ version }) => version === one.version) === place);
}

function wantedBy({ rollout, digest, shadows }: Parameters<typeof planShadows>[1]): Wanted[] {
  const own = chooseStrategy(rollout).shadow;
  const extra = (rollout.shadows ?? []).flatMap(({ candidate: version, ...options }, place) => {
    const facts = shadows[place];
    return facts === undefined ? [] : [{ model: { version, digest: facts.digest }, options }];
  });
  return own === null ? extra : [{ model: { version: rollout.candidate, digest }, options: own }, ...extra];
}

/** The incumbent again, on the part of the requests that the user gave for its noise; null when nobody asked. */
function baselineOf(known: DefinedEndpoint, wanted: readonly Wanted[], nowMs: number): PlanShadow | null {
  const most = wanted.reduce<ShadowOptions | null>(
    (best, { options }) => (options.baselineBp > (best?.baselineBp ?? 0) ? options : best),
    null,
  );
  const incumbent = known.incumbent === null ? null : known.lanes[known.incumbent];
  if (most === null || incumbent === null) return null;
  return planShadow(incumbent, { ...most, sampleBp: most.baselineBp }, nowMs);
}

function planShadow({ version, digest }: ModelRef, options: ShadowOptions, nowMs: number): PlanShadow {
  const { sampleBp, gate, maxLag, tolerances, from } = options;
  const since = from.kind === 'rollout' ? { kind: 'timestamp' as const, at: nowMs } : { kind: from.kind, at: from.at };
  return { version, digest, sampleBp, gate, maxLag, tolerances, from: since };
}
