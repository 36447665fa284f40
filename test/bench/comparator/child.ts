// Child: one measurement of the comparator's core in a process of its own: `node --expose-gc child.js KIND`.
// Method: what one partition of the service does with its records, without a bus. The figure goes to the parent as a message.

import { foldedPerSecond } from './fold.ts';
import { bytesPerPending, growthWhileAbsent } from './memory.ts';
import type { Kind } from './part.ts';

const [kind = 'fold-avro'] = process.argv.slice(2) as [Kind];
process.send?.({ figure: figureOf(kind) });

function figureOf(of: Kind): number {
  switch (of) {
    case 'fold-avro':
      return foldedPerSecond('avro');
    case 'fold-json':
      return foldedPerSecond('json');
    case 'pending':
      return bytesPerPending({ ownIds: false });
    case 'pending-own-ids':
      return bytesPerPending({ ownIds: true });
    case 'absent':
      return growthWhileAbsent();
  }
}
