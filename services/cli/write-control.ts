// WriteControl: one record of a control topic, and where it came to lie.
// Flow: apply, dev → [writeControl] → millrace.endpoints, millrace.rollouts; the controller names the offset in its answer.

import type { Bus } from '../../shared/bus/bus.ts';
import { CONTROL_CONTENT_TYPE, type ControlValues, encodeControl } from '../../shared/codec/control.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { Consumed } from '../../shared/domain/event.ts';
import { header, headerText } from '../../shared/domain/headers.ts';
import type { CliContext } from './context.ts';
import { readToEnd } from './read.ts';

/** Tells our record from others of the same key; nobody else reads it. */
const WRITE_ID = 'millrace-write-id';

const encoder = new TextEncoder();

/**
 * Writes the desired state of `endpoint`.
 * @returns the place that the controller's answer will name
 * @throws TOPIC_UNKNOWN when nobody has created the control topics; WRITE_FAILED
 */
export async function writeControl<Kind extends 'endpoint' | 'rollout'>(
  context: CliContext,
  bus: Bus,
  record: { readonly kind: Kind; readonly endpoint: string; readonly value: ControlValues[Kind] },
): Promise<Consumed> {
  const { kind, endpoint } = record;
  const topicKind = kind === 'endpoint' ? 'endpoints' : 'rollouts';
  const topic = context.topics.control(topicKind);
  const id = context.newKey();
  const [place] = await bus.admin.offsets(topic);
  const headers = [CONTROL_CONTENT_TYPE, header(WRITE_ID, id)];
  const value = encodeControl(kind, record.value);
  await bus.write([{ topic, partition: 0, key: encoder.encode(endpoint), value, headers }]);
  for await (const records of readToEnd(context, bus, { topic, from: place?.end ?? 0 })) {
    const ours = records.find((each) => headerText(each.headers, WRITE_ID) === id);
    if (ours !== undefined) return { topic: topicKind, offset: ours.offset };
  }
  const detail = `the ${kind} of ${endpoint} was replaced by a newer one at once`;
  throw new MillraceError('TIMED_OUT', { detail });
}
