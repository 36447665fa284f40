// explain: why a request was answered by the version that answered it, recomputed from the topics.

import type { Command } from 'commander';
import type { Bus } from '../../../shared/bus/bus.ts';
import { decodeControl } from '../../../shared/codec/control.ts';
import { type Cut, orderedCuts } from '../../../shared/domain/cut.ts';
import { laneGroup, routerGroup } from '../../../shared/domain/groups.ts';
import type { InRecord } from '../../../shared/domain/record.ts';
import { LANES, type Lane } from '../../../shared/domain/route-plan.ts';
import type { CliContext } from '../context.ts';
import { type ExplainInput, type Explanation, explain, NOTHING_COMMITTED } from '../core/explain.ts';
import { formatWeight, parseCount } from '../core/parse.ts';
import { clipped } from '../core/printable.ts';
import { type FoundRequest, findRequest, recordsOfSource } from '../find-request.ts';
import type { Tables } from '../output.ts';
import { readable, readToEnd } from '../read.ts';
import { keyText, lineOf } from '../record-view.ts';
import { type AddCommand, examples, timeOption } from './command.ts';
import { endpointName } from './control.ts';

const SCAN_RECORDS_DEFAULT = 1_000_000;
const SCAN_RECORDS_MAX = 100_000_000;
const TEXT_CHARS_MAX = 200;
const LABEL_CHARS = 12;

interface ExplainOptions {
  readonly endpoint?: string;
  readonly since: number;
  readonly scan: number;
}

export const addExplain: AddCommand = (program, runner) => {
  const command: Command = program
    .command('explain <request-id>')
    .summary('say why a request was answered as it was')
    .description(
      'Finds a request by its id (ce_id, or topic-partition-offset; partition@offset with --endpoint), recomputes from the ' +
        'cuts which version had to answer it, and compares that with what is on record. Ends with 1 when they disagree.',
    )
    .option('-e, --endpoint <name>', 'where to look')
    .addOption(timeOption('--since <time>', 'how far back a ce_id is searched for', '24h'))
    .option(
      '--scan <records>',
      'records of one topic that are looked at, at most',
      (text) => parseCount(text, SCAN_RECORDS_MAX),
      SCAN_RECORDS_DEFAULT,
    );
  examples(command, [
    ['millrace explain digits.requests-2-1841', 'by topic, partition and offset'],
    ['millrace explain 2@1841 --endpoint digits', 'the same'],
    ['millrace explain order-4711 -e digits --since 7d', 'by ce_id'],
    ['millrace explain 2@1841 -e digits -o json', 'for a script'],
  ]);
  runner.bind<ExplainOptions>(command, async (context, { operands: [id = ''], options }) => {
    const bus = await context.bus();
    const endpoint = options.endpoint === undefined ? null : endpointName(options.endpoint);
    const bounds = { sinceMs: options.since, recordsMax: options.scan };
    const found = await findRequest(context, bus, { id, endpoint, bounds });
    if (found.others.length > 0) {
      context.say(
        `the newest of ${found.others.length + 1} requests with this id; the others: ${found.others.join(', ')}`,
      );
    }
    const input = await gather(context, bus, { found, recordsMax: options.scan });
    const explanation = explain(input);
    context.out.result(explanation, (tables) => explanationLines(explanation, input, tables));
    return explanation.verdict === 'disagrees' ? 'failed' : 'ok';
  });
};

