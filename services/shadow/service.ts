// Shadow: E.requests → E.shadow, for every shadow of every plan; millrace.workers (what it can do).
// Flow: follow plans; per endpoint one `EndpointShadows`. The log is the mirror: the live road knows nothing of it.

import { decodeControl } from '../../shared/codec/control.ts';
import { type Running, serveEndpoints } from '../../shared/control/endpoints.ts';
import { openTable } from '../../shared/control/table.ts';
import { EndpointShadows, type ShadowDeps } from './endpoint.ts';

/** Starts scoring copies. Resolves once the plans stand where their topic stood. @throws TOPIC_UNKNOWN */
export async function startShadow(deps: ShadowDeps): Promise<Running> {
  const { bus, topics, clock, log } = deps;
  const plans = openTable({
    bus,
    clock,
    topic: topics.control('plans'),
    decode: (record) => decodeControl('plan', record),
    onProblem: (error) => log('control-unreadable', { service: 'shadow', error }),
  });
  await plans.ready;
  const endpoints = serveEndpoints({
    plans,
    clock,
    serve: async (plan) => {
      const shadows = new EndpointShadows(deps, plan, plans);
      await shadows.start();
      return shadows;
    },
    onProblem: (endpoint, error) => log('endpoint-failed', { service: 'shadow', endpoint, error }),
  });
  return {
    stop: async () => {
      await endpoints.stop();
      await plans.stop();
    },
  };
}
