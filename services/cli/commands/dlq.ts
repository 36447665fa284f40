// dlq: dead letters of an endpoint: what could not be answered, and sending it once more.

import type { Bus } from '../../../shared/bus/bus.ts';
import { ERRORS, MillraceError } from '../../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../../shared/domain/headers.ts';
import { formatSource, type InRecord, type OutRecord } from '../../../shared/domain/record.ts';
import { requestIdOf } from '../../../shared/domain/route.ts';
import type { CliContext } from '../context.ts';
import { parseCount, parseSourceText } from '../core/parse.ts';
import { clipped } from '../core/printable.ts';
import { isSelected, replayOf, type Selection } from '../core/replay.ts';
import { isoTime, timeText } from '../core/time-text.ts';
import type { ExitName } from '../exit-codes.ts';
import { readLast, readToEnd } from '../read.ts';
import { keyText, viewOf } from '../record-view.ts';
import { type RequestWriter, requestWriter } from '../write-requests.ts';
import { type AddCommand, examples } from './command.ts';
import { endpointName } from './control.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 100_000;
const REASON_CHARS_MAX = 120;
const ID_CHARS_MAX = 60;
/** Requests that are written at once. */
const BATCH_RECORDS_MAX = 200;

interface ReplayOptions {
  readonly source?: string;
  readonly all?: boolean;
  readonly code?: string;
  readonly dryRun?: boolean;
}

export const addDlq: AddCommand = (program, runner) => {
  const dlq = program
    .command('dlq')
    .summary('list and replay dead letters')
    .description('Lists and replays dead letters.');
  const ls = dlq
    .command('ls <endpoint>')
    .summary('list the newest dead letters')
    .description('Lists the newest dead letters, oldest first: the request, the code, who gave up, and why.')
    .option('-n, --limit <count>', 'how many', (text) => parseCount(text, LIMIT_MAX), LIMIT_DEFAULT);
  examples(ls, [
    ['millrace dlq ls digits', 'the newest 50'],
    ['millrace dlq ls digits -n 1 -o json', 'everything about the newest one'],
  ]);
  runner.bind<{ readonly limit: number }>(ls, async (context, { operands: [name], options }) => {
    const topic = context.topics.endpoint(endpointName(name), 'dead-letters');
    const { records } = await readLast(context, await context.bus(), { topic, limit: options.limit });
    context.out.result(
      records.map((record) => ({ ...factsOf(record), record: viewOf(record, 'dead-letter') })),
      ({ table }) => table(['TIME', 'SOURCE', 'REQUEST', 'KEY', 'CODE', 'AT', 'REASON'], records.map(rowOf)),
    );
    return 'ok';
  });

  const replay = dlq
    .command('replay <endpoint>')
    .summary('send dead letters once more')
    .description(
      'Sends dead letters once more, as new requests: same key, same bytes, same partition, the producer’s own headers but ' +
        'for deadline and ce_id, and millrace-replay-of with the id of the old request. The dead letters stay where they are: ' +
        'what is replayed twice is answered twice.',
    )
    .option('-s, --source <partition@offset>', 'the dead letter of this request')
    .option('--code <code>', 'those with this error code')
    .option('--all', 'all of them')
    .option('--dry-run', 'only show what would be sent');
  examples(replay, [
    ['millrace dlq replay digits --source 2@1841', 'one'],
    ['millrace dlq replay digits --code MODEL_FAILED --dry-run', 'look first'],
    ['millrace dlq replay digits --all', 'all'],
  ]);
  runner.bind<ReplayOptions>(replay, async (context, { operands: [name], options }) => {
    const endpoint = endpointName(name);
    const selection = selectionOf(options);
    const bus = await context.bus();
    const records = await selected(context, bus, { endpoint, selection });
    return sendAgain(context, bus, { endpoint, records, dryRun: options.dryRun === true });
  });
};

