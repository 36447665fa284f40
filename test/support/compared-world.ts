// ComparedWorld: the topics of a comparator, and the content of compared-content.ts coming to them in pieces.
// Use: `prepare` → `writeMore` until nothing is `unwritten` → `endRuns` → `counted`; `undisturbed` is what to expect.

import { startComparator } from '../../services/comparator/service.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { type Random, seeded } from '../sim/random.ts';
import {
  CONTENT_ENDPOINT,
  CONTENT_LIMITS,
  CONTENT_PARTITIONS,
  CONTENT_ROLLOUT,
  CONTENT_SHADOWS,
  type Content,
  piecesOf,
} from './compared-content.ts';
import { type Counted, countedOf } from './compared-counts.ts';
import { planOf } from './plans.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Of each stream, one piece comes so often when content comes: streams run ahead of one another. */
const SHARE = 0.7;
/** By then a comparator in peace has opened its runs, and by then it has ended them. */
const BEGIN_MS = 2_000;
const END_MS = 10_000;
const encoder = new TextEncoder();

export interface ComparedWorldOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly content: Content;
  /** Records of a piece, at most. */
  readonly pieceMax: number;
  readonly random: Random;
}

export class ComparedWorld {
  readonly topics: Topics;
  readonly #bus: Bus;
  readonly #random: Random;
  readonly #requests: readonly OutRecord[];
  readonly #streams: readonly OutRecord[][][];

  constructor({ bus, topics, content, pieceMax, random }: ComparedWorldOptions) {
    this.topics = topics;
    this.#bus = bus;
    this.#random = random;
    this.#requests = content.requests;
    this.#streams = [content.predictions, content.shadow, content.labels].map((records) =>
      piecesOf(records, pieceMax, random),
    );
  }

  /** The topics, with the requests and the plan that names the shadows. */
  async prepare(): Promise<void> {
    await this.#bus.admin.createTopics([
      ...this.topics.controlTopicSpecs(),
      ...this.topics.endpointTopicSpecs(CONTENT_ENDPOINT, CONTENT_PARTITIONS),
    ]);
    await this.#bus.write([...this.#requests, this.#plan(1, CONTENT_SHADOWS)]);
  }

  /** Pieces of the stream that has most of them yet. */
  get unwritten(): number {
    return Math.max(...this.#streams.map((pieces) => pieces.length));
  }

  async writeMore(): Promise<void> {
    const records = this.#streams.flatMap((pieces) => (this.#random() < SHARE ? (pieces.shift() ?? []) : []));
    if (records.length > 0) await this.#bus.write(records);
  }

  /** All that is unwritten. */
  async writeRest(): Promise<void> {
    await this.#bus.write(this.#streams.flatMap((pieces) => pieces.splice(0).flat()));
  }

  /** No plan names the shadows any more. */
  async endRuns(): Promise<void> {
    await this.#bus.write([this.#plan(2, [])]);
  }

  /** What was counted, once that is everything; null before. */
  async counted(): Promise<Counted | null> {
    const { counts, done } = await countedOf(this.#bus, this.topics, CONTENT_ENDPOINT);
    return done ? counts : null;
  }

  #plan(revision: number, shadows: RoutePlan['shadows']): OutRecord {
    return {
      ...{ topic: this.topics.control('plans'), partition: 0, key: encoder.encode(CONTENT_ENDPOINT), headers: [] },
      value: encodeControl('plan', planOf(revision, { rollout: CONTENT_ROLLOUT, shadows })),
    };
  }
}

/** What a comparator counts that nobody disturbs, when all of the content is there before it starts. */
export async function undisturbed(topics: Topics, content: Content): Promise<Counted> {
  const clock = new VirtualClock();
  const bus = memoryBus(memoryLog(), { clock });
  const world = new ComparedWorld({ bus, topics, content, pieceMax: 1, random: seeded(0) });
  await world.prepare();
  await world.writeRest();
  const limits = limitsWith(CONTENT_LIMITS);
  const starting = startComparator({ bus, topics, clock, log: silentLog, limits });
  await clock.advance(BEGIN_MS);
  await world.endRuns();
  await clock.advance(END_MS);
  const counted = await clock.driven(world.counted());
  await clock.driven(starting.then((running) => running.stop()));
  await bus.close();
  if (counted === null) throw new RangeError('not everything was counted in peace');
  return counted;
}
