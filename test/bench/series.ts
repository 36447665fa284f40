// Series: what the bench compares. Every series runs once per repeat, in turn, on one broker.

import { type Digits, digitTensor, loadDigits } from '../../demo/data/digits.ts';
import { encodeRequest } from '../../shared/codec/registry.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { Header, OutRecord } from '../../shared/domain/record.ts';
import type { VariantName } from './measure.ts';

export const PARTITIONS = 4;

/** One row of the bench's table. */
export interface Series {
  readonly name: string;
  readonly variant: VariantName;
  readonly delivery: 'exactly-once' | 'at-least-once';
  readonly payload: Payload;
  /** Records of one throughput run; 0: none. */
  readonly records: number;
  /** Whether p50/p99 at 200 requests a second are taken as well. */
  readonly latency: boolean;
}

export type Payload = '256 B' | 'digit JSON' | 'digit Avro';

const SMALL_RECORDS = 80_000;
const DIGIT_RECORDS = 20_000;

export const SERIES: readonly Series[] = [
  {
    name: 'bare, 256 B',
    variant: 'bare',
    delivery: 'exactly-once',
    payload: '256 B',
    records: SMALL_RECORDS,
    latency: false,
  },
  {
    name: 'bus, 256 B',
    variant: 'bus',
    delivery: 'exactly-once',
    payload: '256 B',
    records: SMALL_RECORDS,
    latency: false,
  },
  {
    name: 'bare, digits',
    variant: 'bare',
    delivery: 'exactly-once',
    payload: 'digit JSON',
    records: DIGIT_RECORDS,
    latency: true,
  },
  {
    name: 'bus, digits',
    variant: 'bus',
    delivery: 'exactly-once',
    payload: 'digit JSON',
    records: DIGIT_RECORDS,
    latency: true,
  },
  {
    name: 'road, JSON, exactly once',
    variant: 'road',
    delivery: 'exactly-once',
    payload: 'digit JSON',
    records: DIGIT_RECORDS,
    latency: true,
  },
  {
    name: 'road, Avro, exactly once',
    variant: 'road',
    delivery: 'exactly-once',
    payload: 'digit Avro',
    records: DIGIT_RECORDS,
    latency: true,
  },
  {
    name: 'road, JSON, at least once',
    variant: 'road',
    delivery: 'at-least-once',
    payload: 'digit JSON',
    records: DIGIT_RECORDS,
    latency: true,
  },
  {
    name: 'road, Avro, at least once',
    variant: 'road',
    delivery: 'at-least-once',
    payload: 'digit Avro',
    records: DIGIT_RECORDS,
    latency: true,
  },
];

/** Bars, as medians over the repeats of the ratio of two series of the same repeat. */
export interface Bar {
  readonly words: string;
  readonly of: string;
  /** Of several series the mean. */
  readonly to: string | readonly string[];
  readonly figure: 'recordsPerSecond' | 'recordsPerCpuSecond' | 'cpuMicrosPerRecord' | 'p99Ms';
  readonly limit: number;
  readonly better: 'higher' | 'lower';
  /** Two series that are the same: how far they are apart is what the run cannot tell. */
  readonly twins?: { readonly of: string; readonly to: string };
}

export const BARS: readonly Bar[] = [
  {
    words: 'bus, records per CPU-second at 256 B',
    of: 'bus, 256 B',
    to: 'bare, 256 B',
    figure: 'recordsPerCpuSecond',
    limit: 1.8,
    better: 'higher',
  },
  {
    words: 'bus, records per CPU-second at 2 kB',
    of: 'bus, digits',
    to: 'bare, digits',
    figure: 'recordsPerCpuSecond',
    limit: 1,
    better: 'higher',
  },
  {
    words: 'road (JSON, exactly once), records per second',
    of: 'road, JSON, exactly once',
    to: 'bare, digits',
    figure: 'recordsPerSecond',
    limit: 0.3,
    better: 'higher',
  },
  {
    words: 'road (JSON, exactly once), CPU per record',
    of: 'road, JSON, exactly once',
    to: 'bare, digits',
    figure: 'cpuMicrosPerRecord',
    limit: 4.5,
    better: 'lower',
  },
  {
    words: 'road (JSON, exactly once), p99 at 200 requests/s',
    of: 'road, JSON, exactly once',
    to: 'bare, digits',
    figure: 'p99Ms',
    limit: 3,
    better: 'lower',
  },
];

/** Maker of input records: key is the index, so that outputs can be told apart. */
export function recordMaker(payload: Payload, topic: string): (index: number) => OutRecord {
  const values = payload === '256 B' ? [Buffer.alloc(256, 'x')] : digitValues(loadDigits(), payload);
  const headers: readonly Header[] = payload === '256 B' ? [] : [header(HEADER.contentType, contentTypeOf(payload))];
  return (index) => ({
    topic,
    partition: index % PARTITIONS,
    key: Buffer.from(String(index)),
    value: values[index % values.length] ?? null,
    headers,
  });
}

/** Bytes of a record's value, on average. */
export function payloadBytes(payload: Exclude<Payload, '256 B'>): number {
  const values = digitValues(loadDigits(), payload);
  return Math.round(values.reduce((sum, value) => sum + value.length, 0) / values.length);
}

/** Encoded once: the bench measures the road, not its own producer. */
function digitValues(digits: Digits, payload: Payload): readonly Uint8Array[] {
  const format = payload === 'digit Avro' ? 'avro' : 'json';
  return digits.testRows.slice(0, 1_000).map((row) => encodeRequest(format, [digitTensor(digits, row)]));
}

function contentTypeOf(payload: Payload): string {
  return payload === 'digit Avro' ? 'avro/binary' : 'application/json';
}
