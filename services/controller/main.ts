// The controller as a process of its own. Wiring only.

import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { kafkaOptions } from '../../shared/config/common.ts';
import { loadConfig, shownConfig } from '../../shared/config/load.ts';
import { logNotices } from '../../shared/control/notices.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { modelRepository } from '../../shared/models/repository.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { orExit, runProcess, startOn } from '../../shared/process/run.ts';
import { createLog } from '../../shared/telemetry/logger.ts';
import { controllerConfig } from './config.ts';
import { startController } from './service.ts';

const config = orExit(() => loadConfig(controllerConfig, process.env));
const log = createLog({ level: config.logLevel, format: config.logFormat, clock });

await runProcess({
  service: 'controller',
  clock,
  log,
  settings: shownConfig(controllerConfig, config),
  readyFile: config.readyFile,
  start: (life) => {
    const bus = kafkaBus({ ...kafkaOptions(config), clock, onNotice: logNotices(log) });
    const repository = modelRepository(config.repository);
    return startOn(bus, life, () =>
      startController({ bus, topics: topicsOf(config.prefix), clock, log, repository }, life.ended),
    );
  },
});
