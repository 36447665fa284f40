// Registry: every comparison metric, one line each, and the states of all of them as one value.
// Flow: comparator → [addTo, addLabelTo] → [mergeStates] → E.totals, millrace.metrics → [parseStates] → report.
// Invariant: a metric that a state does not know is empty; one that nobody knows any more is left out.

import { z } from 'zod';
import type { AnsweredPair, Compared, Field } from '../outcome.ts';
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

/** Name of what states say beside the metrics: their level, where it is not 0. */
const LEVEL = 'level';
/** At this level a histogram has one place for each sign, and a mix two classes. */
export const LEVEL_MAX = 12;

const levelSchema = z.int().min(0).max(LEVEL_MAX).default(0);
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
  answered: AnsweredPair,
  label: readonly number[],
  fields: readonly Field[],
): void {
  for (const metric of METRICS) metric.addLabel?.(states[metric.name], answered, label, fields);
}

/** New states; neither argument is changed. */
export function mergeStates(a: MetricStates, b: MetricStates): MetricStates {
  const merged = METRICS.map((metric) => [metric.name, metric.merge(stateOf(a, metric), stateOf(b, metric))] as const);
  return withLevel(Object.fromEntries(merged), Math.max(levelOf(a), levelOf(b)));
}

/** How coarse states are: 0 finest … LEVEL_MAX. What is merged with coarser states is to be made as coarse. */
export function levelOf(states: MetricStates): number {
  return levelSchema.parse(states[LEVEL]);
}

/** The same counts at a level. @param level at least that of the states; 0: the states as they are */
export function coarserStates(states: MetricStates, level: number): MetricStates {
  if (level === 0) return states;
  const coarser = METRICS.map((metric) => {
    const state = stateOf(states, metric);
    return [metric.name, metric.coarser === undefined ? state : metric.coarser(state, level)] as const;
  });
  return withLevel(Object.fromEntries(coarser), level);
}

function withLevel(states: MetricStates, level: number): MetricStates {
  return level === 0 ? states : { ...states, [LEVEL]: level };
}

/** States from a topic, checked. @throws ZodError */
export function parseStates(value: unknown): MetricStates {
  const states = statesSchema.parse(value);
  const parsed = METRICS.map((metric) => [metric.name, metric.schema.parse(stateOf(states, metric))] as const);
  return withLevel(Object.fromEntries(parsed), levelSchema.parse(states[LEVEL]));
}

/** One metric's part of the states, empty where they have none. */
export function stateOf<State>(states: MetricStates, metric: Metric<State>): State {
  return Object.hasOwn(states, metric.name) ? (states[metric.name] as State) : metric.empty();
}
