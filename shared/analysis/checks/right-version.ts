// RightVersion: the answering version is the one that (cuts, partition, offset, key) names, or a rescue that is on record.
// Promise 2. Identity is version and digest. A rescue is on record when the incumbent's lane holds it, named after the
// version that could not answer; there is at most one.

import type { Answer, Trail } from '../trail.ts';
import { type Violation, violation } from '../violation.ts';

export function checkRightVersion(trail: Trail): Violation[] {
  const { source, request } = trail;
  if (request === null) return [];
  const rescues = trail.hops.filter((hop) => hop.rescuedFrom !== null);
  const twice = rescues.length > 1 ? [violation('wrong-version', source, `rescued ${rescues.length} times`)] : [];
  const scored = trail.answers.filter((answer) => answer.error === null);
  return [...twice, ...scored.flatMap((answer) => problemOf(trail, answer))];
}

function problemOf(trail: Trail, answer: Answer): Violation[] {
  const { source, request } = trail;
  const decision = request?.decision ?? null;
  const wrong = (detail: string) => [violation('wrong-version', source, detail)];
  if (decision === null) return wrong(`v${answer.version} answered where no plan routes`);
  const { model } = decision;
  const { rescuedFrom } = answer;
  if (rescuedFrom === null) {
    const right = answer.version === model.version && answer.digest === model.digest;
    return right ? [] : wrong(`v${answer.version} answered, the cuts name v${model.version}`);
  }
  if (rescuedFrom.version !== model.version) {
    return wrong(`rescued from v${rescuedFrom.version}, the cuts name v${model.version}`);
  }
  const onRecord = trail.hops.some(
    (hop) =>
      hop.rescuedFrom?.version === model.version && hop.version === answer.version && hop.digest === answer.digest,
  );
  return onRecord ? [] : wrong(`v${answer.version} answered a rescue that is not on record`);
}
