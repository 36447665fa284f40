// Goal: the Kafka bus is a bus.
// Method: the contract suite against a live broker; each process of a test is a bus with connections of its own.

import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { busContract } from '../contract/bus/bus-contract.ts';
import type { BusFixture } from '../contract/bus/world.ts';
import { describeWithBroker } from '../support/broker.ts';
import { rawProducers } from './raw-producer.ts';

describeWithBroker('Kafka', ({ brokers, prefix }) => {
  busContract('Kafka', async () => kafkaFixture(brokers), prefix);
});

function kafkaFixture(brokers: readonly string[]): BusFixture {
  const options = (clientId: string) => ({
    ...{ brokers, clientId, clock: systemClock, onNotice: () => {} },
    partitionCheckIntervalMs: 300,
  });
  const buses: Bus[] = [];
  const connect = () => {
    const bus = kafkaBus(options(`contract-${buses.length}`));
    buses.push(bus);
    return bus;
  };
  const producers = rawProducers(options('contract-raw'));
  return {
    bus: connect(),
    secondBus: async () => connect(),
    producer: (transactionalId) => producers.open(transactionalId),
    close: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      producers.close();
    },
  };
}
