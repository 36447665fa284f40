// Basic: the candidate takes all of the traffic as soon as it is ready; the old version is released once its lane is drained.
// Everyone is affected at once and there is no way to switch back but another rollout. An endpoint's first rollout is basic.

import { z } from 'zod';
import { WEIGHT_BP_ALL } from '../domain/route-plan.ts';
import type { Strategy } from './strategy.ts';

const options = z.strictObject({});

export const basic: Strategy<z.infer<typeof options>> = {
  name: 'basic',
  summary: 'All traffic moves when the candidate is ready; the old version is released and there is no switching back.',
  optionsKey: null,
  options,
  candidateShareBp: () => WEIGHT_BP_ALL,
  promotesWhenReady: () => true,
  allowsSetWeight: false,
  keepsIncumbent: false,
};
