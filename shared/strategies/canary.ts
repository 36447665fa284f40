// Canary: the candidate answers a part of the traffic; commands move the weight, promote gives all, abort gives none.
// After promotion the old version stays bound and warm, as in blue/green.

import { z } from 'zod';
import { weightBpSchema } from '../domain/rollout.ts';
import type { Strategy } from './strategy.ts';

/** Share of a candidate whose rollout names none: 10 %. */
const WEIGHT_BP_DEFAULT = 1_000;

const options = z
  .strictObject({
    /** Share when the candidate becomes ready, basis points 0..10000. */
    weightBp: weightBpSchema.default(WEIGHT_BP_DEFAULT),
  })
  .prefault({});

export const canary: Strategy<z.infer<typeof options>> = {
  name: 'canary',
  summary: 'The candidate answers a share of the traffic that set weight moves; promote gives it all, abort none.',
  optionsKey: 'canary',
  options,
  candidateShareBp: (view) => view.weightBp ?? view.options.weightBp,
  promotesWhenReady: () => false,
  allowsSetWeight: true,
  keepsIncumbent: true,
};
