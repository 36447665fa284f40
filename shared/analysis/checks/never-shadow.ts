// NeverShadow: a version that a plan only shadows answers nobody.
// Promise 4.

import type { Trail } from '../trail.ts';
import { type Violation, violation } from '../violation.ts';

export function checkNeverShadow({ source, request, answers }: Trail): Violation[] {
  const plan = request?.decision?.plan;
  if (plan === undefined) return [];
  const serving = [plan.lanes.blue, plan.lanes.green];
  const shadows = plan.shadows.filter(({ digest }) => !serving.some((model) => model?.digest === digest));
  return answers
    .filter(({ error, digest }) => error === null && shadows.some((shadow) => shadow.digest === digest))
    .map(({ version, offset }) => violation('shadow', source, `shadow v${version} answered at ${offset}`));
}
