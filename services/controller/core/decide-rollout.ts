// DecideRollout: whether a rollout may begin, and its first plan: candidate bound to the free lane, share 0.
// Invariant: a refused rollout changes nothing; the last good one stays in force.

import type { ModelRef } from '../../../shared/domain/route-plan.ts';
import { signatureMismatch } from '../../../shared/domain/tensor.ts';
import { parseRollout, type Rollout } from '../../../shared/strategies/registry.ts';
import type { Input, PackageFacts } from './input.ts';
import { type Journal, type Problem, problem } from './journal.ts';
import { planShadows } from './plan-shadows.ts';
import { type DefinedEndpoint, definedEndpoint, freeLane } from './state.ts';

/** The first rollout of an endpoint has no incumbent to fall back on, so nothing but this makes sense. */
const FIRST_STRATEGY = 'basic';

export function decideRollout(journal: Journal, input: Extract<Input, { type: 'rollout' }>, nowMs: number): Journal {
  const { endpoint, rollout } = input;
  if (rollout === null) {
    return journal.write({ type: 'noted', message: 'a tombstone ends no rollout: use abort' });
  }
  const known = definedEndpoint(journal.state, endpoint);
  if (known === null) return journal.refuse('rollout-refused', problem('ENDPOINT_UNKNOWN', { endpoint }));
  if (isUnderWay(known, rollout)) {
    return journal.write({ type: 'noted', message: 'this rollout is under way already' });
  }
  const refusal = busyProblem(known) ?? fitProblem(known, rollout) ?? packageProblem(known, rollout, input.facts);
  if (refusal !== null) return journal.refuse('rollout-refused', refusal);
  return input.facts.kind === 'found' ? accept(journal, known, { rollout, nowMs, ...input.facts }) : journal;
}

function accept(
  journal: Journal,
  known: DefinedEndpoint,
  accepted: Extract<PackageFacts, { kind: 'found' }> & { readonly rollout: Rollout; readonly nowMs: number },
): Journal {
  const { rollout, digest, signature, shadows } = accepted;
  const candidate: ModelRef = { version: rollout.candidate, digest };
  const lane = freeLane(known);
  journal.write({
    type: 'rollout-accepted',
    rollout: `${rollout.endpoint}-${known.rollouts + 1}`,
    spec: JSON.stringify(rollout),
    candidate,
    lane,
    signature,
    shadows: planShadows(known, { rollout, digest, shadows, nowMs: accepted.nowMs }),
    message: `${rollout.strategy}: version ${candidate.version} loads in lane ${lane}`,
  });
  return journal.publish();
}

export function busyProblem(known: DefinedEndpoint): Problem | null {
  const { rollout } = known;
  const { endpoint } = known.settings;
  switch (rollout.phase) {
    case 'loading':
    case 'ready':
    case 'serving':
      return problem('ROLLOUT_IN_PROGRESS', { endpoint, rollout: rollout.id, phase: rollout.phase });
    case 'promoted-draining':
    case 'aborted-draining':
      return problem('LANE_DRAINING', { endpoint, lane: rollout.draining });
    case 'none':
    case 'promoted':
    case 'aborted':
    case 'failed':
      return null;
  }
}

function fitProblem(known: DefinedEndpoint, rollout: Rollout): Problem | null {
  const { endpoint, strategy, candidate } = rollout;
  if (known.incumbent === null) {
    return strategy === FIRST_STRATEGY ? null : problem('ROLLOUT_FIRST_BASIC', { endpoint, strategy });
  }
  const serving = known.lanes[known.incumbent]?.version;
  return serving === candidate ? problem('ROLLOUT_NOOP', { endpoint, version: candidate }) : null;
}

function packageProblem(known: DefinedEndpoint, rollout: Rollout, facts: PackageFacts): Problem | null {
  if (facts.kind === 'problem') return facts.problem;
  const { endpoint, candidate } = rollout;
  const expected = known.signature ?? facts.signature;
  const versions = [candidate, ...(rollout.shadows ?? []).map((shadow) => shadow.candidate)];
  const signatures = [facts.signature, ...facts.shadows.map(({ signature }) => signature)];
  for (const [place, version] of versions.entries()) {
    const signature = signatures[place];
    const detail = signature === undefined ? null : signatureMismatch(expected, signature);
    if (detail !== null) return problem('SIGNATURE_MISMATCH', { endpoint, version, detail });
  }
  return null;
}

/** The same again, whoever asks and why, while it is still on its way in. */
function isUnderWay(known: DefinedEndpoint, rollout: Rollout): boolean {
  const { phase } = known.rollout;
  if (phase === 'none' || phase === 'promoted' || phase === 'aborted' || phase === 'failed') return false;
  if (phase === 'aborted-draining') return false;
  return intent(parseRollout(JSON.parse(known.rollout.spec))) === intent(rollout);
}

/** A rollout without who and why, its keys in the order of the schema. */
function intent(rollout: Rollout): string {
  return JSON.stringify(parseRollout({ ...rollout, actor: 'unknown', reason: '' }));
}
