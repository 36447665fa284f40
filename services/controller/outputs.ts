// Outputs: the records of one decision: its events, and the plan that they carry.
// Invariant: a plan is written in the transaction of the event that tells of it, and never without.

import { encodeControl } from '../../shared/codec/control.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import type { Bytes, OutRecord } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';

const encoder = new TextEncoder();

/** Events in order, each followed by the plan record, or its tombstone, that it means. */
export function outputsOf(topics: Topics, events: readonly RolloutEvent[]): OutRecord[] {
  const journal = topics.control('events');
  const plans = topics.control('plans');
  return events.flatMap((event) => {
    const told = record(journal, event.endpoint, encodeControl('event', event));
    if (event.type === 'plan-published') {
      return [told, record(plans, event.endpoint, encodeControl('plan', event.plan))];
    }
    return event.type === 'endpoint-removed' ? [told, record(plans, event.endpoint, null)] : [told];
  });
}

function record(topic: string, endpoint: string, value: Bytes | null): OutRecord {
  return { topic, partition: 0, key: encoder.encode(endpoint), value, headers: [] };
}
