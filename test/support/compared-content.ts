// ComparedContent: what a comparator reads, made by hand: requests, answers, outputs and marks of two shadows, labels.
// Method: what happens to a source is drawn by its number alone; `order` draws only the order within the window, and doubles.
// Terms: late = more than a window behind; missing = never there; shadows 2 (of everything) and 3 (of half, from MID on).

import { markRecord } from '../../services/shadow/progress.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { codecNamed } from '../../shared/codec/registry.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { Header, OutRecord } from '../../shared/domain/record.ts';
import { samplerOf } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { between, type Random, seeded } from '../sim/random.ts';
import { shadowOf } from './plans.ts';

export const CONTENT_ENDPOINT = 'numbers';
export const CONTENT_PARTITIONS = 2;
export const CONTENT_ROLLOUT = 'numbers-1';
export const CONTENT_LIMITS = { window: 40, labelWindow: 120, windowMs: 2_000 };
export const CONTENT_SHADOWS = [shadowOf(2), shadowOf(3, { sampleBp: 5_000 })];
const SOURCES = 300;
/** From here on another version answers, and the second shadow begins. */
const MID = 120;
const SKIPPED = { from: 180, to: 200 };
/** What has no partner has none before this: a run with unanswered outputs takes its time to end. */
const WHOLE_FROM = SOURCES - 110;
const JITTER = 20;
const LATE_BY = 90;
const BATCH = 25;
const encoder = new TextEncoder();

export interface ContentOptions {
  readonly topics: Topics;
  /** Seed of the order within the window. */
  readonly order: number;
  readonly doubled: boolean;
}

export interface Content {
  readonly requests: readonly OutRecord[];
  readonly predictions: readonly OutRecord[];
  readonly shadow: readonly OutRecord[];
  readonly labels: readonly OutRecord[];
}

interface Timed {
  readonly at: number;
  readonly record: OutRecord;
}

export function comparedContent({ topics, order, doubled }: ContentOptions): Content {
  const content = { requests: [], predictions: [], shadow: [], labels: [] } as Record<keyof Content, OutRecord[]>;
  for (let partition = 0; partition < CONTENT_PARTITIONS; partition++) {
    const one = new PartitionContent(topics, partition, { random: seeded(order + partition), doubled });
    content.requests.push(...one.requests());
    content.predictions.push(...one.predictions());
    content.shadow.push(...CONTENT_SHADOWS.flatMap(({ version }) => one.shadow(version)));
    content.labels.push(...one.labels());
  }
  return content;
}

class PartitionContent {
  readonly #topics: Topics;
  readonly #partition: number;
  readonly #order: { readonly random: Random; readonly doubled: boolean };

  constructor(topics: Topics, partition: number, order: { readonly random: Random; readonly doubled: boolean }) {
    this.#topics = topics;
    this.#partition = partition;
    this.#order = order;
  }

