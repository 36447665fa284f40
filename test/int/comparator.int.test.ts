// Goal: on Kafka too, a comparator that is killed at any moment and started again counts what one counts that never was.
// Method: two processes killed in turn, then one in this process whose reads, takes and commits fail at random, 100 times under
//         CI; the content comes meanwhile. Reference: a comparator on a memory log that holds the same content, left in peace.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { limitsWith } from '../../services/comparator/limits.ts';
import { startComparator } from '../../services/comparator/service.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { isCi } from '../../shared/config/ci.ts';
import type { Running } from '../../shared/control/endpoints.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { seeded } from '../sim/random.ts';
import { describeWithBroker } from '../support/broker.ts';
import {
  CONTENT_ENDPOINT,
  CONTENT_LIMITS,
  CONTENT_PARTITIONS,
  CONTENT_ROLLOUT,
  CONTENT_SHADOWS,
  comparedContent,
  piecesOf,
} from '../support/compared-content.ts';
import { type Counted, countedOf } from '../support/compared-counts.ts';
import { eventually } from '../support/eventually.ts';
import { FailingBus } from '../support/failing-bus.ts';
import { planOf } from '../support/plans.ts';
import { Fleet } from '../support/service-process.ts';

/** The hundred under CI. Of fewer, chance may leave a moment out. */
const { KILLS, LEAST_PER_MOMENT } = isCi(process.env)
  ? { KILLS: 100, LEAST_PER_MOMENT: 4 }
  : { KILLS: 30, LEAST_PER_MOMENT: 0 };
/** Pieces are small, and the next one comes after a failure or so much time: whoever has nothing to do does not fail. */
const PIECE_MAX = 6;
const PIECE_MS = 150;
const SESSION_TIMEOUT_MS = 3_000;
const WAIT_MS = 50_000;
const TEST_MS = 120_000;
const encoder = new TextEncoder();

describeWithBroker('a comparator that is killed', ({ brokers, prefix }) => {
  const topics = topicsOf(prefix);
  const content = comparedContent({ topics, order: 2, doubled: true });
  const session = { sessionTimeoutMs: SESSION_TIMEOUT_MS, heartbeatIntervalMs: 300, transactionTimeoutMs: 2_000 };
  const limits = limitsWith(CONTENT_LIMITS);
  const fleet = new Fleet({
    brokers,
    prefix,
    more: {
      MILLRACE_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      MILLRACE_TRANSACTION_TIMEOUT_MS: '2000',
      MILLRACE_HEARTBEAT_INTERVAL_MS: '300',
      MILLRACE_JOIN_WINDOW: String(CONTENT_LIMITS.window),
      MILLRACE_LABEL_WINDOW: String(CONTENT_LIMITS.labelWindow),
      MILLRACE_METRIC_WINDOW_MS: String(CONTENT_LIMITS.windowMs),
    },
  });
  const buses: Bus[] = [];
  const running: Running[] = [];
  let bus: Bus;

  function kafka(clientId: string): Bus {
    const made = kafkaBus({ brokers, clientId, clock, onNotice: () => {}, ...session });
    buses.push(made);
    return made;
  }

  function plan(revision: number, shadows: typeof CONTENT_SHADOWS): OutRecord {
    const value = encodeControl('plan', planOf(revision, { rollout: CONTENT_ROLLOUT, shadows }));
    return { topic: topics.control('plans'), partition: 0, key: encoder.encode(CONTENT_ENDPOINT), value, headers: [] };
  }

  async function prepare(on: Bus): Promise<void> {
    await on.admin.createTopics([
      ...topics.controlTopicSpecs(),
      ...topics.endpointTopicSpecs(CONTENT_ENDPOINT, CONTENT_PARTITIONS),
    ]);
    await on.write([...content.requests, plan(1, CONTENT_SHADOWS)]);
  }

  async function compare(on: Bus): Promise<void> {
    running.push(await startComparator({ bus: on, topics, clock, log: silentLog, limits }));
  }

  async function everythingCounted(on: Bus): Promise<Counted> {
    const counted = async () => {
      const { counts, done } = await countedOf(on, topics, CONTENT_ENDPOINT);
      return done ? counts : null;
    };
    return eventually('everything is counted', counted, { timeoutMs: WAIT_MS });
  }

  /** Totals that the topics hold: a comparator writes them once a second. */
  async function totals(): Promise<number> {
    const offsets = await bus.admin.offsets(topics.endpoint(CONTENT_ENDPOINT, 'totals'));
    return offsets.reduce((sum, { end }) => sum + end, 0);
  }

  async function reference(): Promise<Counted> {
    const memory = memoryBus(memoryLog(), { clock });
    buses.push(memory);
    await prepare(memory);
    await memory.write([...content.predictions, ...content.shadow, ...content.labels]);
    await compare(memory);
    await clock.sleep(2_000);
    await memory.write([plan(2, [])]);
    return everythingCounted(memory);
  }

  beforeAll(async () => {
    bus = kafka('comparator-test');
    await prepare(bus);
  });

  afterAll(async () => {
    await fleet.stop();
    await Promise.all(running.map((one) => one.stop()));
    await Promise.all(buses.map((one) => one.close()));
  });

  it(
    `counts what one counts that is left in peace: 2 processes killed, ${KILLS} failures in a third`,
    async () => {
      const undisturbed = reference();
      const random = seeded(7);
      const streams = [content.predictions, content.shadow, content.labels].map((records) =>
        piecesOf(records, PIECE_MAX, random),
      );
      const writeMore = async () => {
        const records = streams.flatMap((pieces) => (random() < 0.7 ? (pieces.shift() ?? []) : []));
        if (records.length > 0) await bus.write(records);
      };
      for (let round = 0; round < 2; round++) {
        const process = await fleet.start('comparator').ready();
        const before = await totals();
        for (let pieces = 0; pieces < 10; pieces++) await writeMore();
        await eventually('it counts', async () => (await totals()) > before + 2, { timeoutMs: WAIT_MS });
        process.kill('SIGKILL');
      }
      const failing = new FailingBus(kafka('failing'), random, KILLS);
      await compare(failing);
      while (streams.some((pieces) => pieces.length > 0)) {
        await writeMore();
        const { failures } = failing;
        for (
          let waitedMs = 0;
          waitedMs < PIECE_MS && failures < KILLS && failing.failures === failures;
          waitedMs += 50
        ) {
          await clock.sleep(50);
        }
      }
      await bus.write([plan(2, [])]);
      const counted = await everythingCounted(bus);
      expect(counted).toEqual(await undisturbed);
      expect(failing.failures).toBe(KILLS);
      for (const [moment, count] of Object.entries(failing.failed))
        expect(count, moment).toBeGreaterThanOrEqual(LEAST_PER_MOMENT);
    },
    TEST_MS,
  );
});
