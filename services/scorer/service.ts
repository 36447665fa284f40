// Scorer: E.lane.<colour> → E.predictions (answers), E.dead-letters, rescues; millrace.workers (what it can do).
// Flow: follow plans; per endpoint one `EndpointScorer`.

import { decodeControl } from '../../shared/codec/control.ts';
import { type Running, serveEndpoints } from '../../shared/control/endpoints.ts';
import { openTable } from '../../shared/control/table.ts';
import { EndpointScorer, type ScorerDeps } from './endpoint.ts';

/** Starts scoring. Resolves once the plans stand where their topic stood. @throws TOPIC_UNKNOWN */
export async function startScorer(deps: ScorerDeps): Promise<Running> {
  const { bus, topics, clock, log } = deps;
  const plans = openTable({
    bus,
    clock,
    topic: topics.control('plans'),
    decode: (record) => decodeControl('plan', record),
    onProblem: (error) => log('control-unreadable', { service: 'scorer', error }),
  });
  await plans.ready;
  const endpoints = serveEndpoints({
    plans,
    clock,
    serve: async (plan) => {
      const scorer = new EndpointScorer(deps, plan, plans);
      await scorer.start();
      return scorer;
    },
    onProblem: (endpoint, error) => log('endpoint-failed', { service: 'scorer', endpoint, error }),
  });
  return {
    stop: async () => {
      await endpoints.stop();
      await plans.stop();
    },
  };
}
