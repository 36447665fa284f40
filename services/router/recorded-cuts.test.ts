// Goal: whatever lies on E.cuts, and however slowly the broker tells where requests begin, a partition is routed on.
// Method: one partition on the memory bus, cuts put on record as an earlier owner or a stranger did.

import { describe, expect, it } from 'vitest';
import type { Bus } from '../../shared/bus/bus.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { RIGHT, RouterWorld, type Successor } from '../../test/support/handover.ts';
import { bytesOf, canaryOf, cutOf, ENDPOINT, planOf, planTable } from '../../test/support/plans.ts';

const CUTS = topicsOf('').endpoint(ENDPOINT, 'cuts');

/** `bus` whose admin answers about offsets as `offsets` does. */
function withOffsets(offsets: Bus['admin']['offsets']): (bus: Bus) => Successor {
  return (bus) => ({
    bus: {
      kind: bus.kind,
      admin: { ...bus.admin, offsets },
      consume: (options) => bus.consume(options),
      read: (options) => bus.read(options),
      write: (records) => bus.write(records),
      close: () => bus.close(),
    },
    partition: (owned) => owned,
  });
}

describe('an endpoint that is defined again', () => {
  it('routes nothing by the cuts of its former life: it waits for a plan that routes', async () => {
    const world = new RouterWorld();
    await world.record(cutOf(canaryOf(5, 5_000), 0));
    await world.send(3);
    const plans = planTable(planOf(6, { shares: [] }));
    await world.route(plans);
    await world.clock.advance(5_000);
    expect([world.cuts, world.routed()]).toEqual([['5@0'], []]);
    plans.put(planOf(7));
    await world.committed(3);
    expect(world.routed()).toEqual(['0 by 7', '1 by 7', '2 by 7']);
  });

  it('routes nothing while it is removed', async () => {
    const world = new RouterWorld();
    await world.record(cutOf(planOf(5), 0));
    await world.send(3);
    await world.route(planTable());
    await world.clock.advance(5_000);
    expect(world.routed()).toEqual([]);
  });
});

describe('a search for obsolete cuts', () => {
  it('asks for the own partition only', async () => {
    const asked: unknown[] = [];
    const world = new RouterWorld();
    const offsets: Bus['admin']['offsets'] = async (...place) => {
      asked.push(place);
      return [{ partition: 0, earliest: 0, end: 0 }];
    };
    await world.route(planTable(planOf(1)), { as: withOffsets(offsets) });
    await world.clock.settle();
    expect(asked).toEqual([[`${ENDPOINT}.requests`, [0]]]);
  });

  it.each([
    ['never ends', () => new Promise<never>(() => undefined)],
    ['fails', () => Promise.reject(new RangeError('no leader'))],
  ])('that %s holds neither the cut nor the requests back', async (_how, offsets) => {
    const world = new RouterWorld();
    await world.send(2);
    await world.route(planTable(planOf(1)), { as: withOffsets(offsets) });
    await world.clock.settle();
    expect([world.cuts, world.routed(), world.problems]).toEqual([['1@0'], ['0 by 1', '1 by 1'], []]);
  });
});

describe('cuts that contradict one another', () => {
  it('do not stop the next owner: the newer one begins where the older does', async () => {
    const world = new RouterWorld();
    await world.record(cutOf(planOf(1), 0), cutOf(planOf(2), 4), cutOf(planOf(3), 2));
    await world.send(6);
    await world.route(planTable(planOf(3)));
    await world.committed(6);
    expect(world.routed()).toEqual(['0 by 1', '1 by 1', '2 by 1', '3 by 1', '4 by 3', '5 by 3']);
    expect(world.told).toContainEqual({
      event: 'control-unreadable',
      fields: { service: 'router', error: expect.objectContaining({ code: 'CUT_ORDER' }) },
    });
  });

  it('are not written where the group was set back: a newer plan begins at the last cut', async () => {
    const world = new RouterWorld();
    await world.record(cutOf(planOf(1), 0), cutOf(planOf(2), 4));
    await world.send(6);
    await world.route(planTable(planOf(3)));
    await world.committed(6);
    expect([world.cuts, world.verdict()]).toEqual([['1@0', '2@4', '3@4'], RIGHT]);
  });
});

describe('a cut that cannot be read', () => {
  it('is told and left out; what it governed goes by the next one, on record again', async () => {
    const world = new RouterWorld();
    const garbage = { topic: CUTS, partition: 0, key: bytesOf('1'), value: bytesOf('no cut'), headers: [] };
    await world.bus.write([garbage]);
    await world.record(cutOf(planOf(2), 2));
    await world.send(4);
    await world.route(planTable(planOf(2)));
    await world.committed(4);
    expect(world.routed()).toEqual(['0 by 2', '1 by 2', '2 by 2', '3 by 2']);
    expect(world.told.map(({ event }) => event)).toEqual(['control-unreadable', 'cut-written']);
    expect(world.problems).toEqual([]);
  });
});

describe('the log', () => {
  it('has the cut of an idle partition where there are no transactions', async () => {
    const world = new RouterWorld();
    await world.route(planTable(planOf(1, { delivery: 'at-least-once' })), { delivery: 'at-least-once' });
    await world.clock.settle();
    expect(world.told).toEqual([
      { event: 'cut-written', fields: { endpoint: ENDPOINT, partition: 0, revision: 1, offset: 0 } },
    ]);
  });
});
