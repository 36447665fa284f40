// Blue/green: the candidate is loaded and warmed beside the incumbent without traffic; then all of it switches at once.
// The old version stays bound and warm, so that `abort` switches back at once, until the next rollout takes its lane.

import { z } from 'zod';
import type { Strategy } from './strategy.ts';

const options = z
  .strictObject({
    /** `manual`: wait for `promote`. `auto`: switch as soon as the candidate is ready. */
    promotion: z.enum(['manual', 'auto']).default('manual'),
  })
  .prefault({});

export const blueGreen: Strategy<z.infer<typeof options>> = {
  name: 'blue-green',
  summary: 'The candidate loads beside the incumbent; all traffic switches at once and abort switches it back.',
  optionsKey: 'blueGreen',
  options,
  candidateShareBp: () => 0,
  promotesWhenReady: ({ promotion }) => promotion === 'auto',
  allowsSetWeight: false,
  keepsIncumbent: true,
};
