// The shadow as a process of its own. Wiring only.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { kafkaOptions } from '../../shared/config/common.ts';
import { loadConfig, shownConfig } from '../../shared/config/load.ts';
import { logModelNotices, logNotices } from '../../shared/control/notices.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { goBehind } from '../../shared/process/priority.ts';
import { orExit, runProcess, startOn } from '../../shared/process/run.ts';
import { modelLauncher, NICE_SHADOW } from '../../shared/runtimes/spawn.ts';
import { createLog } from '../../shared/telemetry/logger.ts';
import { shadowConfig } from './config.ts';
import { startShadow } from './service.ts';

// This process goes behind the live ones as its models do; they share the machine's cores.
await goBehind(NICE_SHADOW, clock);
const config = orExit(() => loadConfig(shadowConfig, process.env));
const log = createLog({ level: config.logLevel, format: config.logFormat, clock });

await runProcess({
  service: 'shadow',
  clock,
  log,
  settings: shownConfig(shadowConfig, config),
  readyFile: config.readyFile,
  start: (life) => {
    const bus = kafkaBus({ ...kafkaOptions(config), clock, onNotice: logNotices(log) });
    const { repository } = config;
    const launcher = modelLauncher({
      repository,
      clock,
      nice: NICE_SHADOW,
      environment: process.env,
      onNotice: logModelNotices(log),
    });
    const worker = `${hostname()}-${randomUUID().slice(0, 8)}-shadow`;
    return startOn(bus, life, () =>
      startShadow({ bus, topics: topicsOf(config.prefix), clock, log, launcher, worker }),
    );
  },
});
