// DecideCommand: promote, abort, set-weight.
// Invariant: traffic moves to a version only when every live owner of its lane is READY now; traffic moves away at once.

import { assert } from '../../../shared/domain/errors.ts';
import type { Command, Verb } from '../../../shared/domain/rollout.ts';
import { otherLane } from '../../../shared/domain/route-plan.ts';
import { chooseStrategy, parseRollout } from '../../../shared/strategies/registry.ts';
import { evidenceFor, promote } from './decide-observation.ts';
import type { Circumstances } from './input.ts';
import { type Journal, problem } from './journal.ts';
import { type DefinedEndpoint, definedEndpoint } from './state.ts';

export function decideCommand(journal: Journal, command: Command, now: Circumstances): Journal {
  const { endpoint } = command;
  const known = definedEndpoint(journal.state, endpoint);
  if (known === null) return journal.refuse('command-refused', problem('ENDPOINT_UNKNOWN', { endpoint }));
  if (known.keysSeen.includes(command.idempotencyKey)) return note(journal, 'this command was answered before');
  switch (command.verb) {
    case 'promote':
      return decidePromote(journal, known, now);
    case 'abort':
      return decideAbort(journal, known);
    case 'set-weight':
      return decideWeight(journal, known, { weightBp: command.weightBp, now });
  }
}

function decidePromote(journal: Journal, known: DefinedEndpoint, now: Circumstances): Journal {
  const { rollout } = known;
  switch (rollout.phase) {
    case 'ready':
    case 'serving': {
      const evidence = evidenceFor(known, now);
      if (evidence === null) return notAllowed(journal, 'promote', NOT_READY);
      promote(journal, known, evidence);
      return journal.publish(evidence);
    }
    case 'promoted-draining':
      return note(journal, 'it is promoted already');
    case 'loading':
      return notAllowed(journal, 'promote', 'the candidate is still loading');
    case 'aborted-draining':
      return notAllowed(journal, 'promote', 'the rollout is aborted');
    case 'none':
    case 'promoted':
    case 'aborted':
    case 'failed':
      return none(journal, known, 'promote');
  }
}

function decideAbort(journal: Journal, known: DefinedEndpoint): Journal {
  const { rollout } = known;
  switch (rollout.phase) {
    case 'loading':
    case 'ready':
    case 'serving':
      return abort(journal, known);
    case 'promoted-draining':
    case 'promoted':
      if (known.lanes[otherLane(rollout.lane)] !== null && rollout.keepsIncumbent) return abort(journal, known);
      return notAllowed(journal, 'abort', 'the old version is released; roll it out again');
    case 'aborted-draining':
      return note(journal, 'it is aborted already');
    case 'none':
    case 'aborted':
    case 'failed':
      return none(journal, known, 'abort');
  }
}

/** Waits for nothing: the plan that takes the traffic away is in the same transaction as the command's offset. */
function abort(journal: Journal, known: DefinedEndpoint): Journal {
  const { rollout } = known;
  assert(rollout.phase !== 'none', 'abort of no rollout');
  const { candidate, lane } = rollout;
  journal.write({ type: 'aborted', candidate, lane, message: `version ${candidate.version} gets no more traffic` });
  const after = definedEndpoint(journal.state, known.settings.endpoint);
  if (after?.rollout.phase === 'aborted') {
    journal.write({ type: 'rollout-completed', candidate, outcome: 'aborted', message: 'it never served' });
  }
  return journal.publish();
}

function decideWeight(
  journal: Journal,
  known: DefinedEndpoint,
  wanted: { readonly weightBp: number; readonly now: Circumstances },
): Journal {
  const { rollout } = known;
  if (rollout.phase !== 'loading' && rollout.phase !== 'ready' && rollout.phase !== 'serving') {
    return none(journal, known, 'set-weight');
  }
  const strategy = chooseStrategy(parseRollout(JSON.parse(rollout.spec)));
  if (!strategy.allowsSetWeight) return notAllowed(journal, 'set-weight', `${strategy.name} has no weight`);
  if (rollout.phase === 'loading') return notAllowed(journal, 'set-weight', 'the candidate is still loading');
  const current = rollout.phase === 'serving' ? rollout.weightBp : 0;
  const weightBp = strategy.candidateShareBp(wanted.weightBp);
  if (weightBp === current) return note(journal, `the weight is ${current} bp already`);
  const evidence = weightBp > current ? evidenceFor(known, wanted.now) : [];
  if (evidence === null) return notAllowed(journal, 'set-weight', NOT_READY);
  const { candidate, lane } = rollout;
  const message = `weight ${current} → ${weightBp} bp`;
  journal.write({ type: 'weight-set', candidate, lane, weightBp, evidence, message });
  return journal.publish(evidence);
}

const NOT_READY = 'not every live owner of the candidate’s lane is READY just now';

function notAllowed(journal: Journal, verb: Verb, detail: string): Journal {
  return journal.refuse('command-refused', problem('VERB_NOT_ALLOWED', { verb, detail }));
}

function none(journal: Journal, known: DefinedEndpoint, verb: Verb): Journal {
  return journal.refuse('command-refused', problem('ROLLOUT_NONE', { endpoint: known.settings.endpoint, verb }));
}

function note(journal: Journal, message: string): Journal {
  return journal.write({ type: 'noted', message });
}
