// Settings of the comparator: the common ones, and how much it keeps.

import { DEFAULT_LIMITS, type Limits, limitsWith, WINDOW_MAX } from '../../shared/comparing/limits.ts';
import { COMMON_RELATIONS, COMMON_ROWS } from '../../shared/config/common.ts';
import { type ConfigValues, defineConfig, integer } from '../../shared/config/load.ts';

const ROWS = {
  ...COMMON_ROWS,
  joinWindow: integer({
    env: 'MILLRACE_JOIN_WINDOW',
    unit: 'requests',
    fallback: DEFAULT_LIMITS.window,
    min: 1,
    max: WINDOW_MAX,
    sentence:
      'An answer or shadow output may come so many requests of its partition later than others, and is still joined.',
  }),
  labelWindow: integer({
    env: 'MILLRACE_LABEL_WINDOW',
    unit: 'requests',
    fallback: DEFAULT_LIMITS.labelWindow,
    min: 1,
    max: WINDOW_MAX,
    sentence: 'A label may come so many requests of its partition after its own, and still counts.',
  }),
  metricWindowMs: integer({
    env: 'MILLRACE_METRIC_WINDOW_MS',
    unit: 'ms',
    fallback: DEFAULT_LIMITS.windowMs,
    min: 100,
    max: 3_600_000,
    sentence: 'Length of the windows on millrace.metrics.',
  }),
} as const;

export const comparatorConfig = defineConfig({ service: 'comparator', rows: ROWS, relations: COMMON_RELATIONS });

/** The part of the settings that the comparator itself takes. */
export function limitsOf(
  values: Pick<ConfigValues<typeof ROWS>, 'joinWindow' | 'labelWindow' | 'metricWindowMs'>,
): Limits {
  const { joinWindow: window, labelWindow, metricWindowMs: windowMs } = values;
  return limitsWith({ window, labelWindow, windowMs });
}
