// Copies: sampled requests to the records of E.shadow that say what the shadow makes of them.
// Flow: E.requests → sampled → [decode → score → encode] → E.shadow. All scoring happens before the transaction.
// Invariants: one record per sampled request, marked never-serve, in the request's partition; what a version cannot do with a
//             request is an outcome as well; a version that is down is an error of the whole batch, and the batch waits.

import type { DecodedRequest, PayloadCodec } from '../codec/payload-codec.ts';
import { codecFor } from '../codec/registry.ts';
import { errorText, MillraceError } from '../domain/errors.ts';
import { foreignHeaders, HEADER, header, headerText } from '../domain/headers.ts';
import { type Bytes, formatSource, type Header, type InRecord, type OutRecord } from '../domain/record.ts';
import { encodedBytes } from '../domain/record-bytes.ts';
import { requestIdOf } from '../domain/route.ts';
import type { ModelRef } from '../domain/route-plan.ts';
import { REQUEST_BYTES_MAX, ROUTING_BYTES_MAX, type Topics } from '../domain/topics.ts';
import { isVersionFailure, type ScoredBy } from '../scoring/isolate.ts';
import type { Versions } from './versions.ts';

/** What E.shadow takes, by itself in a batch. */
const OUTPUT_BYTES_MAX = REQUEST_BYTES_MAX + ROUTING_BYTES_MAX;
/** Rows that one request may carry, as for answers. */
const ROWS_MAX = 1024;

export interface CopiesContext {
  readonly endpoint: string;
  readonly topics: Topics;
  readonly versions: Versions;
  readonly model: ModelRef;
  /** Rollout that the shadow belongs to. */
  readonly rollout: string;
}

interface Scorable {
  readonly index: number;
  readonly record: InRecord;
  readonly codec: PayloadCodec;
  readonly request: DecodedRequest;
}

/** @throws MODEL_UNAVAILABLE, VERSION_REVOKED when the version cannot score now; nothing is lost, try again */
export async function scoreCopies(context: CopiesContext, records: readonly InRecord[]): Promise<OutRecord[]> {
  if (records.length === 0) return [];
  const { versions, model } = context;
  const { signature, maxBatchRows } = await versions.open(model);
  const outputs: OutRecord[] = new Array(records.length);
  const scorable: Scorable[] = [];
  for (const [index, record] of records.entries()) {
    try {
      if (record.value === null) throw new MillraceError('REQUEST_EMPTY');
      const codec = codecFor(headerText(record.headers, HEADER.contentType), record.value);
      const request = codec.decode(record.value, signature, { rowsMax: Math.min(ROWS_MAX, maxBatchRows) });
      scorable.push({ index, record, codec, request });
    } catch (error) {
      outputs[index] = failed(context, record, error);
    }
  }
  const outcomes = await versions.score(
    model,
    scorable.map(({ request }) => request),
  );
  for (const [place, item] of scorable.entries()) {
    const outcome = outcomes[place];
    if (outcome === undefined) continue;
    outputs[item.index] =
      outcome.kind === 'failed'
        ? failed(context, item.record, outcome.error)
        : scored(context, item, { outputs: outcome.outputs, by: outcome.by });
  }
  return outputs;
}

function scored(
  context: CopiesContext,
  { record, codec, request }: Scorable,
  { outputs, by }: { readonly outputs: Parameters<PayloadCodec['encodeAnswer']>[0]['outputs']; readonly by: ScoredBy },
): OutRecord {
  const { endpoint } = context;
  const value = codec.encodeAnswer({ id: request.id, endpoint, model: by.model, outputs });
  const output = shadowRecord(context, record, value, [
    header(HEADER.contentType, codec.contentType),
    header(HEADER.runtime, by.runtime),
    header(HEADER.scoringUs, String(by.scoringUs)),
  ]);
  const bytes = encodedBytes(output);
  if (bytes <= OUTPUT_BYTES_MAX) return output;
  return failed(context, record, new MillraceError('RECORD_TOO_LARGE', { bytes, topic: output.topic }));
}

function failed(context: CopiesContext, record: InRecord, error: unknown): OutRecord {
  if (isVersionFailure(error)) throw error;
  const code = error instanceof MillraceError ? error.code : 'ASSERTION';
  const codec = codecFor(null, new Uint8Array());
  const value = codec.encodeError({ id: null, endpoint: context.endpoint, code, message: errorText(error) });
  return shadowRecord(context, record, value, [
    header(HEADER.contentType, codec.contentType),
    header(HEADER.error, code),
  ]);
}

function shadowRecord(
  { topics, endpoint, model, rollout }: CopiesContext,
  record: InRecord,
  value: Bytes,
  own: readonly Header[],
): OutRecord {
  return {
    topic: topics.endpoint(endpoint, 'shadow'),
    partition: record.partition,
    key: record.key,
    value,
    headers: [
      ...foreignHeaders(record.headers).filter(([name]) => name !== HEADER.contentType),
      [HEADER.requestId, requestIdOf(record)],
      header(HEADER.source, formatSource(record)),
      header(HEADER.version, String(model.version)),
      header(HEADER.digest, model.digest),
      header(HEADER.shadow, rollout),
      ...own,
    ],
  };
}
