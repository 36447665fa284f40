// Goal: on Kafka too, a comparator that fails at any moment and starts over counts what one counts that never failed.
// Method: one in this process, whose reads, takes and commits fail at random, 100 times under CI; the content comes meanwhile.
//         Reference: a comparator on a memory log that holds the same content, left in peace.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startComparator } from '../../services/comparator/service.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import { isCi } from '../../shared/config/ci.ts';
import type { Running } from '../../shared/control/endpoints.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { seeded } from '../sim/random.ts';
import { describeWithBroker } from '../support/broker.ts';
import { CONTENT_LIMITS, comparedContent } from '../support/compared-content.ts';
import { ComparedWorld, undisturbed } from '../support/compared-world.ts';
import { eventually } from '../support/eventually.ts';
import { FailingBus } from '../support/failing-bus.ts';

/** The hundred under CI. Of fewer, chance may leave a moment out. */
const { FAILURES, LEAST_PER_MOMENT } = isCi(process.env)
  ? { FAILURES: 100, LEAST_PER_MOMENT: 4 }
  : { FAILURES: 30, LEAST_PER_MOMENT: 0 };
/** Pieces are small, and the next one comes after a failure or so much time: whoever has nothing to do does not fail. */
const PIECE_MAX = 6;
const PIECE_MS = 150;
const WAIT_MS = 50_000;
const TEST_MS = 120_000;

describeWithBroker('a comparator that fails', ({ brokers, prefix }) => {
  const topics = topicsOf(prefix);
  const content = comparedContent({ topics, order: 2, doubled: true });
  const random = seeded(7);
  let bus: Bus;
  let failing: FailingBus;
  let running: Running | null = null;

  function kafka(clientId: string): Bus {
    const session = { sessionTimeoutMs: 3_000, heartbeatIntervalMs: 300, transactionTimeoutMs: 2_000 };
    return kafkaBus({ brokers, clientId, clock, onNotice: () => {}, ...session });
  }

  beforeAll(() => {
    bus = kafka('comparator-test');
    failing = new FailingBus(kafka('failing'), random, FAILURES);
  });

  afterAll(async () => {
    await running?.stop();
    await Promise.all([bus.close(), failing.close()]);
  });

  it(
    `counts what one counts that is left in peace: ${FAILURES} failures`,
    async () => {
      const world = new ComparedWorld({ bus, topics, content, pieceMax: PIECE_MAX, random });
      await world.prepare();
      running = await startComparator({
        bus: failing,
        topics,
        clock,
        log: silentLog,
        limits: limitsWith(CONTENT_LIMITS),
      });
      while (world.unwritten > 0) {
        await world.writeMore();
        const { failures } = failing;
        for (
          let waitedMs = 0;
          waitedMs < PIECE_MS && failures < FAILURES && failing.failures === failures;
          waitedMs += 50
        ) {
          await clock.sleep(50);
        }
      }
      await world.endRuns();
      const counted = await eventually('everything is counted', () => world.counted(), { timeoutMs: WAIT_MS });
      expect(counted).toEqual(await undisturbed(topics, content));
      expect(failing.failures).toBe(FAILURES);
      for (const [moment, count] of Object.entries(failing.failed))
        expect(count, moment).toBeGreaterThanOrEqual(LEAST_PER_MOMENT);
    },
    TEST_MS,
  );
});
