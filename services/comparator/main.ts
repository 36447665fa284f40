// The comparator as a process of its own. Wiring only.

import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { kafkaOptions } from '../../shared/config/common.ts';
import { loadConfig, shownConfig } from '../../shared/config/load.ts';
import { logNotices } from '../../shared/control/notices.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { goBehind } from '../../shared/process/priority.ts';
import { orExit, runProcess, startOn } from '../../shared/process/run.ts';
import { createLog } from '../../shared/telemetry/logger.ts';
import { comparatorConfig, limitsOf } from './config.ts';
import { startComparator } from './service.ts';

// Behind the live road, with which it may share cores, and before the shadows.
const NICE_COMPARATOR = 5;

await goBehind(NICE_COMPARATOR, clock);
const config = orExit(() => loadConfig(comparatorConfig, process.env));
const log = createLog({ level: config.logLevel, format: config.logFormat, clock });

await runProcess({
  service: 'comparator',
  clock,
  log,
  settings: shownConfig(comparatorConfig, config),
  readyFile: config.readyFile,
  start: (life) => {
    const bus = kafkaBus({ ...kafkaOptions(config), clock, onNotice: logNotices(log) });
    return startOn(bus, life, () =>
      startComparator({ bus, topics: topicsOf(config.prefix), clock, log, limits: limitsOf(config) }),
    );
  },
});
