// Shadow: E.requests → E.shadow, for every shadow of every plan; millrace.workers (what it can do).
// Flow: follow plans; per endpoint one `EndpointShadows`. The log is the mirror: the live road knows nothing of it.

import type { Running } from '../../shared/control/endpoints.ts';
import { servePlans } from '../../shared/control/serve-plans.ts';
import { EndpointShadows, type ShadowDeps } from './endpoint.ts';

/** Starts scoring copies. Resolves once the plans stand where their topic stood. @throws TOPIC_UNKNOWN */
export function startShadow(deps: ShadowDeps): Promise<Running> {
  return servePlans({
    ...deps,
    service: 'shadow',
    serve: async (plan, plans) => {
      const shadows = new EndpointShadows(deps, plan, plans);
      await shadows.start();
      return shadows;
    },
  });
}
