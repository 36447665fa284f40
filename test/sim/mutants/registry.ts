// Registry of the planted bugs. A new one is an entry in one of these files.

import { BUS_MUTANTS } from './bus.ts';
import { COMPARATOR_MUTANTS } from './comparator.ts';
import { CONTROLLER_MUTANTS } from './controller.ts';
import type { Mutant } from './mutant.ts';
import { ROUTER_MUTANTS } from './router.ts';
import { SCORER_MUTANTS } from './scorer.ts';
import { SHADOW_MUTANTS } from './shadow.ts';

export const MUTANTS: readonly Mutant[] = [
  ...BUS_MUTANTS,
  ...ROUTER_MUTANTS,
  ...SCORER_MUTANTS,
  ...CONTROLLER_MUTANTS,
  ...SHADOW_MUTANTS,
  ...COMPARATOR_MUTANTS,
];
