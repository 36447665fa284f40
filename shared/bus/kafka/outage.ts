// Outage: tells the owner of the bus once that no broker answers, and once that one does again.
// Flow: cluster-view.ts reports every attempt to reach a broker here.

import type { Clock } from '../../domain/clock.ts';
import type { BusNotice } from '../bus.ts';

export interface Outage {
  /** No broker answered. */
  failed(detail: string): void;
  /** A broker answered. */
  reached(): void;
}

export function outageOf(clock: Clock, onNotice: (notice: BusNotice) => void): Outage {
  let sinceMs: number | null = null;
  return {
    failed(detail) {
      if (sinceMs !== null) return;
      sinceMs = clock.nowMs();
      onNotice({ type: 'outage', detail });
    },
    reached() {
      if (sinceMs === null) return;
      const downMs = clock.nowMs() - sinceMs;
      sinceMs = null;
      onNotice({ type: 'recovered', downMs });
    },
  };
}
