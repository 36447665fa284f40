// AbortedRead: no answer and no rescue rests on a record that was never committed.
// Method: each must have its committed lane record, of the same version. A scorer that read an aborted one has none.

import type { Trail } from '../trail.ts';
import { type Violation, violation } from '../violation.ts';

export function checkAbortedRead({ source, hops, answers }: Trail): Violation[] {
  const found: Violation[] = [];
  for (const { rescuedFrom, offset } of hops) {
    if (rescuedFrom === null) continue;
    const from = hops.some((hop) => hop.rescuedFrom === null && hop.version === rescuedFrom.version);
    const detail = `rescue at ${offset} from v${rescuedFrom.version}, which was never routed there`;
    if (!from) found.push(violation('aborted-read', source, detail));
  }
  for (const { version, digest, offset, error } of answers) {
    if (error !== null) continue;
    const rests = hops.some((hop) => hop.version === version && hop.digest === digest);
    if (!rests)
      found.push(violation('aborted-read', source, `answer of v${version} at ${offset} without a lane record`));
  }
  return found;
}
