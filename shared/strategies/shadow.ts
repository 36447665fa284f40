// Shadow: the candidate scores copies of the requests and answers none; its outputs are compared with the answers.
// It is loaded in its lane as well, without traffic, so that `promote` can switch at once, as in blue/green.

import { type ShadowOptions, shadowOptionsSchema } from '../domain/shadow.ts';
import type { Strategy } from './strategy.ts';

export const shadow: Strategy<ShadowOptions> = {
  name: 'shadow',
  summary: 'The candidate scores copies and answers nothing; promote switches all traffic to it, abort ends it.',
  optionsKey: 'shadow',
  options: shadowOptionsSchema,
  candidateShareBp: () => 0,
  promotesWhenReady: () => false,
  allowsSetWeight: false,
  shadow: (options) => options,
  keepsIncumbent: true,
};
