// FailingBus: a bus whose owners and readers are thrown out at random moments, as a killed process is, without its session.
// Method: a take, a read or a commit fails: before it is sent, when its outputs are written and its end is not, or when it has
//         happened and its answer is lost. The bus starts the partition's work over, and that knows only what is on the topics.

import type { Bus, OwnedPartition, ReadBatch, ReadOptions } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { between, type Random } from '../sim/random.ts';

/** One of so many fails; a restart reads some ten times before it does anything. */
const ONE_OF = {
  take: 2,
  read: 9,
  'commit not sent': 3,
  'commit without its end': 3,
  'commit answer lost': 2,
} as const;
/** No topic takes so much. */
const TOO_LARGE = new Uint8Array(2 * 1024 * 1024);

type Moment = keyof typeof ONE_OF;
type Work = Parameters<OwnedPartition['commit']>[0];

export class FailingBus implements Bus {
  readonly kind;
  readonly admin;
  readonly #bus: Bus;
  readonly #random: Random;
  readonly #max: number;
  /** By moment. */
  readonly failed: Record<Moment, number> = {
    ...{ take: 0, read: 0 },
    ...{ 'commit not sent': 0, 'commit without its end': 0, 'commit answer lost': 0 },
  };

  constructor(bus: Bus, random: Random, max: number) {
    this.kind = bus.kind;
    this.admin = bus.admin;
    this.#bus = bus;
    this.#random = random;
    this.#max = max;
  }

  get failures(): number {
    return Object.values(this.failed).reduce((sum, count) => sum + count, 0);
  }

  consume(options: Parameters<Bus['consume']>[0]): ReturnType<Bus['consume']> {
    return this.#bus.consume({ ...options, onPartition: (owned) => options.onPartition(this.#failing(owned)) });
  }

  /** Readers of whole topics, such as the plans, are let through: their failing ends no partition's work. */
  read(options: ReadOptions): AsyncIterable<ReadBatch> {
    return options.partitions === undefined ? this.#bus.read(options) : this.#failingRead(options);
  }

  write(...args: Parameters<Bus['write']>): Promise<void> {
    return this.#bus.write(...args);
  }

  close(): Promise<void> {
    return this.#bus.close();
  }

  async *#failingRead(options: ReadOptions): AsyncIterable<ReadBatch> {
    for await (const batch of this.#bus.read(options)) {
      this.#maybeFail('read');
      yield batch;
    }
  }

  #failing(owned: OwnedPartition): OwnedPartition {
    const { topic, partition, lost } = owned;
    return {
      ...{ topic, partition, lost },
      fence: () => owned.fence(),
      resume: (otherwise) => owned.resume(otherwise),
      take: async (options) => {
        const taken = await owned.take(options);
        if (taken.records.length > 0) this.#maybeFail('take');
        return taken;
      },
      commit: async (work) => {
        this.#maybeFail('commit not sent');
        await owned.commit(this.#maybeEndless(work));
        this.#maybeFail('commit answer lost');
      },
    };
  }

  /** With an output behind the others that is refused when they are written: so the transaction does not end in a commit. */
  #maybeEndless(work: Work): Work {
    const [first] = work.outputs;
    if (first === undefined || !this.#fails('commit without its end')) return work;
    return { ...work, outputs: [...work.outputs, { ...first, value: TOO_LARGE }] };
  }

  #fails(moment: Moment): boolean {
    if (this.failures >= this.#max || between(this.#random, 1, ONE_OF[moment]) > 1) return false;
    this.failed[moment] += 1;
    return true;
  }

  #maybeFail(moment: Moment): void {
    if (!this.#fails(moment)) return;
    throw new MillraceError('COMMIT_DOUBTFUL', { topic: '', partition: 0, detail: `${moment}: planted` });
  }
}
