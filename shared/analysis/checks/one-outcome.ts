// OneOutcome: every request ends exactly once: a model's answer, or an error answer plus a dead letter with its bytes.
// Promise 1. Flow: Trail → [lost, duplicated].

import type { Trail } from '../trail.ts';
import { type Violation, violation } from '../violation.ts';

/** @param atLeastOnce the endpoint's delivery lets an outcome repeat */
export function checkOneOutcome(trail: Trail, atLeastOnce: boolean): Violation[] {
  return [...lost(trail), ...(atLeastOnce ? [] : duplicated(trail))];
}

function lost({ source, request, answers, letters }: Trail): Violation[] {
  const error = answers.find((answer) => answer.error !== null);
  const [letter] = letters;
  const found: Violation[] = [];
  if (answers.length === 0 && letter === undefined) found.push(violation('lost', source, 'no outcome'));
  if (error !== undefined && letter === undefined) {
    found.push(violation('lost', source, `error answer ${error.error} without a dead letter`));
  }
  if (letter !== undefined && error === undefined) {
    found.push(violation('lost', source, `dead letter ${letter.code} without an error answer`));
  }
  // The router sets aside what no topic but E.requests could take: those bytes stay there.
  const keepsBytes = letter === undefined || letter.stage === 'router' || request === null;
  if (!keepsBytes && letter.valueHash !== request.valueHash) {
    found.push(violation('lost', source, `dead letter at ${letter.offset} has other bytes than the request`));
  }
  return found;
}

function duplicated({ source, request, answers, letters }: Trail): Violation[] {
  if (request === null) return [violation('duplicated', source, 'an outcome of no request')];
  const found: Violation[] = [];
  if (answers.length > 1) {
    const places = answers.map(({ offset, version, error }) => `${offset} (${error ?? `v${version}`})`);
    found.push(violation('duplicated', source, `${answers.length} answers: at ${places.join(', ')}`));
  }
  if (letters.length > 1) found.push(violation('duplicated', source, `${letters.length} dead letters`));
  return found;
}
