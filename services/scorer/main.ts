// The scorer as a process of its own. Wiring only.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { kafkaOptions } from '../../shared/config/common.ts';
import { loadConfig, shownConfig } from '../../shared/config/load.ts';
import { logModelNotices, logNotices } from '../../shared/control/notices.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { orExit, runProcess, startOn } from '../../shared/process/run.ts';
import { modelLauncher, NICE_LIVE } from '../../shared/runtimes/spawn.ts';
import { createLog } from '../../shared/telemetry/logger.ts';
import { scorerConfig } from './config.ts';
import { startScorer } from './service.ts';

const config = orExit(() => loadConfig(scorerConfig, process.env));
const log = createLog({ level: config.logLevel, format: config.logFormat, clock });

await runProcess({
  service: 'scorer',
  clock,
  log,
  settings: shownConfig(scorerConfig, config),
  readyFile: config.readyFile,
  start: (life) => {
    const bus = kafkaBus({ ...kafkaOptions(config), clock, onNotice: logNotices(log) });
    const { repository } = config;
    const launcher = modelLauncher({
      repository,
      clock,
      nice: NICE_LIVE,
      environment: process.env,
      onNotice: logModelNotices(log),
    });
    const worker = `${hostname()}-${randomUUID().slice(0, 8)}`;
    return startOn(bus, life, () =>
      startScorer({ bus, topics: topicsOf(config.prefix), clock, log, launcher, worker }),
    );
  },
});
