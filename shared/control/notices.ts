// Notices: what the bus says of its connection, as events of the log. Each transition once.

import type { BusNotice } from '../bus/bus.ts';
import type { Log } from '../telemetry/logger.ts';

export function logNotices(log: Log): (notice: BusNotice) => void {
  return (notice) => {
    switch (notice.type) {
      case 'outage':
        return log('broker-lost', { detail: notice.detail });
      case 'recovered':
        return log('broker-recovered', { outageMs: notice.downMs });
    }
  };
}
