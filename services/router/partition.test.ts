// Goal: the new-owner order (fence → cuts to the high watermark → committed offset → seek → route) is what keeps every
//       request routed once, and by the plan on record. Each step is left out once, and then the result is wrong.
// Method: a zombie's last commit arrives in the middle of a take-over (test/support/handover.ts); wrong owners are made by
//         wrapping the bus and the partition that `routePartition` is given, whose own code stays as it is.

import { beforeEach, describe, expect, it } from 'vitest';
import type { Bus, OwnedPartition, ReadBatch } from '../../shared/bus/bus.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { Handover, RIGHT, RouterWorld, type Successor } from '../../test/support/handover.ts';
import { canaryOf, cutOf, ENDPOINT, planOf, planTable } from '../../test/support/plans.ts';

type Step = 'fence' | 'resume' | 'take';

const REQUESTS = topicsOf('').endpoint(ENDPOINT, 'requests');

/** `owned` with some of its steps replaced. */
function partitionWith(owned: OwnedPartition, steps: Partial<Pick<OwnedPartition, Step>>): OwnedPartition {
  const { topic, partition, lost } = owned;
  return {
    ...{ topic, partition, lost },
    fence: () => owned.fence(),
    resume: () => owned.resume(),
    take: (options) => owned.take(options),
    commit: (work) => owned.commit(work),
    ...steps,
  };
}

/** `bus` with another way to read the cuts. */
function busWith(bus: Bus, cuts: () => Promise<readonly ReadBatch[]>): Bus {
  const { kind, admin } = bus;
  async function* batches() {
    yield* await cuts();
  }
  return {
    ...{ kind, admin },
    consume: (options) => bus.consume(options),
    write: (records) => bus.write(records),
    close: () => bus.close(),
    read: (options) => (handover.readsCuts(options) ? batches() : bus.read(options)),
  };
}

/** Takes from `start()` on, wherever the group stands: what `take` does when nobody has sought the committed offset. */
function takeFrom(bus: Bus, owned: OwnedPartition, start: () => number): OwnedPartition['take'] {
  let position: number | null = null;
  return async (options) => {
    const from = position ?? start();
    const records = [];
    let nextOffset = from;
    const source = { topic: owned.topic, partitions: [owned.partition], from, until: 'end' } as const;
    for await (const batch of bus.read(source)) {
      records.push(...batch.records);
      nextOffset = batch.nextOffset;
    }
    if (records.length === 0) await handover.clock.sleep(options.maxWaitMs, owned.lost);
    position = nextOffset;
    return { records, nextOffset };
  };
}

/** Just before the fence the zombie commits, and readers of its cut must wait for the end of a stranger's transaction. */
function behindAnOpenTransaction(owned: OwnedPartition): OwnedPartition {
  return partitionWith(owned, {
    fence: async () => {
      handover.holdBackReaders();
      expect(await handover.zombieCommits()).toBe('accepted');
      await owned.fence();
    },
  });
}

let handover: Handover;
beforeEach(async () => {
  handover = new Handover();
  await handover.prepare();
});

describe('a new owner that keeps the order', () => {
  const moments = ['before the fence', 'after the fence', 'after the cuts', 'after the offset'] as const;

  /** The real steps, with the zombie's commit at `moment`. */
  function interrupted(moment: (typeof moments)[number]): (bus: Bus) => Successor {
    const at = async (now: string) => {
      if (now === moment) await handover.zombieCommits();
    };
    return (bus) => ({
      bus: busWith(bus, async () => {
        const batches = await handover.cutBatches(bus);
        await at('after the cuts');
        return batches;
      }),
      partition: (owned) =>
        partitionWith(owned, {
          fence: async () => {
            await at('before the fence');
            await owned.fence();
            await at('after the fence');
          },
          resume: async () => {
            const offset = await owned.resume();
            await at('after the offset');
            return offset;
          },
        }),
    });
  }

  it.each(moments)('routes every request once and as recorded when the zombie commits %s', async (moment) => {
    expect(await handover.takeOver(interrupted(moment))).toEqual(RIGHT);
    expect(await handover.zombieCommits()).toBe(moment === 'before the fence' ? 'accepted' : 'FENCED');
  });

  it('goes on by the cut of the zombie, though its own newest plan is older', async () => {
    await handover.takeOver(interrupted('before the fence'), planOf(1));
    expect(handover.cuts).toEqual(['1@0', '2@4']);
    expect(handover.routed().slice(-4)).toEqual(['4 by 2', '5 by 2', '6 by 2', '7 by 2']);
  });

  it('decides itself where the newer plan begins when the zombie came too late', async () => {
    await handover.takeOver(interrupted('after the fence'), canaryOf(2, 10_000));
    expect(handover.cuts).toEqual(['1@0', '2@4']);
  });

  it("waits for cuts that stand behind someone else's open transaction", async () => {
    expect(await handover.takeOver((bus) => ({ bus, partition: behindAnOpenTransaction }))).toEqual(RIGHT);
  });
});

