// NeverShadow: a version that a plan only shadows answers nobody, and no record that a shadow wrote is an answer.
// Promise 4.

import type { Trail } from '../trail.ts';
import { type Violation, violation } from '../violation.ts';

export function checkNeverShadow({ source, request, answers }: Trail): Violation[] {
  const marked = answers
    .filter(({ shadow }) => shadow !== null)
    .map(({ version, offset }) => violation('shadow', source, `an output of shadow v${version} lies at ${offset}`));
  const plan = request?.decision?.plan;
  if (marked.length > 0 || plan === undefined) return marked;
  const serving = [plan.lanes.blue, plan.lanes.green];
  const shadows = plan.shadows.filter(({ digest }) => !serving.some((model) => model?.digest === digest));
  return answers
    .filter(({ error, digest }) => error === null && shadows.some((shadow) => shadow.digest === digest))
    .map(({ version, offset }) => violation('shadow', source, `shadow v${version} answered at ${offset}`));
}
