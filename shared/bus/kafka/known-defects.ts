// Known defects: brokers that break transactions, told by the APIs that they announce; brokers do not tell their version.
// Flow: cluster-view.ts asks after it reached a broker; the bus gives one notice.

import type { ApiVersions } from './internals/client-types.ts';

const DESCRIBE_LOG_DIRS = 35;
/** DescribeLogDirs v5 came with 4.3.0. */
const DESCRIBE_LOG_DIRS_OF_4_3 = 5;

/**
 * From 4.3.0 on (4.4.0 still) a coordinator skips the markers of partitions that have no leader at that moment, and
 * completes the transaction all the same. @source KAFKA-20734; measured in docs/reliability.md
 */
const SKIPS_MARKERS =
  'Kafka 4.3.0 to 4.4.0 may double records, or let a partition stand still, when a transaction ends while a partition ' +
  'has no leader (KAFKA-20734). Use 4.2, or a release that mends it.';

/** What is wrong with a broker that announces `versions`, in a sentence or two; null when nothing is known. */
export function knownDefect(versions: ApiVersions): string | null {
  const newest = versions[DESCRIBE_LOG_DIRS]?.maxVersion ?? 0;
  return newest >= DESCRIBE_LOG_DIRS_OF_4_3 ? SKIPS_MARKERS : null;
}
