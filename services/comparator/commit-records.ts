// CommitRecords: what one commit writes of one run: its totals, what it adds to windows, and new examples.
// Flow: task → [recordsOf] → one transaction → E.totals, millrace.metrics, E.comparisons.

import { CONTROL_CONTENT_TYPE, encodeControl } from '../../shared/codec/control.ts';
import type { Written } from '../../shared/comparing/task.ts';
import { parseScope, scopeOf } from '../../shared/comparison/comparison.ts';
import { asWritten } from '../../shared/comparison/fitted.ts';
import type { Example } from '../../shared/comparison/report.ts';
import { type Comparison, type JoinCounts, runKey, type Totals } from '../../shared/domain/comparison.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';

const encoder = new TextEncoder();

export function recordsOf(
  { totals, changes, counted }: Omit<Written, 'reduced'>,
  { topics, windowMs }: { readonly topics: Topics; readonly windowMs: number },
): OutRecord[] {
  const { endpoint, rollout, partition } = totals;
  const added = changes.windows.map(({ scope, startMs, states }) => ({
    scope,
    startMs,
    states: asWritten(states).text,
  }));
  const windows = [...added, ...countsWindow(totals, counted, windowMs)].map(({ scope, ...what }) => {
    const window = { endpoint, rollout, ...parseScope(scope), partition, windowMs, ...what };
    const key = `${endpoint}/${rollout}/${scope}/${what.startMs}`;
    return recordOf(topics.control('metrics'), 0, { key, value: encodeControl('metric-window', window) });
  });
  const examples = changes.examples.flatMap((example) => {
    const comparison = comparisonOf(endpoint, rollout, example);
    if (comparison === null) return [];
    const value = encodeControl('comparison', comparison);
    return [recordOf(topics.endpoint(endpoint, 'comparisons'), partition, { key: example.source, value })];
  });
  const value = encodeControl('totals', totals);
  return [
    recordOf(topics.endpoint(endpoint, 'totals'), partition, { key: runKey(totals), value }),
    ...windows,
    ...examples,
  ];
}

/** The counts that a commit adds, where it adds any: in the window of its own time, since what is missing has none. */
function countsWindow({ rollout, version, atMs }: Totals, counts: JoinCounts, windowMs: number) {
  if (Object.values(counts).every((count) => count === 0)) return [];
  const scope = scopeOf(0, rollout === '' ? null : version);
  return [{ scope, startMs: Math.floor(atMs / windowMs) * windowMs, states: '{}', counts }];
}

/** Takes the totals of a run off the record. */
export function tombstone(topic: string, partition: number, key: string): OutRecord {
  return { topic, partition, key: encoder.encode(key), value: null, headers: [] };
}

/** Null for an answer without a pair. */
function comparisonOf(endpoint: string, rollout: string, example: Example): Comparison | null {
  const { source, disagreement, why, liveVersion, shadowVersion, at } = example;
  if (at.shadow === null) return null;
  const columns = (side: readonly (readonly number[])[]) => side.map((values) => ({ values }));
  const outputs = { live: columns(example.live), shadow: columns(example.shadow) };
  const places = { request: at.request, prediction: at.prediction, shadowOutput: at.shadow };
  return { endpoint, rollout, source, disagreement, why, liveVersion, shadowVersion, ...outputs, ...places };
}

function recordOf(
  topic: string,
  partition: number,
  { key, value }: { readonly key: string; readonly value: Uint8Array },
): OutRecord {
  return { topic, partition, key: encoder.encode(key), value, headers: [CONTROL_CONTENT_TYPE] };
}
