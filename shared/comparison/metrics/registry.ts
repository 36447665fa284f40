// Registry: every comparison metric, one line each, and the states of all of them as one value.
// Flow: comparator → [addTo, addLabelTo] → [mergeStates] → E.totals, millrace.metrics → [parseStates] → report.
// Invariant: a metric that a state does not know is empty; one that nobody knows any more is left out.

import { z } from 'zod';
import type { Compared, Field } from '../outcome.ts';
import { accuracy } from './accuracy.ts';
import { agreement } from './agreement.ts';
import { answers } from './answers.ts';
import { classes } from './classes.ts';
import { differences } from './differences.ts';
import type { Metric, MetricStates } from './metric.ts';
import { scores } from './scores.ts';
import { scoringTime } from './scoring-time.ts';

export const METRICS: readonly Metric[] = [
  answers, //
  agreement,
  classes,
  scores,
  differences,
  scoringTime,
  accuracy,
];

const statesSchema = z.record(z.string(), z.unknown());

export function emptyStates(): MetricStates {
  return Object.fromEntries(METRICS.map((metric) => [metric.name, metric.empty()]));
}

/** Counts an answer or pair into `states`, in place. @param states of `emptyStates`, `mergeStates` or `parseStates` */
export function addTo(states: MetricStates, compared: Compared, fields: readonly Field[]): void {
  for (const metric of METRICS) metric.add(states[metric.name], compared, fields);
}

/** Counts the ground truth of an answer or pair into `states`, in place. @param label one value per row */
export function addLabelTo(
  states: MetricStates,
  compared: Compared,
  label: readonly number[],
  fields: readonly Field[],
): void {
  for (const metric of METRICS) metric.addLabel?.(states[metric.name], compared, label, fields);
}

/** New states; neither argument is changed. */
export function mergeStates(a: MetricStates, b: MetricStates): MetricStates {
  return Object.fromEntries(
    METRICS.map((metric) => [metric.name, metric.merge(stateOf(a, metric), stateOf(b, metric))]),
  );
}

/** States from a topic, checked. @throws ZodError */
export function parseStates(value: unknown): MetricStates {
  const states = statesSchema.parse(value);
  return Object.fromEntries(METRICS.map((metric) => [metric.name, metric.schema.parse(stateOf(states, metric))]));
}

/** One metric's part of the states, empty where they have none. */
export function stateOf<State>(states: MetricStates, metric: Metric<State>): State {
  return Object.hasOwn(states, metric.name) ? (states[metric.name] as State) : metric.empty();
}
