// Verify: what a run left on record is what it was asked for; a figure of a run that answered errors says nothing.

import type { Bus } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Series } from './series.ts';

/** @throws ASSERTION unless every record has its output: one of its own exactly once, no error, no dead letter */
export async function verifyOutputs(
  bus: Bus,
  run: { topics: Topics; endpoint: string; series: Pick<Series, 'name' | 'delivery'>; records: number },
): Promise<void> {
  const { topics, endpoint, series, records } = run;
  const keys = new Set<string>();
  let outputs = 0;
  let errors = 0;
  for await (const batch of bus.read({
    topic: topics.endpoint(endpoint, 'predictions'),
    from: 'earliest',
    until: 'end',
  })) {
    for (const { key, headers } of batch.records) {
      outputs += 1;
      keys.add(Buffer.from(key ?? []).toString());
      if (headerText(headers, HEADER.error) !== null) errors += 1;
    }
  }
  let letters = 0;
  const deadLetters = topics.endpoint(endpoint, 'dead-letters');
  for await (const batch of bus.read({ topic: deadLetters, from: 'earliest', until: 'end' })) {
    letters += batch.records.length;
  }
  const repeated = series.delivery === 'exactly-once' && outputs !== records;
  if (keys.size === records && !repeated && errors === 0 && letters === 0) return;
  const found = `${outputs} outputs of ${keys.size} records, ${errors} errors and ${letters} dead letters`;
  throw new MillraceError('ASSERTION', { detail: `${series.name}: ${found} for ${records} records` });
}
