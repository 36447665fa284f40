// Target: headers of a record as producers and services write them, through everything that reads them.
// Form of an input: pairs of a byte that names the header and a byte that says how long its value is; then the value.

import { lineOf, viewOf } from '../../../services/cli/record-view.ts';
import { triage } from '../../../services/scorer/core/triage.ts';
import { answerOf, hopOf } from '../../../shared/analysis/trail.ts';
import { codecFor } from '../../../shared/codec/registry.ts';
import { foreignHeaders, HEADER, headerText } from '../../../shared/domain/headers.ts';
import { HEADERS_MAX, type Header, type InRecord, parseSource } from '../../../shared/domain/record.ts';
import { encodedBytes } from '../../../shared/domain/record-bytes.ts';
import { requestIdOf } from '../../../shared/domain/route.ts';
import { seedOf, type Target } from '../target.ts';

const NAMES = [...Object.values(HEADER), 'traceparent', 'constructor', '__proto__', ''];
const SOUND: Readonly<Record<string, string>> = {
  [HEADER.requestId]: 'E.requests-0-7',
  [HEADER.source]: '0@7',
  [HEADER.version]: '3',
  [HEADER.digest]: 'ab'.repeat(32),
  [HEADER.lane]: 'green',
  [HEADER.plan]: '12',
  [HEADER.bucket]: '9999',
  [HEADER.rescuedFrom]: '4:ROW_FAILED',
  [HEADER.deadline]: '1764000000000',
  [HEADER.contentType]: 'Application/JSON; charset=utf-8',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

/** The last of them: more the bus does not hand in, and does not make. */
function headersOf(bytes: Buffer): Header[] {
  let skipped = -HEADERS_MAX - 1;
  for (let at = 0; at + 2 <= bytes.length; at += 2 + (bytes[at + 1] ?? 0)) skipped += 1;
  const headers: Header[] = [];
  for (let at = 0; at + 2 <= bytes.length; skipped -= 1) {
    const length = bytes[at + 1] ?? 0;
    const name = NAMES[(bytes[at] ?? 0) % NAMES.length] ?? '';
    if (skipped <= 0) headers.push([name, bytes.subarray(at + 2, at + 2 + length)]);
    at += 2 + length;
  }
  return headers;
}

function bytesOf(headers: Readonly<Record<string, string>>): Uint8Array {
  const parts = Object.entries(headers).map(([name, value]) =>
    seedOf(NAMES.indexOf(name), seedOf(value.length, value)),
  );
  return Buffer.concat(parts);
}

export const headersTarget: Target = {
  name: 'headers',
  seeds: () => [bytesOf(SOUND), ...Object.entries(SOUND).map(([name, value]) => bytesOf({ [name]: value }))],
  tokens: [
    '@',
    ':',
    ';',
    'blue',
    'green',
    '1e3',
    '0x1',
    ' 1',
    '９',
    '-1',
    'application/avro',
    '\x00\x00',
    '1'.repeat(17),
  ],
  bombs: [(bytes) => Buffer.alloc(bytes), (bytes) => Buffer.alloc(bytes, 1), (bytes) => Buffer.alloc(bytes, 0xff)],
  decode: (bytes) => {
    const headers = headersOf(bytes);
    const record: InRecord = {
      ...{ topic: 'E.lane.green', partition: 0, offset: 7, timestampMs: 1, key: null, value: null },
      headers,
    };
    triage(record, undefined, { endpoint: 'e', nowMs: 2 });
    hopOf('green', record);
    answerOf(record);
    requestIdOf(record);
    parseSource(headerText(headers, HEADER.source) ?? '');
    codecFor(headerText(headers, HEADER.contentType), bytes);
    encodedBytes({ key: null, value: null, headers: foreignHeaders(headers) });
    // What people are shown of it: slower, and less often looked at.
    if (bytes.length % 16 === 0) {
      viewOf(record, 'request');
      lineOf(record, 'dead-letter', (text) => text);
    }
  },
};
