// Raw producer: a transactional producer on a live broker that can leave transactions open, which the port cannot.
// Flow: the bus contract holds transactions open with it and looks at what readers see.
// Invariant: one step after the other; any refusal fails the test, except that the last transaction may still complete.

import { BrokerRefusal, brokerCode, CODE } from '../../shared/bus/kafka/broker-errors.ts';
import { ClusterView } from '../../shared/bus/kafka/cluster-view.ts';
import { Connections } from '../../shared/bus/kafka/connections.ts';
import { type KafkaBusOptions, settingsOf } from '../../shared/bus/kafka/options.ts';
import { BatchLimits, planPartitions, sendBatches, sequenceAfter } from '../../shared/bus/kafka/produce.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import type { RawProducer } from '../contract/bus/world.ts';

/** Long enough that a transaction stays open while a test looks. */
const TRANSACTION_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 10_000;
const RETRY_MS = 5;
const RETRIES_MAX = 2_000;

export interface RawProducers {
  open(transactionalId: string): Promise<RawProducer>;
  close(): void;
}

export function rawProducers(options: KafkaBusOptions): RawProducers {
  const settings = settingsOf(options);
  const view = new ClusterView(settings);
  const connections = new Connections(settings, REQUEST_TIMEOUT_MS);
  const limits = new BatchLimits();

  /** Tries again while the coordinator completes the transaction before, or coordinator or leader are not in office. */
  const patiently = async <T>(request: () => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await request();
      } catch (error) {
        if (!WAITING.has(brokerCode(error) ?? 0) || tries >= RETRIES_MAX) throw error;
      }
      await settings.clock.sleep(RETRY_MS);
    }
  };

  const open = async (transactionalId: string): Promise<RawProducer> => {
    const { broker } = await patiently(async () =>
      connections.to(await view.coordinator('transaction', transactionalId)),
    );
    const start = { transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS };
    const id = { transactionalId, ...(await patiently(() => broker.initProducerId(start))) };
    const sequences = new Map<string, number>();

    const send = async (records: readonly OutRecord[]) => {
      for (const { topic, partition, plans } of planPartitions(records, limits)) {
        await view.track(topic);
        const place = { topic, partitions: [partition] };
        await patiently(() => broker.addPartitionsToTxn({ ...id, topics: [place] }));
        for (const plan of plans) {
          const firstSequence = sequences.get(`${topic} ${partition}`) ?? 0;
          sequences.set(`${topic} ${partition}`, sequenceAfter(firstSequence, plan.records.length));
          const producer = { producerId: BigInt(id.producerId), producerEpoch: id.producerEpoch, firstSequence };
          const head = { timestampMs: settings.clock.nowMs(), transactional: true, ...producer };
          const sent = { view, connections, transactionalId, timeoutMs: REQUEST_TIMEOUT_MS };
          await patiently(async () => {
            const [outcome] = await sendBatches([{ topic, partition, plan, head }], sent);
            if (outcome?.code === 0) return;
            await view.refresh();
            throw new BrokerRefusal(outcome?.code ?? -1, 'Produce');
          });
        }
      }
    };
    const end = async (transactionResult: boolean) => {
      await broker.endTxn({ ...id, transactionResult });
    };
    return { begin: async () => ({ send, commit: () => end(true), abort: () => end(false) }) };
  };

  return {
    open,
    close: () => {
      connections.close();
      view.close();
    },
  };
}

const WAITING: ReadonlySet<number> = new Set([
  CODE.CONCURRENT_TRANSACTIONS,
  CODE.COORDINATOR_LOAD_IN_PROGRESS,
  CODE.COORDINATOR_NOT_AVAILABLE,
  CODE.NOT_COORDINATOR,
  CODE.NOT_LEADER_OR_FOLLOWER,
]);
