// AuditOptions: what an audit of an endpoint is to read and hold the promises to.
// Flow: CLI, demo, tests → [AuditOptions] → audit-endpoint.ts, known.ts.

import type { RollbackBounds } from '../analysis/checks/rollback-bound.ts';
import type { Totals } from '../analysis/totals.ts';
import type { Bus } from '../bus/bus.ts';
import type { MillraceError } from '../domain/errors.ts';
import type { Topics } from '../domain/topics.ts';

export interface AuditOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  /** Requests of this time, by their records' timestamps, ms since the epoch. Default: all. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Nothing counts as under way any more: what has no outcome is lost. Default: the groups' positions tell. */
  readonly settled?: boolean;
  readonly bounds: RollbackBounds;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /**
   * Told of each control record that cannot be read; it is counted and left out, as the services do. Default: it ends the
   * audit, for whoever knows that nobody but the house writes there.
   */
  readonly onUnreadable?: (error: MillraceError) => void;
  /** Told after each partition. */
  readonly onProgress?: (partition: number, totals: Totals) => void;
}
