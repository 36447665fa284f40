// produce: requests from lines of JSON to E.requests, partitioned as Kafka's Java client does.

import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { CODECS } from '../../../shared/codec/registry.ts';
import { errorText, MillraceError } from '../../../shared/domain/errors.ts';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import { partitionFor } from '../../../shared/domain/partitioner.ts';
import { formatSource, type Header, type OutRecord } from '../../../shared/domain/record.ts';
import { requestIdOf } from '../../../shared/domain/route.ts';
import { avroRequest } from '../avro-request.ts';
import type { CliContext } from '../context.ts';
import { type Line, linesOf } from '../core/lines.ts';
import { parseHeaderText } from '../core/parse.ts';
import { printable } from '../core/printable.ts';
import { parseRequestLine } from '../core/request-line.ts';
import { keyText } from '../record-view.ts';
import { type RequestWriter, requestWriter, type Written } from '../write-requests.ts';
import { type AddCommand, examples } from './command.ts';
import { endpointName } from './control.ts';

/** Bytes of a file that are turned into requests at once. */
const CHUNK_BYTES = 1_048_576;

interface ProduceOptions {
  readonly file: string;
  readonly key?: string;
  readonly avro?: boolean;
  readonly header?: readonly string[];
  readonly count?: boolean;
}

/** How lines become records. */
interface Form {
  readonly topic: string;
  readonly file: string;
  readonly key: Uint8Array | null;
  readonly avro: boolean;
  readonly headers: readonly Header[];
  /** Partition of the next record without a key. */
  readonly nextPartition: () => number;
  readonly partitions: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const addProduce: AddCommand = (program, runner) => {
  const command: Command = program
    .command('produce <endpoint>')
    .summary('send requests from lines of JSON')
    .description(
      'Sends one request per line: an Open Inference Protocol request, or {"key": …, "value": …, "headers": {…}} around one. ' +
        'Partitions as Kafka’s Java client does: by key, else round robin. Shows the source and the id of each request.',
    )
    .option('-f, --file <file>', 'lines to send; - is standard input', '-')
    .option('-k, --key <text>', 'key of lines that have none')
    .option('--avro', 'send Avro instead of JSON')
    .option('-H, --header <name=value...>', 'header of every request')
    .option('--count', 'show only how many were sent');
  examples(command, [
    ['millrace produce digits -f requests.jsonl', 'a file'],
    ['millrace produce digits --key customer-7 < one.json', 'one key'],
    ['millrace produce digits -f requests.jsonl --avro --count', 'as Avro, without a line each'],
    ['millrace produce digits -f r.jsonl -H millrace-deadline-ms=1893456000000', 'with a deadline'],
  ]);
  runner.bind<ProduceOptions>(command, async (context, { operands: [name], options }) => {
    const endpoint = endpointName(name);
    const headers = (options.header ?? []).map(parseHeaderText).map(([title, value]) => header(title, value));
    const writer = await requestWriter(context, await context.bus(), endpoint);
    const form: Form = {
      topic: context.topics.endpoint(endpoint, 'requests'),
      file: options.file === '-' ? '(stdin)' : options.file,
      key: options.key === undefined ? null : encoder.encode(options.key),
      avro: options.avro === true,
      headers: [...headers, ...(options.avro ? [header(HEADER.contentType, CODECS.avro.contentType)] : [])],
      partitions: writer.partitions,
      nextPartition: roundRobin(writer.partitions),
    };
    const sent = await send(context, writer, {
      form,
      input: inputOf(context, options.file),
      quiet: options.count === true,
    });
    if (options.count) context.out.result({ endpoint, sent }, () => [String(sent)]);
    else context.say(`${sent} request${sent === 1 ? '' : 's'} written to ${form.topic}`);
    return 'ok';
  });
};

/** @returns how many were written @throws the first line's error, after everything before it was written */
async function send(
  context: CliContext,
  writer: RequestWriter,
  what: { readonly form: Form; readonly input: AsyncIterable<Uint8Array>; readonly quiet: boolean },
): Promise<number> {
  const { form, input, quiet } = what;
  let sent = 0;
  const flush = async (records: readonly OutRecord[]) => {
    if (records.length === 0) return;
    if (quiet) await writer.write(records);
    else for (const written of await writer.writeAndFind(records)) show(context, written);
    sent += records.length;
  };
  for await (const lines of linesOf(input)) {
    if (context.signal.aborted) break;
    const records: OutRecord[] = [];
    for (const line of lines) {
      const record = tryRecord(line, form);
      if (!(record instanceof MillraceError)) records.push(record);
      else {
        await flush(records);
        throw placed(record, { form, line: line.number, sent });
      }
    }
    await flushUpTo(records, flush).catch((error: unknown) => {
      if (!(error instanceof MillraceError) || error.code !== 'RECORD_TOO_LARGE') throw error;
      throw placed(error, { form, line: lines[Number(error.context.index)]?.number ?? 0, sent });
    });
  }
  return sent;
}

/** Writes what comes before a record that is too large, and then throws for it. */
async function flushUpTo(
  records: readonly OutRecord[],
  flush: (records: readonly OutRecord[]) => Promise<void>,
): Promise<void> {
  try {
    await flush(records);
  } catch (error) {
    const index = error instanceof MillraceError && error.code === 'RECORD_TOO_LARGE' ? Number(error.context.index) : 0;
    if (index > 0) await flush(records.slice(0, index));
    throw error;
  }
}

function show(context: CliContext, { record, source, stored }: Written): void {
  const requestId = decoder.decode(requestIdOf(stored));
  const key = record.key === null ? null : decoder.decode(record.key);
  const shown = { source: formatSource(source), requestId, partition: source.partition, offset: source.offset, key };
  context.out.item(shown, ({ style }) =>
    [style('bold', shown.source), printable(requestId), style('dim', keyText(record.key))].join(' '),
  );
}

function tryRecord(line: Line, form: Form): OutRecord | MillraceError {
  try {
    const { key: own, value, headers } = parseRequestLine(line.text);
    const key = own ?? form.key;
    return {
      topic: form.topic,
      partition: key === null ? form.nextPartition() : partitionFor(key, form.partitions),
      key,
      value: form.avro && value !== null ? avroRequest(value) : value,
      headers: [...headers, ...form.headers],
    };
  } catch (error) {
    return error instanceof MillraceError ? error : new MillraceError('USAGE', { detail: errorText(error) }, error);
  }
}

/** The same error, saying where in the input, and how much of it is on record. */
function placed(
  error: MillraceError,
  at: { readonly form: Form; readonly line: number; readonly sent: number },
): MillraceError {
  const place = `${at.form.file}:${at.line}: ${error.message} (${at.sent} requests before it were written)`;
  if (error.code !== 'RECORD_TOO_LARGE') return new MillraceError('USAGE', { detail: place }, error);
  const { bytes = 0 } = error.context;
  const topic = `${at.form.topic} (${at.form.file}:${at.line}; ${at.sent} requests before it were written)`;
  return new MillraceError('RECORD_TOO_LARGE', { bytes, topic }, error);
}

function roundRobin(partitions: number): () => number {
  let next = 0;
  return () => next++ % partitions;
}

function inputOf(context: CliContext, file: string): AsyncIterable<Uint8Array> {
  return file === '-' ? context.stdin : fileChunks(file);
}

/** @throws USAGE when the file cannot be read */
async function* fileChunks(file: string): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* createReadStream(file, { highWaterMark: CHUNK_BYTES });
  } catch (error) {
    throw new MillraceError('USAGE', { detail: `${file} cannot be read: ${errorText(error)}` }, error);
  }
}
