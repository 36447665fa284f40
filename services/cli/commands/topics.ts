// topics create: the control topics, and the topics of an endpoint, with their settings and record-size limits.

import type { Command } from 'commander';
import { endpointSchema } from '../../../shared/domain/endpoint.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { PARTITIONS_MAX, type TopicSpec } from '../../../shared/domain/topics.ts';
import { parseCount } from '../core/parse.ts';
import { type AddCommand, examples } from './command.ts';
import { endpointName } from './control.ts';

interface CreateOptions {
  readonly endpoint?: string;
  readonly partitions?: number;
  readonly replicationFactor?: number;
}

/** Kafka stores the factor in 16 bits. */
const REPLICAS_MAX = 32_767;
/** Shown when a topic has no limit of its own. */
const BROKER_DEFAULT = 'broker default';

export const addTopics: AddCommand = (program, runner) => {
  const topics = program.command('topics').summary('create topics').description('Creates topics.');
  const create: Command = topics
    .command('create')
    .summary('create the topics that are missing')
    .description(
      'Creates the control topics, and with --endpoint the topics of an endpoint, as far as they are missing. What is there ' +
        'is left as it is. Lane, prediction, shadow and dead-letter topics take records 64 KiB larger than requests, so that ' +
        'routing headers fit. The controller creates all of this ' +
        'by itself where it may; this command is for clusters where it may not.',
    )
    .option('-e, --endpoint <name>', 'also the topics of this endpoint')
    .option('-p, --partitions <count>', 'partitions of each of them (default: 4)', (text) =>
      parseCount(text, PARTITIONS_MAX),
    )
    .option(
      '--replication-factor <count>',
      'copies of each partition (default: three where there are as many brokers)',
      (text) => parseCount(text, REPLICAS_MAX),
    );
  examples(create, [
    ['millrace topics create', 'the control topics'],
    ['millrace topics create --endpoint digits --partitions 8', 'and those of an endpoint'],
    ['millrace topics create --replication-factor 3', 'with three copies each'],
    ['millrace --prefix test- topics create', 'of a house of its own'],
  ]);
  runner.bind<CreateOptions>(create, async (context, { options }) => {
    if (options.partitions !== undefined && options.endpoint === undefined) {
      throw new MillraceError('USAGE', { detail: '--partitions needs --endpoint' });
    }
    const endpoint = options.endpoint === undefined ? null : endpointName(options.endpoint);
    const ofEndpoint = (name: string) => {
      const { partitions } = endpointSchema.parse({ endpoint: name, partitions: options.partitions });
      return context.topics.endpointTopicSpecs(name, partitions);
    };
    const replicas = options.replicationFactor === undefined ? {} : { replicas: options.replicationFactor };
    const wanted = [...context.topics.controlTopicSpecs(), ...(endpoint === null ? [] : ofEndpoint(endpoint))];
    const specs = wanted.map((spec): TopicSpec => ({ ...spec, ...replicas }));
    const bus = await context.bus();
    const before = new Set(await bus.admin.topics());
    await bus.admin.createTopics(specs);
    const shown = specs.map((spec) => ({
      ...spec,
      result: before.has(spec.name) ? ('exists' as const) : ('created' as const),
    }));
    context.out.result(shown, ({ table, style }) =>
      table(
        ['TOPIC', 'RESULT', 'PARTITIONS', 'KEPT', 'RECORD BYTES'],
        shown.map(({ result, ...spec }) => [
          spec.name,
          result === 'created' ? style('green', result) : result,
          String(spec.partitions),
          keptText(spec),
          spec.config['max.message.bytes'] ?? BROKER_DEFAULT,
        ]),
        [2, 4],
      ),
    );
    return 'ok';
  });
};

/** How long records stay, in words. */
function keptText({ config }: TopicSpec): string {
  const days = Number(config['retention.ms']) / 86_400_000;
  const time = config['retention.ms'] === '-1' ? 'for ever' : Number.isNaN(days) ? '' : `${days} days`;
  const compacted = config['cleanup.policy']?.includes('compact') ? 'newest per key' : '';
  return [compacted, time].filter((part) => part !== '').join(', ');
}
