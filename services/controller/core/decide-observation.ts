// DecideObservation: what the data plane shows: candidates that became ready or failed, lanes that ran empty.
// Invariant: the readiness gate: no share before every live owner of all the lane's partitions is READY for the digest.

import { assert, ERRORS } from '../../../shared/domain/errors.ts';
import type { Outcome } from '../../../shared/domain/event.ts';
import { readyEvidence, WORKER_EXPIRY_MS, type WorkerReport } from '../../../shared/domain/worker.ts';
import { chooseStrategy, parseRollout } from '../../../shared/strategies/registry.ts';
import type { Circumstances, Input } from './input.ts';
import type { Journal, Problem } from './journal.ts';
import { type DefinedEndpoint, definedEndpoint } from './state.ts';

/** Receipts of all live owners of the candidate's lane, or null while one of them is not READY. */
export function evidenceFor(known: DefinedEndpoint, now: Circumstances): readonly string[] | null {
  const { rollout, settings } = known;
  if (rollout.phase === 'none') return null;
  const want = { lane: rollout.lane, partitions: settings.partitions, ...rollout.candidate };
  return readyEvidence(now.workers, want, now.nowMs)?.slice(0, EVIDENCE_MAX) ?? null;
}

/** Receipts that one event names at most. */
const EVIDENCE_MAX = 1024;

/** A loading candidate became ready, or one that never served failed. A serving one stays: the scorer rescues. */
export function decideWorkers(journal: Journal, endpoint: string, now: Circumstances): Journal {
  const known = definedEndpoint(journal.state, endpoint);
  if (known === null) return journal;
  const { rollout } = known;
  if (rollout.phase !== 'loading' && rollout.phase !== 'ready') return journal;
  const evidence = evidenceFor(known, now);
  if (evidence !== null) {
    return rollout.phase === 'loading' ? becomeReady(journal, known, evidence) : journal;
  }
  const failure = now.workers.find((report) => isFailure(known, report, now.nowMs));
  if (failure === undefined) return journal;
  const { candidate, lane } = rollout;
  const { code, message } = failureOf(failure);
  journal.write({ type: 'candidate-failed', candidate, lane, code, message: `${failure.worker}: ${message}` });
  complete(journal, known, 'failed');
  return journal.publish();
}

/** The lane that stopped getting records is empty: release it, or keep its version warm. */
export function decideLaneDrained(journal: Journal, input: Extract<Input, { type: 'lane-drained' }>): Journal {
  const known = definedEndpoint(journal.state, input.endpoint);
  const rollout = known?.rollout;
  if (known === null || rollout === undefined) return journal;
  if (rollout.phase !== 'promoted-draining' && rollout.phase !== 'aborted-draining') return journal;
  const { draining: lane, stopRevision } = rollout;
  if (input.lane !== lane || stopRevision === null || input.revision < stopRevision) return journal;
  journal.write({ type: 'lane-drained', lane, message: `lane ${lane} is empty since plan ${stopRevision}` });
  complete(journal, known, rollout.phase === 'promoted-draining' ? 'promoted' : 'aborted');
  return journal.publish();
}

/** Makes the candidate the incumbent. The caller publishes. */
export function promote(journal: Journal, known: DefinedEndpoint, evidence: readonly string[]): Journal {
  const { rollout } = known;
  assert(rollout.phase !== 'none', 'promotion of no rollout');
  const { candidate, lane } = rollout;
  const { keepsIncumbent } = chooseStrategy(parseRollout(JSON.parse(rollout.spec)));
  const message = `version ${candidate.version} is the incumbent`;
  journal.write({ type: 'promoted', candidate, lane, keepsIncumbent, evidence, message });
  return known.incumbent === null ? complete(journal, known, 'promoted') : journal;
}

function becomeReady(journal: Journal, known: DefinedEndpoint, evidence: readonly string[]): Journal {
  const { rollout } = known;
  assert(rollout.phase === 'loading', `ready while ${rollout.phase}`);
  const { candidate, lane } = rollout;
  const strategy = chooseStrategy(parseRollout(JSON.parse(rollout.spec)));
  const weightBp = strategy.promotesWhenReady ? 0 : strategy.candidateShareBp(null);
  const message = `version ${candidate.version} is READY on every owner of lane ${lane}`;
  journal.write({ type: 'candidate-ready', candidate, lane, weightBp, evidence, message });
  if (strategy.promotesWhenReady) promote(journal, known, evidence);
  return journal.publish(evidence);
}

function complete(journal: Journal, known: DefinedEndpoint, outcome: Outcome): Journal {
  const { rollout } = known;
  assert(rollout.phase !== 'none', 'completion of no rollout');
  return journal.write({ type: 'rollout-completed', candidate: rollout.candidate, outcome, message: outcome });
}

/** A live owner of the lane says, after the rollout began, that it cannot load the candidate. */
function isFailure(known: DefinedEndpoint, report: WorkerReport, nowMs: number): boolean {
  const { rollout } = known;
  if (rollout.phase === 'none' || report.state !== 'FAILED') return false;
  const { candidate, lane, acceptedAtMs } = rollout;
  const meant = report.version === candidate.version && (report.digest === candidate.digest || report.digest === '');
  const live = nowMs - report.atMs <= WORKER_EXPIRY_MS && report.atMs >= acceptedAtMs;
  return meant && live && report.owned[lane].length > 0;
}

/** Code and words of `problem`, which begins with the code when the worker knew one. */
function failureOf(report: WorkerReport): Problem {
  const message = report.problem === '' ? 'the candidate does not load' : report.problem;
  const code = /^[A-Z][A-Z_]+/.exec(message)?.[0] ?? '';
  return { code: Object.hasOwn(ERRORS, code) ? code : 'MODEL_LOAD_FAILED', message };
}
