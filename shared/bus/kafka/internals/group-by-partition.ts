// Grouping: records by topic and partition, in order, in one pass.
// Flow: transaction and writer → one batch per group; also injected into kafkajs, whose own grouping copies its array
//       for every record.
// Invariant: concatenating the groups gives the input, and records of a group keep their order.

export interface Placed {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionGroup<T extends Placed> {
  readonly topic: string;
  readonly partition: number;
  readonly records: T[];
}

/** Groups in the order of their first record. */
export function groupByPartition<T extends Placed>(records: readonly T[]): PartitionGroup<T>[] {
  const groups: PartitionGroup<T>[] = [];
  const topics = new Map<string, Map<number, PartitionGroup<T>>>();
  let last: PartitionGroup<T> | null = null;
  for (const record of records) {
    if (last === null || last.partition !== record.partition || last.topic !== record.topic) {
      last = groupOf(topics, groups, record);
    }
    last.records.push(record);
  }
  return groups;
}

function groupOf<T extends Placed>(
  topics: Map<string, Map<number, PartitionGroup<T>>>,
  groups: PartitionGroup<T>[],
  record: T,
): PartitionGroup<T> {
  let partitions = topics.get(record.topic);
  if (partitions === undefined) {
    partitions = new Map();
    topics.set(record.topic, partitions);
  }
  let group = partitions.get(record.partition);
  if (group === undefined) {
    group = { topic: record.topic, partition: record.partition, records: [] };
    partitions.set(record.partition, group);
    groups.push(group);
  }
  return group;
}
