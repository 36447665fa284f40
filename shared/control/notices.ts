// Notices: what the bus says of its connection, and what is said of a model's process, as events of the log.

import type { BusNotice } from '../bus/bus.ts';
import type { EventFields } from '../telemetry/events.ts';
import type { Log } from '../telemetry/logger.ts';

/** Each transition once. */
export function logNotices(log: Log): (notice: BusNotice) => void {
  return (notice) => {
    switch (notice.type) {
      case 'defect':
        return log('broker-defective', { detail: notice.detail });
      case 'outage':
        return log('broker-lost', { detail: notice.detail });
      case 'recovered':
        return log('broker-recovered', { outageMs: notice.downMs });
    }
  };
}

/** Last words of a process, a cap that nobody enforces, a runtime passed over. READY is a state, and logged as one. */
export function logModelNotices(log: Log): (notice: EventFields['model-notice']) => void {
  return (notice) => {
    if (notice.what !== 'ready') log('model-notice', notice);
  };
}
