// ReadRuns: the comparisons of an endpoint that are on record, for one command that ends.

import type { Bus } from '../../shared/bus/bus.ts';
import { type RunReport, readReports } from '../../shared/comparing/reports.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { CliContext } from './context.ts';
import { requireGoing, sayLeftOut } from './read.ts';

/** The one that was written last first; what cannot be read is told and left out. @throws TOPIC_UNKNOWN; TIMED_OUT when interrupted */
export async function readRuns(context: CliContext, bus: Bus, endpoint: string): Promise<readonly RunReport[]> {
  const { topics, signal } = context;
  const onUnreadable = (record: InRecord, error: unknown) => sayLeftOut(context, record, error);
  const runs = await readReports({ bus, topics, endpoint, signal, onUnreadable });
  requireGoing(context);
  return runs;
}
