// Metric: something counted over compared answers. A new metric is one file here and one line in `registry.ts`.
// Flow: join → [add, addLabel] per pair → [merge] over commits, windows and partitions → report.
// Invariants: a state is plain JSON; merge is associative and commutative and `empty` its identity, exactly: states hold
//             integers only, so that no order of additions changes a bit (test/contract/metric.test.ts).

import type { ZodType } from 'zod';
import type { AnsweredPair, Compared, Field } from '../outcome.ts';

export interface Metric<State = unknown> {
  readonly name: string;
  /** One sentence for help and docs. */
  readonly summary: string;
  /** Of a state that comes from a topic. */
  readonly schema: ZodType<State>;
  empty(): State;
  /** Counts one answer, or pair, into `state`. */
  add(state: State, compared: Compared, fields: readonly Field[]): void;
  /** Counts the ground truth of an answer or pair that was added: one value per row. Of its outputs little is left by then. */
  addLabel?(state: State, answered: AnsweredPair, label: readonly number[], fields: readonly Field[]): void;
  /** A new state; neither argument is changed. */
  merge(a: State, b: State): State;
  /**
   * A new state of the same counts that tells less apart, for a record that would grow too large; absent where states are small
   * whatever is counted. What was made coarser, added up and made coarser again is as coarse as the whole at the last level.
   * @param level 1 … 12: each halves the places
   */
  coarser?(state: State, level: number): State;
}

/** State of every metric by name, as JSON. */
export type MetricStates = Readonly<Record<string, unknown>>;
