// Goal: what is written while an audit reads is no violation.
// Method: a version is taken back between the moment at which the end of E.cuts is fixed and the reading of the journal.

import { expect, it } from 'vitest';
import { found } from '../../test/support/history.ts';
import { canaryOf, cutOf, ENDPOINT, modelOf } from '../../test/support/plans.ts';
import { ROLLBACK_BOUNDS } from '../analysis/checks/rollback-bound.ts';
import type { Bus } from '../bus/bus.ts';
import { memoryBus } from '../bus/memory/memory-bus.ts';
import { memoryLog } from '../bus/memory/memory-log.ts';
import { encodeControl } from '../codec/control.ts';
import { EVENT_BLANK, type RolloutEvent, rolloutEventSchema } from '../domain/event.ts';
import type { RoutePlan } from '../domain/route-plan.ts';
import { topicsOf } from '../domain/topics.ts';
import { systemClock } from '../process/clock.ts';
import { readKnown } from './known.ts';

const topics = topicsOf('');
const key = new TextEncoder().encode(ENDPOINT);
const event = (body: object): RolloutEvent =>
  rolloutEventSchema.parse({ ...EVENT_BLANK, endpoint: ENDPOINT, seq: 2, atMs: 10_000, phase: 'serving', ...body });
const published = (plan: RoutePlan) => event({ type: 'plan-published', plan });
const aborted = event({ type: 'aborted', candidate: modelOf(2), lane: 'green' });

async function write(bus: Bus, ...events: readonly RolloutEvent[]): Promise<void> {
  const about = { topic: topics.control('events'), partition: 0, key, headers: [] };
  await bus.write(events.map((each) => ({ ...about, value: encodeControl('event', each) })));
}

/** @param meanwhile what happens before the journal is read, and after all ends are known */
async function audited(meanwhile: (bus: Bus) => Promise<void>, before: readonly RolloutEvent[]) {
  const bus = memoryBus(memoryLog(), { clock: systemClock });
  await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, 1)]);
  await write(bus, published(canaryOf(1, 5_000)), ...before);
  const reading: Bus = {
    ...{ kind: bus.kind, admin: bus.admin },
    consume: (options) => bus.consume(options),
    async *read(options) {
      if (options.topic === topics.control('workers')) await meanwhile(bus);
      yield* bus.read(options);
    },
    write: (records) => bus.write(records),
    close: () => bus.close(),
  };
  const { signal } = new AbortController();
  const about = { topics, endpoint: ENDPOINT, bounds: ROLLBACK_BOUNDS, nowMs: 60_000, signal };
  return found((await readKnown({ bus: reading, ...about }, 1)).totals);
}

const takenBack = [aborted, published(canaryOf(2, 0))];

it('a cut of an abort that came meanwhile is not missed, whatever the clocks say', async () => {
  const meanwhile = async (bus: Bus) => {
    await write(bus, ...takenBack);
    const about = { topic: topics.endpoint(ENDPOINT, 'cuts'), partition: 0, headers: [] };
    const value = encodeControl('cut', { ...cutOf(canaryOf(2, 0), 9), atMs: 10_500 });
    await bus.write([{ ...about, key: new TextEncoder().encode('2'), value }]);
  };
  expect(await audited(meanwhile, [])).toEqual({});
});

it('a cut of an abort that was there before is missed', async () => {
  expect(await audited(async () => {}, takenBack)).toEqual({ rollback: 1 });
});
