// Goal: when the work on a lane partition fails, it says what failed first.
// Method: a partition whose commit fails while the next batch is being taken, as the bus behaves then.

import { expect, it } from 'vitest';
import type { OwnedPartition } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { Versions } from '../../shared/serving/versions.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { fakeLauncher } from '../../test/support/fake-launcher.ts';
import { ENDPOINT, planOf } from '../../test/support/plans.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { answerLane } from './lane.ts';

const place = { topic: 'digits.lane.blue', partition: 3 };

it('a commit that fails while the next batch is taken is the reason, not the take that came too late', async () => {
  const clock = new VirtualClock();
  const versions = new Versions({ endpoint: ENDPOINT, launcher: fakeLauncher(), clock, onState: () => undefined });
  const context = { endpoint: ENDPOINT, topics: topicsOf(''), clock, plan: () => planOf(1), log: silentLog, versions };
  let takes = 0;
  let failed = false;
  const owned: OwnedPartition = {
    ...place,
    lost: new AbortController().signal,
    fence: async () => undefined,
    resume: async () => 0,
    take: async () => {
      takes += 1;
      // The position moves without a record: a marker was passed.
      if (takes === 1) return { records: [], nextOffset: 1 };
      if (failed) throw new MillraceError('NOT_FENCED', place);
      return { records: [], nextOffset: 1 };
    },
    commit: async () => {
      await Promise.resolve();
      failed = true;
      throw new MillraceError('COMMIT_DOUBTFUL', { ...place, detail: 'the answer was swallowed' });
    },
  };
  await expect(answerLane(context, owned)).rejects.toMatchObject({ code: 'COMMIT_DOUBTFUL' });
  expect(takes).toBeGreaterThan(1);
  await versions.stop();
});