describe('a new owner that leaves a step out', () => {
  it('routes by an older plan than the one on record when it reads the cuts before it fences', async () => {
    let tellRead: () => void = () => {};
    const read = new Promise<void>((resolve) => {
      tellRead = resolve;
    });
    const verdict = await handover.takeOver((bus) => ({
      bus: busWith(bus, async () => {
        const batches = await handover.cutBatches(bus);
        await handover.zombieCommits();
        tellRead();
        return batches;
      }),
      partition: (owned) =>
        partitionWith(owned, {
          fence: async () => {},
          resume: async () => {
            await read;
            await owned.fence();
            return owned.resume();
          },
        }),
    }));
    expect(verdict).toEqual({ ...RIGHT, wrongPlan: [6, 7] });
  });

  it('moves the cut of requests that are routed already when it knows the newer plan and not its cut', async () => {
    const stale = (bus: Bus): Successor => {
      let before: readonly ReadBatch[] = [];
      return {
        bus: busWith(bus, async () => before),
        partition: (owned) =>
          partitionWith(owned, {
            fence: async () => {
              before = await handover.cutBatches(bus);
              await handover.zombieCommits();
              await owned.fence();
            },
          }),
      };
    };
    const verdict = await handover.takeOver(stale, canaryOf(2, 10_000));
    expect(handover.cuts).toEqual(['1@0', '2@4', '2@6']);
    expect(verdict).toEqual({ ...RIGHT, wrongPlan: [4, 5] });
  });

  it('overlooks a cut when it reads to the last stable offset and not to the high watermark', async () => {
    const verdict = await handover.takeOver((bus) => ({
      bus: busWith(bus, async () => {
        for await (const batch of bus.read({ topic: `${ENDPOINT}.cuts`, from: 'earliest', until: 'never' })) {
          if (batch.nextOffset >= batch.endOffset) return [batch];
        }
        return [];
      }),
      partition: behindAnOpenTransaction,
    }));
    expect(verdict).toEqual({ ...RIGHT, wrongPlan: [6, 7] });
  });

  it('contradicts the record when it reads no cuts at all', async () => {
    await handover.zombieCommits();
    const verdict = await handover.takeOver((bus) => ({
      bus: busWith(bus, async () => []),
      partition: (owned) => owned,
    }));
    expect(handover.cuts).toEqual(['1@0', '2@4', '1@6']);
    expect(verdict).toEqual({ ...RIGHT, cuts: 'in disorder' });
  });

  it('routes requests twice when it reads the committed offset before it fences', async () => {
    const verdict = await handover.takeOver((bus) => ({
      bus,
      partition: (owned) => {
        let before = -1;
        return partitionWith(owned, {
          fence: async () => {
            before = (await bus.admin.committed('millrace.router.numbers', REQUESTS))[0] ?? -1;
            await handover.zombieCommits();
            await owned.fence();
          },
          resume: async () => {
            await owned.resume();
            return before;
          },
          take: takeFrom(bus, owned, () => before),
        });
      },
    }));
    expect(verdict).toEqual({ ...RIGHT, doubled: [4, 5] });
  });

  it('routes everything twice when it does not read the committed offset', async () => {
    const verdict = await handover.takeOver((bus) => ({
      bus,
      partition: (owned) =>
        partitionWith(owned, {
          resume: async () => {
            await owned.resume();
            return 0;
          },
          take: takeFrom(bus, owned, () => 0),
        }),
    }));
    expect(verdict).toEqual({ ...RIGHT, doubled: [0, 1, 2, 3] });
  });
});

describe('a new owner after a failed commit', () => {
  /** Refuses the first commit of the successor. */
  async function refusedOnce(): Promise<void> {
    let refused = false;
    handover = new Handover({
      beforeCommit: ({ client }) => {
        if (client !== 'successor' || refused) return;
        refused = true;
        throw new RangeError('the connection is gone');
      },
    });
    await handover.prepare();
    await handover.zombieCommits();
  }

  it('seeks back and routes again what did not count', async () => {
    await refusedOnce();
    expect(await handover.takeOver((bus) => ({ bus, partition: (owned) => owned }))).toEqual(RIGHT);
    expect(handover.problems).toMatchObject([{ code: 'COMMIT_DOUBTFUL' }]);
  });

  it('loses requests when it goes on from where it was and does not seek', async () => {
    await refusedOnce();
    let position: number | null = null;
    const going = handover.takeOver(
      (bus) => ({
        bus,
        partition: (owned) => {
          const take = takeFrom(bus, owned, () => position ?? 6);
          return partitionWith(owned, {
            take: async (options) => {
              const taken = await take(options);
              position = taken.nextOffset;
              return taken;
            },
          });
        },
      }),
      planOf(1),
      9,
    );
    await handover.clock.until(() => handover.problems.length > 0);
    await handover.send(1);
    expect(await going).toEqual({ ...RIGHT, lost: [6, 7] });
  });
});