/** Everything on record about the request. Commits are read before the rest, so that what they cover is seen. */
async function gather(
  context: CliContext,
  bus: Bus,
  of: { readonly found: FoundRequest; readonly recordsMax: number },
): Promise<ExplainInput> {
  const { topics } = context;
  const { endpoint, request } = of.found;
  const { partition } = request;
  const committed = async (group: string, topic: string) => (await bus.admin.committed(group, topic))[partition] ?? -1;
  const routerCommitted = await committed(routerGroup(topics.prefix, endpoint), topics.endpoint(endpoint, 'requests'));
  const laneCommitted = { ...NOTHING_COMMITTED };
  const laneRecords: (readonly [Lane, InRecord])[] = [];
  const search = (topic: string) => recordsOfSource(context, bus, { topic, request, recordsMax: of.recordsMax });
  for (const lane of LANES) {
    const topic = topics.lane(endpoint, lane);
    laneCommitted[lane] = await committed(laneGroup(topics.prefix, endpoint, lane), topic);
  }
  for (const lane of LANES) {
    for (const record of await search(topics.lane(endpoint, lane))) laneRecords.push([lane, record]);
  }
  return {
    ...{ endpoint, request, routerCommitted, laneCommitted, laneRecords },
    cuts: await cutsOf(context, bus, { endpoint, partition }),
    predictions: await search(topics.endpoint(endpoint, 'predictions')),
    deadLetters: await search(topics.endpoint(endpoint, 'dead-letters')),
  };
}

async function cutsOf(
  context: CliContext,
  bus: Bus,
  { endpoint, partition }: { readonly endpoint: string; readonly partition: number },
): Promise<readonly Cut[]> {
  const topic = context.topics.endpoint(endpoint, 'cuts');
  const cuts: Cut[] = [];
  for await (const records of readToEnd(context, bus, { topic, partitions: [partition], from: 'earliest' })) {
    for (const record of records) {
      // A tombstone's cut governs no request that is still there.
      const cut = record.value === null ? null : readable(context, record, (each) => decodeControl('cut', each));
      if (cut !== null) cuts.push(cut);
    }
  }
  return orderedCuts(cuts);
}

function explanationLines(explanation: Explanation, input: ExplainInput, { style }: Tables): string[] {
  const { route, journey, deadLetters, verdict, problems } = explanation;
  const line = (label: string, text: string) => `${style('bold', label.padEnd(LABEL_CHARS))}${text}`;
  const shown = (text: string) => clipped(text, TEXT_CHARS_MAX);
  const plain = (text: string) => text;
  return [
    line(
      'request',
      `${shown(explanation.requestId)} (${explanation.endpoint} ${explanation.source}, key ${keyText(input.request.key)})`,
    ),
    line('received', explanation.time),
    ...(route === null
      ? [line('route', 'no cut governs it yet: it waits for the first plan')]
      : [
          line('cut', `from ${route.cutOffset} on: plan ${route.plan} of rollout ${shown(route.rollout)}`),
          line('bucket', `${route.bucket} of 10000: lane ${route.lane}, which has ${formatWeight(route.weightBp)}`),
          line('version', `v${route.version} (sha256 ${route.digest.slice(0, 12)}…)`),
        ]),
    ...journey.map(({ lane, offset, version, rescuedFrom }) =>
      rescuedFrom === null
        ? line('queued', `lane ${lane} at ${offset}, for v${version}`)
        : line('rescued', `lane ${lane} at ${offset}, for v${version}, because v${shown(rescuedFrom)}`),
    ),
    ...input.predictions.map((record) => line('answer', lineOf(record, 'answer', plain))),
    ...deadLetters.map(({ offset, code, stage, reason }) =>
      line('dead letter', `at ${offset}: ${shown(code)} at ${shown(stage)}: ${shown(reason)}`),
    ),
    ...problems.map((problem) => line('PROBLEM', style('red', shown(problem)))),
    line('verdict', verdictText(verdict, { style })),
  ];
}

function verdictText(verdict: Explanation['verdict'], { style }: Pick<Tables, 'style'>): string {
  switch (verdict) {
    case 'answered':
      return style('green', 'answered by the version that the cuts name');
    case 'rescued':
      return style('green', 'answered by the incumbent; the rescue and its reason are on record');
    case 'dead-lettered':
      return style('yellow', 'an error answer and a dead letter');
    case 'waiting':
      return style('yellow', 'no outcome yet: it is still on its way');
    case 'disagrees':
      return style('red', 'the records DISAGREE');
  }
}
