// Known: what an audit knows of an endpoint before it reads any request: positions, journal, cuts.
// Flow: committed positions, ends of millrace.events and E.cuts → millrace.workers → millrace.events → E.cuts → [Known].
// Order: each topic is read after those that its records rest on, or up to where it ended before they were read. So what is
//        written meanwhile is no violation.
// Invariants: a record is folded when it is read; nothing of other endpoints is kept.

import { Journal, type JournalFacts } from '../analysis/journal.ts';
import { PartitionCuts } from '../analysis/partition-cuts.ts';
import { Totals } from '../analysis/totals.ts';
import { WorkerWords } from '../analysis/worker-words.ts';
import { type ControlKind, type ControlValues, decodeControl } from '../codec/control.ts';
import type { Cut } from '../domain/cut.ts';
import { MillraceError } from '../domain/errors.ts';
import { laneGroup, routerGroup } from '../domain/groups.ts';
import type { InRecord } from '../domain/record.ts';
import type { AuditOptions } from './audit-options.ts';

export interface Known {
  readonly journal: JournalFacts;
  /** Cuts that requests may still go by. */
  cutsOf(partition: number): readonly Cut[];
  /** Next offsets that the groups had committed, by partition. */
  readonly routed: readonly number[];
  readonly committed: { readonly blue: readonly number[]; readonly green: readonly number[] };
  readonly atLeastOnce: boolean;
  /** What journal and cuts say by themselves. */
  readonly totals: Totals;
}

const decoder = new TextDecoder();

/** @param partitions of the endpoint @throws CONTROL_UNREADABLE, TIMED_OUT as `auditEndpoint` says */
export async function readKnown(options: AuditOptions, partitions: number): Promise<Known> {
  const { bus, topics, endpoint, bounds, nowMs } = options;
  const { prefix } = topics;
  const committed = (group: string, topic: string) => bus.admin.committed(group, topic);
  const routed = await committed(routerGroup(prefix, endpoint), topics.endpoint(endpoint, 'requests'));
  const blue = await committed(laneGroup(prefix, endpoint, 'blue'), topics.lane(endpoint, 'blue'));
  const green = await committed(laneGroup(prefix, endpoint, 'green'), topics.lane(endpoint, 'green'));
  const [eventsTopic, cutsTopic] = [topics.control('events'), topics.endpoint(endpoint, 'cuts')];
  const wereThere = { events: await endsOf(options, eventsTopic), cuts: await endsOf(options, cutsTopic) };

  const totals = new Totals();
  const words = new WorkerWords();
  await readControl(options, totals, {
    ...{ topic: topics.control('workers'), kind: 'worker' },
    onValue: (report) => report.endpoint === endpoint && words.observe(report),
  });
  const journal = new Journal(endpoint, words);
  await readControl(options, totals, {
    ...{ topic: eventsTopic, kind: 'event' },
    onValue: (event, record) => totals.note(...journal.observe(event, wereThere.events(record))),
    onUnreadable: ({ timestampMs }) => journal.gap(timestampMs),
  });
  const all = Array.from({ length: partitions }, (_, partition) => new PartitionCuts({ partition, journal, bounds }));
  await readControl(options, totals, {
    ...{ topic: cutsTopic, kind: 'cut' },
    onValue: (cut, record) => wereThere.cuts(record) && all[record.partition]?.onCut(keyOf(record), cut),
    onTombstone: (record) => wereThere.cuts(record) && all[record.partition]?.onTombstone(keyOf(record)),
  });
  for (const cuts of all) {
    cuts.finish(nowMs);
    totals.add(cuts.totals);
  }
  return {
    ...{ journal, routed, committed: { blue, green }, totals },
    cutsOf: (partition) => all[partition]?.cuts ?? [],
    atLeastOnce: all.some((cuts) => cuts.atLeastOnce),
  };
}

/** Whether a record of the topic lay there when this was called. */
async function endsOf({ bus }: AuditOptions, topic: string): Promise<(record: InRecord) => boolean> {
  const ends = new Map((await bus.admin.offsets(topic)).map(({ partition, end }) => [partition, end]));
  return ({ partition, offset }) => offset < (ends.get(partition) ?? 0);
}

function keyOf({ key }: InRecord): string {
  return decoder.decode(key ?? new Uint8Array());
}

interface ControlReader<Kind extends ControlKind> {
  readonly topic: string;
  readonly kind: Kind;
  readonly onValue: (value: ControlValues[Kind], record: InRecord) => void;
  readonly onTombstone?: (record: InRecord) => void;
  readonly onUnreadable?: (record: InRecord) => void;
}

async function readControl<Kind extends ControlKind>(
  { bus, signal, onUnreadable }: AuditOptions,
  totals: Totals,
  reader: ControlReader<Kind>,
): Promise<void> {
  for await (const { records } of bus.read({ topic: reader.topic, from: 'earliest', until: 'end', signal })) {
    for (const record of records) {
      if (record.value === null) reader.onTombstone?.(record);
      else {
        const value = readable(reader.kind, record, onUnreadable);
        if (value !== null) reader.onValue(value, record);
        else {
          totals.unreadable += 1;
          reader.onUnreadable?.(record);
        }
      }
    }
  }
  if (signal.aborted) throw new MillraceError('TIMED_OUT', { detail: 'interrupted' });
}

function readable<Kind extends ControlKind>(
  kind: Kind,
  record: InRecord,
  onUnreadable: AuditOptions['onUnreadable'],
): ControlValues[Kind] | null {
  try {
    return decodeControl(kind, record);
  } catch (error) {
    const isKnown = error instanceof MillraceError && error.code === 'CONTROL_UNREADABLE';
    if (!isKnown || onUnreadable === undefined) throw error;
    onUnreadable(error);
    return null;
  }
}