/** @throws USAGE unless exactly one of --source, --code and --all is there */
function selectionOf({ source, all, code }: ReplayOptions): Selection {
  const given = [source, all, code].filter((option) => option !== undefined).length;
  if (given !== 1) throw new MillraceError('USAGE', { detail: 'say which: one of --source, --code and --all' });
  if (code !== undefined && !(code in ERRORS))
    throw new MillraceError('USAGE', { detail: `there is no error code ${code}` });
  return { source: source === undefined ? null : formatSource(parseSourceText(source)), code: code ?? null };
}

/** @throws NOT_FOUND when no dead letter is meant */
async function selected(
  context: CliContext,
  bus: Bus,
  { endpoint, selection }: { readonly endpoint: string; readonly selection: Selection },
): Promise<InRecord[]> {
  const topic = context.topics.endpoint(endpoint, 'dead-letters');
  const found: InRecord[] = [];
  for await (const records of readToEnd(context, bus, { topic, from: 'earliest' })) {
    found.push(...records.filter((record) => isSelected(record, selection)));
  }
  if (found.length === 0) throw new MillraceError('NOT_FOUND', { detail: `no such dead letter in ${topic}` });
  return found;
}

/** Writes the new requests; those that cannot be sent are told, and make the command fail. */
async function sendAgain(
  context: CliContext,
  bus: Bus,
  what: { readonly endpoint: string; readonly records: readonly InRecord[]; readonly dryRun: boolean },
): Promise<ExitName> {
  const { endpoint, records, dryRun } = what;
  const topic = context.topics.endpoint(endpoint, 'requests');
  const writer = await requestWriter(context, bus, endpoint);
  let skipped = 0;
  const pairs: (readonly [InRecord, OutRecord])[] = [];
  for (const record of records) {
    const request = replayOf(record, topic);
    if (typeof request !== 'string') pairs.push([record, request]);
    else {
      skipped += 1;
      context.say(`left out: dead letter ${record.partition}@${record.offset}: ${request}`);
    }
  }
  for (let first = 0; first < pairs.length && !context.signal.aborted; first += BATCH_RECORDS_MAX) {
    const batch = pairs.slice(first, first + BATCH_RECORDS_MAX);
    if (dryRun) for (const [letter] of batch) show(context, letter, null);
    else await sendBatch(context, writer, batch);
  }
  context.say(`${pairs.length} ${dryRun ? 'would be sent' : 'sent'}, ${skipped} left out`);
  return skipped > 0 ? 'failed' : 'ok';
}

async function sendBatch(
  context: CliContext,
  writer: RequestWriter,
  batch: readonly (readonly [InRecord, OutRecord])[],
): Promise<void> {
  const written = await writer.writeAndFind(batch.map(([, request]) => request));
  for (const [letter, request] of batch)
    show(context, letter, written.find(({ record }) => record === request)?.stored ?? null);
}

function show(context: CliContext, letter: InRecord, stored: InRecord | null): void {
  const { source, requestId, code } = factsOf(letter);
  const newId = stored === null ? null : new TextDecoder().decode(requestIdOf(stored));
  const newSource = stored === null ? null : formatSource(stored);
  context.out.item({ source, requestId, code, newSource, newRequestId: newId }, ({ style }) =>
    [
      `${clipped(source, ID_CHARS_MAX)} ${style('dim', clipped(code, ID_CHARS_MAX))}`,
      newSource === null ? '' : `→ ${newSource} ${newId}`,
    ]
      .join(' ')
      .trimEnd(),
  );
}

function factsOf(record: InRecord) {
  const text = (name: string) => headerText(record.headers, name) ?? '';
  return {
    time: isoTime(record.timestampMs),
    source: text(HEADER.source),
    requestId: text(HEADER.requestId),
    code: text(HEADER.error),
    stage: text(HEADER.stage),
    reason: text(HEADER.reason),
  };
}

function rowOf(record: InRecord): string[] {
  const { source, requestId, code, stage, reason } = factsOf(record);
  const id = clipped(requestId, ID_CHARS_MAX);
  const place = clipped(source, ID_CHARS_MAX);
  const who = clipped(stage, ID_CHARS_MAX);
  return [
    timeText(record.timestampMs),
    place,
    id,
    keyText(record.key),
    clipped(code, ID_CHARS_MAX),
    who,
    clipped(reason, REASON_CHARS_MAX),
  ];
}
