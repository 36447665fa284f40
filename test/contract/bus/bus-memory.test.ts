// Goal: the memory bus is a bus.
// Method: the contract suite on one memory log, each process a client of it; raw producers write to the log directly.

import type { Bus } from '../../../shared/bus/bus.ts';
import { memoryBus } from '../../../shared/bus/memory/memory-bus.ts';
import { type MemoryLog, memoryLog } from '../../../shared/bus/memory/memory-log.ts';
import { systemClock } from '../../../shared/process/clock.ts';
import { busContract } from './bus-contract.ts';
import type { BusFixture, RawProducer } from './world.ts';

busContract('memory', async () => memoryFixture(), '');

function memoryFixture(): BusFixture {
  const log = memoryLog();
  const buses: Bus[] = [];
  const connect = () => {
    const bus = memoryBus(log, { clock: systemClock });
    buses.push(bus);
    return bus;
  };
  return {
    bus: connect(),
    secondBus: async () => connect(),
    producer: async (transactionalId) => rawProducer(log, transactionalId),
    close: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
    },
  };
}

function rawProducer(log: MemoryLog, transactionalId: string): RawProducer {
  const producer = log.transactions.fence({ transactionalId, topic: 'raw', partition: 0 });
  return {
    async begin() {
      log.transactions.begin(producer, systemClock.nowMs());
      return {
        send: async (records) => log.append(records, systemClock.nowMs(), producer),
        commit: async () => log.commitTransaction(producer, null),
        abort: async () => log.transactions.end(producer, 'aborted'),
      };
    },
  };
}
