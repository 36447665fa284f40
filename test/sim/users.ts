// Users: a producer that sends requests and an operator who cannot make up his mind, both through topics.

import type { MemoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { Bytes, OutRecord } from '../../shared/domain/record.ts';
import type { Command } from '../../shared/domain/rollout.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { parseRollout } from '../../shared/strategies/registry.ts';
import type { Faults } from './faults.ts';
import { between, pick, type Random } from './random.ts';
import type { SimClock } from './sim-clock.ts';

export const SIM_ENDPOINT = 'numbers';
export const SIM_PARTITIONS = 3;
/** What a request asks about, for the checks. */
export const SIM_HEADER = 'sim-x';

const KEYS = 12;
const CANDIDATES_MAX = 9;
const BURST_MAX = 8;
/** Requests that pile up, at most. */
const PILE_MAX = 1_500;
/** How long they have been waiting when the version is taken back, ms: on their way to the scorer. */
const PILE_MS = 300;
const encoder = new TextEncoder();

export interface UsersDeps {
  readonly bus: MemoryBus;
  readonly topics: Topics;
  readonly clock: SimClock;
  readonly random: Random;
  readonly faults: Faults;
  /** Whether requests pile up before a version is taken back. */
  readonly pilesUp: boolean;
}

export class Users {
  readonly #deps: UsersDeps;
  sent = 0;
  #keys = 0;
  /** A control record that is held back until after the next one. */
  #held: OutRecord | null = null;

  constructor(deps: UsersDeps) {
    this.#deps = deps;
  }

  async define(): Promise<void> {
    const settings = { endpoint: SIM_ENDPOINT, partitions: SIM_PARTITIONS, delivery: 'exactly-once' } as const;
    const value = encodeControl('endpoint', { ...settings, road: 'lanes', ordering: 'per-key' });
    await this.#write('endpoints', value);
  }

  rollOut(candidate: number, strategy: string): Promise<void> {
    const rollout = parseRollout({ endpoint: SIM_ENDPOINT, candidate, strategy, ...this.#optionsOf(strategy) });
    return this.#write('rollouts', encodeControl('rollout', rollout));
  }

  #optionsOf(strategy: string): object {
    const { random } = this.#deps;
    const shadow = {
      sampleBp: pick(random, [2_000, 10_000, 10_000]),
      // Small enough that a shadow that was away drops some.
      maxLag: pick(random, [40, 1_000]),
      from: pick(random, [{ kind: 'rollout' }, { kind: 'now' }, { kind: 'offset', at: 0 }]),
      baselineBp: pick(random, [0, 0, 3_000]),
    };
    const shadows = random() < 0.2 ? { shadows: [{ ...shadow, candidate: between(random, 1, CANDIDATES_MAX) }] } : {};
    if (strategy === 'shadow') return { shadow, ...shadows };
    return strategy === 'canary' ? { canary: { weightBp: pick(random, [500, 1_000, 5_000]) }, ...shadows } : shadows;
  }

  /** Ground truth of an earlier request, by its place or its id, on any partition. */
  async label(): Promise<void> {
    const { bus, topics, random } = this.#deps;
    const key = pick(random, [
      `${between(random, 0, 1)}@${between(random, 0, this.sent)}`,
      `id-${between(random, 0, this.sent)}`,
    ]);
    const value = encodeControl('label', { values: [between(random, 0, 9)] });
    const place = { topic: topics.endpoint(SIM_ENDPOINT, 'labels'), partition: between(random, 0, SIM_PARTITIONS - 1) };
    await bus.write([{ ...place, key: encoder.encode(key), value, headers: [] }]);
  }

  /** One burst of requests; the last partition is idle most of the time. */
  async send(max = BURST_MAX): Promise<void> {
    const { bus, topics, random } = this.#deps;
    const idle = random() < 0.9;
    const records = Array.from({ length: between(random, 1, max) }, (): OutRecord => {
      const x = this.sent++;
      const key = between(random, 0, KEYS - 1);
      const partition = key % (idle ? SIM_PARTITIONS - 1 : SIM_PARTITIONS);
      const bad = random() < 0.02;
      return {
        ...{ topic: topics.endpoint(SIM_ENDPOINT, 'requests'), partition, key: encoder.encode(`key ${key}`) },
        value: encoder.encode(bad ? 'nonsense' : request(x)),
        headers: [header(SIM_HEADER, String(x)), ...(x % 2 === 0 ? [header(HEADER.cloudEventId, `id-${x}`)] : [])],
      };
    });
    await bus.write(records);
  }

  /** One more change of mind. */
  async act(): Promise<void> {
    const { random, clock, pilesUp } = this.#deps;
    const verb = pick(random, ['roll out', 'roll out', 'promote', 'abort', 'set-weight'] as const);
    const candidate = between(random, 1, CANDIDATES_MAX);
    const strategy = pick(random, ['basic', 'blue-green', 'canary', 'canary', 'shadow', 'shadow']);
    const weightBp = pick(random, [0, 500, 2_500, 10_000]);
    if (verb === 'roll out') return this.rollOut(candidate, strategy);
    if (verb === 'abort' && pilesUp) {
      await this.send(PILE_MAX);
      await clock.sleep(PILE_MS);
    }
    const who = { endpoint: SIM_ENDPOINT, idempotencyKey: `key-${++this.#keys}`, actor: 'sim', reason: '' };
    const command: Command = verb === 'set-weight' ? { ...who, verb, weightBp } : { ...who, verb };
    return this.#write('commands', encodeControl('command', command));
  }

  async #write(topic: 'endpoints' | 'rollouts' | 'commands', value: Bytes): Promise<void> {
    const { bus, topics, faults } = this.#deps;
    const place = { topic: topics.control(topic), partition: 0, key: encoder.encode(SIM_ENDPOINT), headers: [] };
    const record: OutRecord = { ...place, value };
    const repeated = faults.happens('control-repeated', 0.1);
    if (faults.happens('control-reordered', 0.1) && this.#held === null) {
      this.#held = record;
      return;
    }
    const held = this.#held;
    this.#held = null;
    for (const one of [record, ...(repeated ? [record] : []), ...(held === null ? [] : [held])]) await bus.write([one]);
  }
}

function request(x: number): string {
  return JSON.stringify({ id: `n${x}`, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [x] }] });
}
