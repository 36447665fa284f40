// Scorer: E.lane.<colour> → E.predictions (answers), E.dead-letters, rescues; millrace.workers (what it can do).
// Flow: follow plans; per endpoint one `EndpointScorer`.

import type { Running } from '../../shared/control/endpoints.ts';
import { servePlans } from '../../shared/control/serve-plans.ts';
import { EndpointScorer, type ScorerDeps } from './endpoint.ts';

/** Starts scoring. Resolves once the plans stand where their topic stood. @throws TOPIC_UNKNOWN */
export function startScorer(deps: ScorerDeps): Promise<Running> {
  return servePlans({
    ...deps,
    service: 'scorer',
    serve: async (plan, plans) => {
      const scorer = new EndpointScorer(deps, plan, plans);
      await scorer.start();
      return scorer;
    },
  });
}
