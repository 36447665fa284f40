// Place: a house of real processes on a real broker, with digits to send to it.

import { DIGITS_ENDPOINT, digitTensor, loadDigits } from '../../demo/data/digits.ts';
import { type Operator, operatorOf } from '../../demo/run/control.ts';
import type { RunningBroker } from '../../shared/broker/running-broker.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { codecNamed } from '../../shared/codec/registry.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import { partitionFor } from '../../shared/domain/partitioner.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { type Topics, topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { Fleet } from '../support/service-process.ts';

const PARTITIONS = 4;
/** Distinct requests, each with a key of its own; sent again and again. More than are on their way when somebody times them. */
const REQUESTS_KEPT = 4_000;
const WRITE_DEADLINE_MS = 60_000;

export interface Place {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly fleet: Fleet;
  readonly operator: Operator;
  /** Writes so many requests more. */
  send(count: number): Promise<void>;
  sent(): number;
  /** The key of request `index` (0-based, in the order in which they were sent). */
  keyOf(index: number): string;
  stop(): Promise<void>;
}

/** One controller, one router and one scorer that serve `version`. */
export async function openPlace(broker: RunningBroker, prefix: string, version: number): Promise<Place> {
  const { brokers } = broker;
  const topics = topicsOf(prefix);
  const bus = kafkaBus({ brokers, clientId: 'overload', clock, onNotice: () => undefined });
  const fleet = new Fleet({ brokers, prefix });
  const requests = requestsOf(topics.endpoint(DIGITS_ENDPOINT, 'requests'));
  let [taken, sent] = [0, 0];
  // The controller makes the topics that the operator reads.
  await fleet.start('controller').ready();
  const operator = operatorOf({ bus, topics, clock, endpoint: DIGITS_ENDPOINT });
  const place: Place = {
    ...{ bus, topics, endpoint: DIGITS_ENDPOINT, fleet, operator },
    send: async (count) => {
      // Taken at once: the next write may begin before this one ends, and must not send the same.
      const first = taken;
      taken += count;
      const records = Array.from({ length: count }, (_, i) => requests[(first + i) % REQUESTS_KEPT]);
      await bus.write(
        records.filter((record) => record !== undefined),
        { deadlineMs: WRITE_DEADLINE_MS },
      );
      sent += count;
    },
    sent: () => sent,
    keyOf,
    stop: async () => {
      await operator.stop();
      await fleet.stop();
      await bus.close();
    },
  };
  try {
    await Promise.all([fleet.start('router').ready(), fleet.start('scorer').ready()]);
    await operator.defineEndpoint({
      ...{ endpoint: DIGITS_ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once' },
      ...{ road: 'lanes', ordering: 'per-key' },
    });
    await operator.apply({ candidate: version, strategy: 'basic' });
    await operator.next(`v${version} serves`, (event) => event.type === 'rollout-completed');
    return place;
  } catch (error) {
    await place.stop();
    throw error;
  }
}

function keyOf(index: number): string {
  return `writer-${index % REQUESTS_KEPT}`;
}

/** Made once: whoever sends them has the cores in common with who answers. */
function requestsOf(topic: string): readonly OutRecord[] {
  const digits = loadDigits();
  const codec = codecNamed('avro');
  const headers = [header(HEADER.contentType, codec.contentType)];
  return Array.from({ length: REQUESTS_KEPT }, (_, row) => {
    const key = Buffer.from(keyOf(row));
    const value = codec.encodeRequest([digitTensor(digits, row)], {});
    return { topic, partition: partitionFor(key, PARTITIONS), key, value, headers };
  });
}