  requests(): OutRecord[] {
    return sources().map((source) => this.#record('requests', { key: `k${source}`, value: encoder.encode('{}') }));
  }

  predictions(): OutRecord[] {
    const timed = sources().flatMap((source) => {
      if (this.#drawn(source, 'no answer') < 0.04 && source < WHOLE_FROM) return [];
      return this.#placed(source, 'live', this.#answer('predictions', source, source < MID ? 1 : 4));
    });
    timed.push({ at: 77, record: this.#record('predictions', { key: null, value: encoder.encode('nonsense') }) });
    return inOrder(timed);
  }

  /** Outputs in batches, each with its mark, as a shadow writes them; a second owner begins in the middle. */
  shadow(version: number): OutRecord[] {
    const { sampleBp = 0 } = CONTENT_SHADOWS.find((one) => one.version === version) ?? {};
    const isSampled = samplerOf(CONTENT_ENDPOINT, sampleBp);
    const begun = version === 2 ? 0 : MID;
    const timed = sources(begun).flatMap((source) => {
      if (source >= SKIPPED.from && source < SKIPPED.to) return [];
      if (!isSampled(encoder.encode(this.#requestId(source)))) return [];
      if (this.#drawn(source, `no output ${version}`) < 0.04 && source < WHOLE_FROM) return [];
      return this.#placed(source, `shadow ${version}`, this.#answer('shadow', source, version));
    });
    for (let from = begun; from < SOURCES; from += BATCH) {
      const to = Math.min(from + BATCH, SOURCES);
      timed.push({ at: to, record: this.#mark(version, { kind: 'done', from, to }) });
    }
    timed.push({ at: SKIPPED.from, record: this.#mark(version, { kind: 'skipped', ...SKIPPED }) });
    timed.push({ at: 210, record: this.#mark(version, { kind: 'begun', from: 210, to: 210 }) });
    return [this.#mark(version, { kind: 'begun', from: begun, to: begun }), ...inOrder(timed)];
  }

  /** By source, by the id of its place, by its own id; on any partition. */
  labels(): OutRecord[] {
    const timed = sources().flatMap((source) => {
      if (this.#drawn(source, 'label') > 0.5) return [];
      const place = `${this.#topics.endpoint(CONTENT_ENDPOINT, 'requests')}-${this.#partition}-${source}`;
      const names = [`${this.#partition}@${source}`, place, this.#requestId(source)];
      const key = names[Math.floor(3 * this.#drawn(source, 'label kind'))] ?? '';
      const value = encodeControl('label', { values: [source % 3] });
      const partition = source % CONTENT_PARTITIONS;
      const record = { ...this.#record('labels', { key, value }), partition };
      return this.#placed(source, 'label', record);
    });
    return inOrder(timed);
  }

  /** When its record comes: within the window, or late; and, when doubled, once more within the window. */
  #placed(source: number, what: string, record: OutRecord): Timed[] {
    const { random, doubled } = this.#order;
    const isLabel = what === 'label';
    const isBehind = !isLabel && source < WHOLE_FROM && this.#drawn(source, `late ${what}`) < 0.03;
    // Labels are keyed when all requests are there.
    const isLate = isLabel ? source < SOURCES - CONTENT_LIMITS.labelWindow : isBehind;
    const base = source + (isBehind ? LATE_BY : 0);
    const one = { at: base + JITTER * random(), record };
    const again = doubled && random() < 0.15 && !isLate ? [{ at: base + JITTER * random(), record }] : [];
    return [one, ...again];
  }

  #answer(kind: 'predictions' | 'shadow', source: number, version: number): OutRecord {
    const { versionHeaders, error } = this.#headersOf(kind, source, version);
    const json = codecNamed('json');
    const data = Float32Array.from([0, 1, 2], (place) =>
      this.#drawn(source, `${version === 4 ? 1 : version} ${place}`),
    );
    const model = { version, digest: 'd' };
    const value =
      error === null
        ? json.encodeAnswer({
            ...{ id: null, endpoint: CONTENT_ENDPOINT, model },
            outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 3], data }],
          })
        : json.encodeError({ id: null, endpoint: CONTENT_ENDPOINT, code: error, message: 'no' });
    return this.#record(kind, { key: `k${source}`, value, headers: versionHeaders });
  }

  #headersOf(kind: string, source: number, version: number) {
    const error = this.#drawn(source, `error ${version}`) < 0.05 ? 'MODEL_FAILED' : null;
    const versionHeaders = [
      header(HEADER.requestId, this.#requestId(source)),
      header(HEADER.source, `${this.#partition}@${source}`),
      header(HEADER.version, String(version)),
      header(HEADER.contentType, 'application/json'),
      header(HEADER.scoringUs, String(100 + (source % 50))),
      ...(kind === 'shadow' ? [header(HEADER.shadow, CONTENT_ROLLOUT)] : []),
      ...(error === null ? [] : [header(HEADER.error, error)]),
    ];
    return { versionHeaders, error };
  }

  #mark(
    version: number,
    progress: { readonly kind: 'begun' | 'done' | 'skipped'; readonly from: number; readonly to: number },
  ) {
    const of = CONTENT_SHADOWS.find((shadow) => shadow.version === version) ?? shadowOf(version);
    const { digest, sampleBp, tolerances } = of;
    return markRecord(this.#topics, {
      ...{ endpoint: CONTENT_ENDPOINT, rollout: CONTENT_ROLLOUT, version, partition: this.#partition },
      ...progress,
      ...{ sinceMs: 0, atMs: 0, terms: progress.kind === 'begun' ? { digest, sampleBp, tolerances } : null },
    });
  }

  #record(
    kind: keyof Content,
    of: { readonly key: string | null; readonly value: Uint8Array; readonly headers?: readonly Header[] },
  ): OutRecord {
    const key = of.key === null ? null : encoder.encode(of.key);
    const topic = this.#topics.endpoint(CONTENT_ENDPOINT, kind);
    return { topic, partition: this.#partition, key, value: of.value, headers: of.headers ?? [] };
  }

  /** Every second request has an id of its own. */
  #requestId(source: number): string {
    const requests = this.#topics.endpoint(CONTENT_ENDPOINT, 'requests');
    return source % 2 === 0 ? `id-${this.#partition}-${source}` : `${requests}-${this.#partition}-${source}`;
  }

  #drawn(source: number, what: string): number {
    let seed = 17 * source + this.#partition;
    for (const letter of what) seed = (seed * 31 + letter.charCodeAt(0)) % 1_000_003;
    const random = seeded(seed);
    random();
    return random();
  }
}

function sources(from = 0): number[] {
  return Array.from({ length: SOURCES - from }, (_, index) => from + index);
}

function inOrder(timed: readonly Timed[]): OutRecord[] {
  return [...timed].sort((a, b) => a.at - b.at).map(({ record }) => record);
}

/** Pieces of 1 to `max` records, in order, as chance has it. */
export function piecesOf(records: readonly OutRecord[], max: number, random: Random): OutRecord[][] {
  const pieces: OutRecord[][] = [];
  for (let at = 0; at < records.length; at += pieces.at(-1)?.length ?? 1) {
    pieces.push(records.slice(at, at + between(random, 1, max)));
  }
  return pieces;
}
