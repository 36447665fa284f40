// KilledLives: comparators of one world, processes started and killed by SIGKILL one after another while the content comes.
// Method: half of them die when a drawn time is over, wherever they are by then, the others at a drawn request of their own
//         (die-at-request.ts), or when it does not come in time.
// Terms: the phase of a death is read off the topics: what its process had written, and whether its last transaction was open.

import { repositoryFile } from '../../shared/broker/jars.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import type { ApiName } from '../chaos/frames.ts';
import { between, pick, type Random } from '../sim/random.ts';
import { CONTENT_ENDPOINT } from './compared-content.ts';
import { recordsOf } from './compared-counts.ts';
import type { ComparedWorld } from './compared-world.ts';
import { eventually } from './eventually.ts';
import type { Fleet, ServiceProcess } from './service-process.ts';

/** A process is ready after one or two seconds, its first totals come at once, the next ones after two. */
const LIFE_MS = { min: 100, max: 4_500 };
/** What a process may die at: at one of the first so many. */
const REQUESTS = [
  ['JoinGroup', 4],
  ['InitProducerId', 4],
  ['OffsetFetch', 4],
  ['AddPartitionsToTxn', 6],
  ['Produce', 6],
  ['EndTxn', 6],
] as const satisfies readonly (readonly [ApiName, number])[];
const TICK_MS = 50;
/** One piece in so many ticks: there is something to commit all life long. */
const TICKS_PER_PIECE = 8;
const DEATH_MS = 5_000;
const HOOK = repositoryFile('dist/test/support/die-at-request.js');

/** `starting`: it owned nothing yet. `reading`: it had committed no totals. `open`: within a transaction. */
export const PHASES = ['starting', 'reading', 'counting', 'open'] as const;
export type Phase = (typeof PHASES)[number];

interface Life {
  readonly process: ServiceProcess;
  /** Ends of what it had written, and those before it, by topic and partition. */
  readonly ends: ReadonlyMap<string, number>;
}

export interface KilledLivesOptions {
  readonly bus: Bus;
  readonly world: ComparedWorld;
  readonly fleet: Fleet;
  readonly random: Random;
}

export class KilledLives {
  readonly #options: KilledLivesOptions;
  readonly #lives: Life[] = [];

  constructor(options: KilledLivesOptions) {
    this.#options = options;
  }

  /** Each process gets its share of the content; so does one after the last of them. */
  async live(kills: number): Promise<void> {
    for (let left = kills; left > 0; left--) {
      const pieces = Math.ceil(this.#options.world.unwritten / (left + 1));
      this.#lives.push(await this.#one(pieces));
    }
  }

  /** The phases in which they were killed, of each life one, when no transaction is open any more. */
  async phases(): Promise<Phase[]> {
    const { bus, world } = this.#options;
    const written = await offsetsOf(bus, world.topics, 'read_uncommitted');
    const committed = await offsetsOf(bus, world.topics, 'read_committed');
    return this.#lives.map(({ process, ends }, index) => {
      const before = this.#lives[index - 1]?.ends;
      const within = (place: string, offset: number) =>
        offset >= (before?.get(place) ?? 0) && offset < (ends.get(place) ?? 0);
      const isOpen = [...written].some(([place, offsets]) => {
        const last = offsets.filter((offset) => within(place, offset)).at(-1);
        return last !== undefined && committed.get(place)?.includes(last) !== true;
      });
      if (isOpen) return 'open';
      const totals = world.topics.endpoint(CONTENT_ENDPOINT, 'totals');
      const hasCounted = [...committed].some(
        ([place, offsets]) => place.startsWith(`${totals} `) && offsets.some((offset) => within(place, offset)),
      );
      if (hasCounted) return 'counting';
      return process.of('partitions-assigned').length > 0 ? 'reading' : 'starting';
    });
  }

  async #one(pieces: number): Promise<Life> {
    const { bus, world, fleet, random } = this.#options;
    const isTimed = random() < 0.5;
    const lifeMs = isTimed ? between(random, LIFE_MS.min, LIFE_MS.max) : LIFE_MS.max;
    const process = fleet.start('comparator', isTimed ? {} : dyingAt(random));
    const endMs = clock.nowMs() + lifeMs;
    for (let tick = 0; process.running && clock.nowMs() < endMs; tick++) {
      if (tick % TICKS_PER_PIECE === 0 && tick / TICKS_PER_PIECE < pieces) await world.writeMore();
      await clock.sleep(Math.min(TICK_MS, Math.max(0, endMs - clock.nowMs())));
    }
    process.kill('SIGKILL');
    await eventually(`${process.name} is dead`, () => !process.running, { timeoutMs: DEATH_MS });
    return { process, ends: await endsOf(bus, world.topics) };
  }
}

function dyingAt(random: Random): Readonly<Record<string, string>> {
  const [api, nthMax] = pick(random, REQUESTS);
  const moment = pick(random, ['before', 'after']);
  return { NODE_OPTIONS: `--import=${HOOK}`, DIE_AT: `${api} ${between(random, 1, nthMax)} ${moment}` };
}

/** Topics that a comparator writes in transactions and of which it reads again what it wrote. */
function written(topics: Topics): readonly string[] {
  return [topics.endpoint(CONTENT_ENDPOINT, 'totals'), topics.endpoint(CONTENT_ENDPOINT, 'keyed-labels')];
}

async function endsOf(bus: Bus, topics: Topics): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>();
  for (const topic of written(topics)) {
    for (const { partition, end } of await bus.admin.offsets(topic)) ends.set(`${topic} ${partition}`, end);
  }
  return ends;
}

/** Offsets of records, ascending, by topic and partition. */
async function offsetsOf(
  bus: Bus,
  topics: Topics,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<ReadonlyMap<string, readonly number[]>> {
  const offsets = new Map<string, number[]>();
  for (const topic of written(topics)) {
    for await (const { partition, offset } of recordsOf(bus, topic, isolation)) {
      const place = `${topic} ${partition}`;
      offsets.set(place, [...(offsets.get(place) ?? []), offset]);
    }
  }
  return offsets;
}
