// Settings of the command line: the common ones. Options of a command stand before the environment.

import { COMMON_RELATIONS, COMMON_ROWS, type CommonValues } from '../../shared/config/common.ts';
import { defineConfig, type Env, loadConfig } from '../../shared/config/load.ts';
import { MillraceError } from '../../shared/domain/errors.ts';

export const cliConfig = defineConfig({ service: 'the command line', rows: COMMON_ROWS, relations: COMMON_RELATIONS });

/** Global options that replace a setting. */
export interface SettingOptions {
  readonly brokers?: string | undefined;
  readonly prefix?: string | undefined;
  readonly repository?: string | undefined;
}

/** Stands for brokers in commands that need none, so that the other settings can be read. */
const NO_BROKER = 'localhost:1';

/**
 * Settings of one command.
 * @param needsBroker without it, missing brokers are no problem
 * @throws CONFIG_INVALID naming every problem
 */
export function cliSettings(env: Env, options: SettingOptions, needsBroker: boolean): CommonValues {
  const given = {
    ...env,
    ...(options.brokers === undefined ? {} : { MILLRACE_BROKERS: options.brokers }),
    ...(options.prefix === undefined ? {} : { MILLRACE_PREFIX: options.prefix }),
    ...(options.repository === undefined ? {} : { MILLRACE_REPOSITORY: options.repository }),
  };
  const missing = (given.MILLRACE_BROKERS ?? '').trim() === '';
  const settings = loadConfig(cliConfig, missing ? { ...given, MILLRACE_BROKERS: NO_BROKER } : given);
  if (missing && needsBroker) {
    throw new MillraceError('CONFIG_INVALID', { detail: 'MILLRACE_BROKERS must be set, or --brokers given' });
  }
  return settings;
}
