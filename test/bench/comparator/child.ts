// Child: one measurement of the comparator's core in a process of its own: `node --expose-gc child.js fold|pending FORMAT`.
// Method: what one partition of the service does with its records, without a bus. Records are made between the measured
//         stretches, as many as a fetch brings, so that they are as new as fetched ones are and neither making them nor keeping
//         them counts. The figure goes to the parent as a message.

import { RunRecords } from '../../../services/comparator/run-records.ts';
import { Comparison, type ComparisonOptions } from '../../../shared/comparison/comparison.ts';
import { type Field, fieldsOf } from '../../../shared/comparison/outcome.ts';
import { type AnswerFormat, CLASSES, ENDPOINT, pairsFrom, RUN } from './answers.ts';

const PAIRS = 200_000;
/** Pairs of one stretch: a fetch of each topic brings about as many. */
const FETCH_PAIRS = 500;
/** Pairs of one commit: totals and changes are taken once for each. */
const COMMIT_PAIRS = 5_000;
/** Pairs that warm the code up. */
const WARM_PAIRS = 30_000;
const PENDING = 1_000_000;
/** version, scoringUs, rows, error, offset, timestampMs are not outputs: they count as overhead. */
const OUTPUT_BYTES = CLASSES * Float64Array.BYTES_PER_ELEMENT;

const TOPICS = { requests: 'digits.requests', predictions: 'digits.predictions', shadow: 'digits.shadow' };
const LIMITS = { window: 20_000, labelWindow: 50_000, windowMs: 10_000 };

const [kind, format] = process.argv.slice(2) as ['fold' | 'pending', AnswerFormat];
process.send?.({ figure: kind === 'fold' ? pairsPerSecond(format) : bytesPerPending() });

function comparisonOf(fields: Field[], limits: Pick<ComparisonOptions, 'window' | 'labelWindow' | 'windowMs'>) {
  const comparison = new Comparison({ ...limits, partition: 0, fields, paired: true, topics: TOPICS });
  const place = { endpoint: ENDPOINT, requests: TOPICS.requests, partition: 0 };
  comparison.join.begin(0);
  return { comparison, records: new RunRecords(comparison, { run: RUN, fields, place }) };
}

/** Pairs per second of CPU, the garbage collector's threads among it. */
function pairsPerSecond(of: AnswerFormat): number {
  const { comparison, records } = comparisonOf([], LIMITS);
  let micros = 0;
  for (let from = 0; from < WARM_PAIRS + PAIRS; from += FETCH_PAIRS) {
    const pairs = pairsFrom(from, FETCH_PAIRS, of);
    globalThis.gc?.({ type: 'minor' });
    const before = process.cpuUsage();
    for (const { live, shadow, label } of pairs) {
      records.addLive(live);
      records.addShadow(shadow);
      if (label !== null) records.addLabel(label);
    }
    if ((from + FETCH_PAIRS) % COMMIT_PAIRS === 0) {
      comparison.take();
      comparison.saved();
    }
    const { user, system } = process.cpuUsage(before);
    if (from >= WARM_PAIRS) micros += user + system;
  }
  const { matched, labelled } = comparison.join.counts;
  if (matched !== WARM_PAIRS + PAIRS || labelled !== matched / 10) throw new RangeError(`${matched} and ${labelled}`);
  return (PAIRS * 1e6) / micros;
}

/** Resident bytes of an answer that waits for its shadow, without its outputs. */
function bytesPerPending(): number {
  const fields = fieldsOf({
    inputs: [],
    outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, CLASSES] }],
  });
  const { join } = comparisonOf(fields, { ...LIMITS, window: 2 * PENDING, labelWindow: 2 * PENDING }).comparison;
  const values = [new Float64Array(CLASSES)];
  const before = resident();
  for (let source = 0; source < PENDING; source++) {
    const outcome = { version: 1, error: null, scoringUs: 300, rows: 1, values };
    join.live.read(source, source);
    join.addLive(source, { outcome, offset: source, timestampMs: source });
  }
  const bytes = resident() - before;
  if (join.size !== PENDING) throw new RangeError(`${join.size} wait`);
  return bytes / PENDING - OUTPUT_BYTES;
}

function resident(): number {
  // Twice: what the first leaves to finalizers the second takes.
  for (let round = 0; round < 2; round++) globalThis.gc?.();
  return process.memoryUsage().rss;
}
