// Traffic: every digit as one request event, at a steady rate, three in JSON to one in Avro; for test digits, the truth beside it.

import type { Bus } from '../../shared/bus/bus.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { codecNamed } from '../../shared/codec/registry.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import { partitionFor } from '../../shared/domain/partitioner.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { type Digits, digitTensor } from '../data/digits.ts';

/** Requests are written in bursts of this length. */
const TICK_MS = 25;
/** Of the rate, while the reserve is held. */
const RESERVE_PACE = 0.1;
/** Writers of digits: the keys by which a canary chooses. */
const WRITERS = 2_000;

/** Header that carries the digit's row, for the report's labels; to Millrace it is a foreign header. */
export const DIGIT_HEADER = 'demo-digit';

const encoder = new TextEncoder();

export interface Traffic {
  /** Requests written and acknowledged so far. */
  sent(): number;
  /** Resolves when `count` requests are written; rejects when a write failed. */
  reached(count: number): Promise<void>;
  /** The reserve may come. */
  release(): void;
  /** Resolves when all are written; rejects when a write failed. */
  readonly done: Promise<void>;
}

export interface TrafficOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly topic: string;
  /** Topic of the labels; null: nobody knows the truth. */
  readonly labels: string | null;
  readonly partitions: number;
  readonly digits: Digits;
  readonly requests: number;
  /** Requests per second. */
  readonly rate: number;
  /** Requests at the end that come at a tenth of the rate until they are released: what is to meet them may be late. */
  readonly reserve: number;
}

/** Request `index` carries the digit of row `index` modulo their number. */
export function digitRequest(
  options: Pick<TrafficOptions, 'topic' | 'partitions' | 'digits'>,
  index: number,
): OutRecord {
  const digit = index % options.digits.count;
  const codec = codecNamed(index % 4 === 3 ? 'avro' : 'json');
  const key = encoder.encode(`writer-${index % WRITERS}`);
  return {
    topic: options.topic,
    partition: partitionFor(key, options.partitions),
    key,
    value: codec.encodeRequest([digitTensor(options.digits, digit)], {}),
    headers: [
      header(HEADER.cloudEventId, idOf(index)),
      header(HEADER.contentType, codec.contentType),
      header(DIGIT_HEADER, String(digit)),
    ],
  };
}

/** What is true of request `index`, by its id; null for a digit that the models were trained with. */
function digitLabel({ labels, digits, partitions }: TrafficOptions, index: number): OutRecord | null {
  const digit = index % digits.count;
  const label = digits.labels[digit];
  if (labels === null || !digits.isTest(digit) || label === undefined) return null;
  const value = encodeControl('label', { values: [label] });
  return { topic: labels, partition: index % partitions, key: encoder.encode(idOf(index)), value, headers: [] };
}

function idOf(index: number): string {
  return `digit-${index}`;
}

/** Starts to write; the rate is kept by the clock, not by counting sleeps. */
export function startTraffic(options: TrafficOptions): Traffic {
  const { bus, clock, requests, rate, reserve } = options;
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let sent = 0;
  let released = false;

  async function run(): Promise<void> {
    let earned = 0;
    let lastMs = clock.nowMs();
    while (sent < requests) {
      const nowMs = clock.nowMs();
      const pace = released || sent < requests - reserve ? 1 : RESERVE_PACE;
      earned += ((nowMs - lastMs) * rate * pace) / 1000;
      lastMs = nowMs;
      const due = Math.min(requests, Math.ceil(earned));
      const indices = Array.from({ length: Math.max(0, due - sent) }, (_, i) => sent + i);
      const burst = indices.map((index) => digitRequest(options, index));
      const truths = indices.map((index) => digitLabel(options, index)).filter((label) => label !== null);
      if (burst.length > 0) await bus.write([...burst, ...truths]);
      sent += burst.length;
      for (const one of waiting) if (one.count <= sent) one.resolve();
      await clock.sleep(TICK_MS);
    }
  }

  const done = run();
  // Whoever waits hears of a failure; it is no crash that nobody does just then.
  done.catch(() => undefined);
  return {
    sent: () => sent,
    release: () => {
      released = true;
    },
    reached: (count) => {
      const reached = new Promise<void>((resolve) => {
        if (count <= sent) return resolve();
        waiting.push({ count, resolve });
      });
      return Promise.race([reached, done]);
    },
    done,
  };
}
