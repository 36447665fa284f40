// dev: the whole house in one process, on a Kafka that is found or started, or on the memory bus.
// Invariant: Ctrl-C stops all of it, the broker that it started included.

import type { Command } from 'commander';
import { brokerSearch } from '../../../shared/broker/find.ts';
import type { Bus } from '../../../shared/bus/bus.ts';
import { memoryBus } from '../../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../../shared/bus/memory/memory-log.ts';
import type { Running } from '../../../shared/control/endpoints.ts';
import { logModelNotices } from '../../../shared/control/notices.ts';
import { aborted } from '../../../shared/domain/clock.ts';
import { modelRepository } from '../../../shared/models/repository.ts';
import { modelLauncher, NICE_LIVE, NICE_SHADOW } from '../../../shared/runtimes/spawn.ts';
import { createLog } from '../../../shared/telemetry/logger.ts';
import { cliSettings } from '../config.ts';
import type { CliContext, CliHost } from '../context.ts';
import { linesOf } from '../core/lines.ts';
import { parseCommandLine, parseDuration } from '../core/parse.ts';
import { runCli } from '../run.ts';
import { applySpecs, loadSpecs } from './apply.ts';
import { type AddCommand, examples } from './command.ts';
import { endOf } from './verdict.ts';

/** Longest wait for the controller's word on a document of `-f`. */
const APPLY_TIMEOUT_MS = parseDuration('60s');

interface DevOptions {
  readonly memory?: boolean;
  readonly file?: readonly string[];
  readonly repository?: string;
  readonly brokers?: string;
  readonly prefix?: string;
}

/** Where the house runs. */
interface Place {
  readonly bus: Bus;
  readonly kind: Bus['kind'];
  /** Addresses for other processes; empty on the memory bus. */
  readonly brokers: readonly string[];
  /** Another client of the same log. */
  readonly connect: CliHost['connect'];
  close(): Promise<void>;
}

export const addDev: AddCommand = (program, runner) => {
  const dev: Command = program
    .command('dev')
    .summary('run everything in one process')
    .description(
      'Runs all services in one process until Ctrl-C, on the Kafka of --brokers, else on one that it finds or ' +
        'starts (Docker, or Java 17 with Maven), else on the memory bus. No other process can reach the memory bus: there, each ' +
        'line on standard input is a millrace command.',
    )
    .option('--memory', 'on the memory bus')
    .option('-f, --file <file...>', 'endpoints and rollouts to apply at the start')
    .option('--repository <folder>', 'model repository (default: MILLRACE_REPOSITORY, else ./models)');
  examples(dev, [
    ['millrace dev --repository demo/models', 'on a Kafka that is found or started'],
    ['millrace dev --brokers localhost:9092 -f endpoint.yaml -f rollout.yaml', 'on yours, with a first version'],
    ['millrace dev --memory -f digits.yaml < commands.txt', 'without Kafka, with commands from a file'],
  ]);
  runner.bind<DevOptions>(dev, async (context, { options }) => {
    const specs = options.file === undefined ? [] : await loadSpecs(context, options.file, undefined);
    const place = await findPlace(context, options);
    try {
      const house = await openHouse(context, place, options);
      try {
        announce(context, place);
        const inner: CliContext = { ...context, bus: () => Promise.resolve(place.bus) };
        const applied = await applySpecs(inner, specs, { wait: 'settled', timeout: APPLY_TIMEOUT_MS });
        const exit = endOf(
          inner,
          applied.map(({ result, event }) => ({ kind: result, event })),
        );
        if (exit !== 'ok') return exit;
        if (place.kind === 'memory') await takeCommands(context, place);
        await aborted(context.signal);
        context.say('stopping');
        return 'ok';
      } finally {
        await house.stop();
      }
    } finally {
      await place.close();
    }
  });
};

/** A Kafka, or the memory bus, said in one line. @throws BROKER_UNREACHABLE when the given one does not answer */
async function findPlace(context: CliContext, options: DevOptions): Promise<Place> {
  const { host, clock, say } = context;
  const given = options.brokers === undefined ? {} : { MILLRACE_BROKERS: options.brokers };
  const search = options.memory ? null : await brokerSearch({ onProgress: say, env: { ...context.env, ...given } });
  if (search?.broker == null) {
    say(
      `No Kafka (${search?.reason ?? '--memory was asked for'}): this house runs on the memory bus and forgets all at its end.`,
    );
    const log = memoryLog();
    const connect = async () => memoryBus(log, { clock });
    const bus = await connect();
    return { bus, kind: 'memory', brokers: [], connect, close: () => bus.close() };
  }
  const { broker } = search;
  const settings = cliSettings(context.env, { ...options, brokers: broker.brokers.join(',') }, true);
  const stop = () => broker.stop();
  try {
    const bus = await host.connect(settings, say);
    const close = async () => {
      await bus.close();
      await stop();
    };
    return { bus, kind: bus.kind, brokers: broker.brokers, connect: () => host.connect(settings, say), close };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openHouse(context: CliContext, place: Place, options: DevOptions): Promise<Running> {
  const { clock, topics, env, newKey, settings } = context;
  // The other verbs need none of the services.
  const { startHouse } = await import('../../house/house.ts');
  const { repository } = cliSettings(env, options, false);
  const write = (line: string) => context.host.stderr.write(line);
  const log = createLog({ level: settings.logLevel, format: 'text', clock, write });
  const onNotice = logModelNotices(log);
  const launching = { repository, clock, environment: env, onNotice };
  const launchers = {
    launcher: modelLauncher({ ...launching, nice: NICE_LIVE }),
    shadowLauncher: modelLauncher({ ...launching, nice: NICE_SHADOW }),
  };
  const worker = `dev-${newKey().slice(0, 8)}`;
  const models = { ...launchers, repository: modelRepository(repository) };
  return startHouse({ bus: place.bus, topics, clock, log, ...models, worker });
}

/** What other processes need to know, on standard output. */
function announce(context: CliContext, { kind, brokers }: Place): void {
  const { prefix } = context.topics;
  context.out.result({ bus: kind, brokers, prefix }, () => [
    ...(brokers.length === 0 ? [] : [`export MILLRACE_BROKERS=${brokers.join(',')}`]),
    ...(prefix === '' ? [] : [`export MILLRACE_PREFIX=${prefix}`]),
  ]);
  context.say(kind === 'memory' ? 'the house runs; type commands, Ctrl-C ends it' : 'the house runs; Ctrl-C ends it');
}

/** Each line of standard input as a command on this house, until Ctrl-C. The end of the input ends nothing. */
async function takeCommands({ host, topics }: CliContext, { connect }: Place): Promise<void> {
  const input = untilAborted(host.stdin, host.signal);
  const inner: CliHost = {
    ...host,
    connect,
    stdin: nothing(),
    env: { ...host.env, MILLRACE_BROKERS: 'memory:1', MILLRACE_PREFIX: topics.prefix },
  };
  for await (const lines of linesOf(input)) {
    for (const { text } of lines) {
      if (text.trim().startsWith('#')) continue;
      const words = parseCommandLine(text);
      await runCli(words[0] === 'millrace' ? words.slice(1) : words, inner);
    }
  }
}

async function* untilAborted(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const iterator = chunks[Symbol.asyncIterator]();
  const end = aborted(signal).then(() => null);
  for (;;) {
    const next = await Promise.race([iterator.next(), end]);
    if (next === null || next.done === true) return;
    yield next.value;
  }
}

/** A command inside a command has no input of its own. */
async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}