describe('a partition', () => {
  it('never goes back to a plan that is older than its last cut', async () => {
    const world = new RouterWorld();
    await world.record(cutOf(canaryOf(5, 5_000), 0));
    await world.send(20);
    const plans = planTable(planOf(3));
    await world.route(plans);
    await world.committed(20);
    expect(new Set(world.routed().map((text) => text.split(' by ')[1]))).toEqual(new Set(['5']));
    plans.put(planOf(4));
    await world.send(1);
    await world.committed(21);
    plans.put(canaryOf(6, 0));
    await world.clock.settle();
    expect(world.cuts).toEqual(['5@0', '6@21']);
    expect(world.verdict()).toEqual(RIGHT);
  });

  it('is cut over while it is idle, and only once', async () => {
    const world = new RouterWorld();
    const plans = planTable(planOf(1));
    await world.route(plans);
    await world.clock.settle();
    expect(world.cuts).toEqual(['1@0']);
    await world.send(3);
    await world.committed(3);
    plans.put(canaryOf(2, 1_000));
    await world.clock.settle();
    expect(world.cuts).toEqual(['1@0', '2@3']);
    plans.put(canaryOf(2, 1_000));
    await world.clock.advance(10_000);
    expect(world.cuts).toEqual(['1@0', '2@3']);
  });

  it('routes nothing before the first plan that routes anything', async () => {
    const world = new RouterWorld();
    await world.send(3);
    const plans = planTable(planOf(1, { shares: [] }));
    await world.route(plans);
    await world.clock.advance(5_000);
    expect([world.cuts, world.routed()]).toEqual([[], []]);
    plans.put(planOf(2));
    await world.committed(3);
    expect([world.cuts, world.verdict()]).toEqual([['2@0'], RIGHT]);
  });

  it('writes the cut in the transaction of the requests that it governs: an aborted one leaves neither', async () => {
    let fail = true;
    const seen: (readonly string[])[] = [];
    const world: RouterWorld = new RouterWorld({
      beforeCommit: () => {
        if (!fail) return;
        seen.push(world.cuts, world.routed(), world.routed('read_uncommitted'));
        fail = false;
        throw new RangeError('the process dies');
      },
    });
    await world.send(2);
    await world.route(planTable(planOf(1)));
    await world.committed(2);
    expect(seen).toEqual([[], [], ['0 by 1', '1 by 1']]);
    expect(world.read(`${ENDPOINT}.cuts`, 'read_uncommitted')).toHaveLength(2);
    expect([world.cuts, world.routed()]).toEqual([['1@0'], ['0 by 1', '1 by 1']]);
  });

  it('finds cut and requests in place when only the answer to its commit was lost', async () => {
    let fail = true;
    const world = new RouterWorld({
      afterCommit: () => {
        if (!fail) return;
        fail = false;
        throw new RangeError('the answer is lost');
      },
    });
    await world.send(2);
    await world.route(planTable(planOf(1)));
    await world.clock.until(() => world.problems.length > 0);
    await world.send(1);
    await world.committed(3);
    expect([world.cuts, world.verdict()]).toEqual([['1@0'], RIGHT]);
  });

  it('has its cut on record before anything is routed by it where there are no transactions', async () => {
    const orders: (readonly string[])[] = [];
    const world: RouterWorld = new RouterWorld({ afterAppend: ({ topics }) => void orders.push(topics) });
    await world.send(2);
    await world.route(planTable(planOf(1, { delivery: 'at-least-once' })), { delivery: 'at-least-once' });
    await world.committed(2);
    expect(orders.filter(([topic]) => topic !== REQUESTS)).toEqual([[`${ENDPOINT}.cuts`], [`${ENDPOINT}.lane.blue`]]);
  });

  it('buries a cut, once, when all requests that it governs are gone', async () => {
    const world = new RouterWorld();
    const plans = planTable(planOf(1));
    await world.route(plans);
    for (const revision of [2, 3, 4, 5]) {
      await world.send(2);
      await world.committed(2 * (revision - 1));
      if (revision > 3) world.log.truncate(REQUESTS, 0, 2 * (revision - 3));
      plans.put(planOf(revision));
      await world.clock.settle();
    }
    expect(world.cuts).toEqual(['1@0', '2@2', '3@4', '4@6', '1 gone', '5@8', '2 gone']);
  });
});
