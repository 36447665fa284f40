// Road: the whole way of a request: router → lane → scorer with a real model process → predictions, in one process.
// The controller brings the first version up before `go`; the router starts at `go`.

import { operatorOf } from '../../../demo/run/control.ts';
import { startController } from '../../../services/controller/service.ts';
import { startRouter } from '../../../services/router/service.ts';
import { startScorer } from '../../../services/scorer/service.ts';
import { kafkaBus } from '../../../shared/bus/kafka/kafka-bus.ts';
import type { Running } from '../../../shared/control/endpoints.ts';
import { topicsOf } from '../../../shared/domain/topics.ts';
import { modelRepository } from '../../../shared/models/repository.ts';
import { systemClock } from '../../../shared/process/clock.ts';
import { modelLauncher, NICE_LIVE } from '../../../shared/runtimes/spawn.ts';
import { silentLog } from '../../../shared/telemetry/logger.ts';
import { serveVariant, type VariantOptions } from './protocol.ts';

interface RoadOptions extends VariantOptions {
  readonly prefix: string;
  readonly endpoint: string;
  readonly repository: string;
}

await serveVariant(async (variantOptions) => {
  const options = variantOptions as RoadOptions;
  const bus = kafkaBus({ brokers: options.brokers, clientId: 'bench-road', clock: systemClock, onNotice: () => {} });
  const topics = topicsOf(options.prefix);
  const repository = modelRepository(options.repository);
  const launcher = modelLauncher({
    repository: options.repository,
    clock: systemClock,
    nice: NICE_LIVE,
    environment: process.env,
    onNotice: () => {},
  });
  const deps = {
    bus,
    topics,
    clock: systemClock,
    log: silentLog,
    launcher,
    repository,
    worker: `bench-${process.pid}`,
  };
  const running: Running[] = [await startController(deps), await startScorer(deps)];
  const operator = operatorOf({ bus, topics, clock: systemClock, endpoint: options.endpoint });
  const { endpoint, partitions, delivery } = options;
  await operator.defineEndpoint({ endpoint, partitions, delivery, road: 'lanes', ordering: 'per-key' });
  await operator.next('the endpoint is defined', (event) => event.type === 'endpoint-defined');
  await operator.apply({ candidate: 1, strategy: 'basic' });
  await operator.next(
    'the first version serves',
    (event) => event.type === 'plan-published' && event.plan.shares.length > 0,
  );
  await operator.stop();
  let router: Running | null = null;
  const pause = async () => {
    await router?.stop();
    router = null;
  };
  return {
    go: async () => {
      router = await startRouter(deps);
    },
    pause,
    stop: async () => {
      await pause();
      for (const service of running) await service.stop();
      await bus.close();
    },
  };
});
