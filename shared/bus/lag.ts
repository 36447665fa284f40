// Lag: how many records of a topic a group has not committed yet, over all partitions.
// Flow: ends and committed offsets → [lagOf] → gates of the kind low-lag, `millrace status`.

import type { BusAdmin } from './bus.ts';

/** Where nothing was committed, everything that is kept waits. @throws TOPIC_UNKNOWN */
export async function lagOf(
  admin: Pick<BusAdmin, 'committed' | 'offsets'>,
  group: string,
  topic: string,
): Promise<number> {
  // Commits first: what comes in meanwhile makes the lag larger.
  const committed = await admin.committed(group, topic);
  const offsets = await admin.offsets(topic);
  // Never negative: the end may be that of a broker which has not heard of the newest records yet.
  return offsets.reduce(
    (sum, { partition, earliest, end }) => sum + Math.max(0, end - Math.max(earliest, committed[partition] ?? -1)),
    0,
  );
}
