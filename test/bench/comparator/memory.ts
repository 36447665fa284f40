// Memory: what an answer costs that waits for its shadow, and whether a shadow that is away costs more the longer it is.
// Method: outcomes as they come out of decoding; memory is looked at when everything that can be collected is.

import { DEFAULT_LIMITS } from '../../../shared/comparing/limits.ts';
import { type Field, fieldsOf, type Outcome } from '../../../shared/comparison/outcome.ts';
import { CLASSES } from './answers.ts';
import { comparisonOf } from './subject.ts';

const PENDING = 1_000_000;
/** version, scoringUs, rows, error, offset, timestampMs are not outputs: they count as overhead. */
const OUTPUT_BYTES = CLASSES * Float64Array.BYTES_PER_ELEMENT;

/** Of stream time. */
const ABSENT_SECONDS = 3_600;
const ANSWERS_PER_SECOND = 200;
/** A shadow whose lag is over its limit says what it passes over. */
const PASSED_SECONDS = 5;
const COMMIT_SECONDS = 2;
/** Of the answers, those with a label: every tenth. */
const LABEL_EVERY = 10;
/**
 * From then on nothing has a reason to grow: after 500 s as many sources are kept as ever will be, twice the label window, and after
 * 655 the engine's tables, which go in powers of two, have had 2^17 of them, the removed ones among them.
 */
const FULL_SECONDS = 900;
/** Looks at the memory, at the beginning and at the end: chunks of a mebibyte come and go. */
const LOOKS = 10;
const LOOK_SECONDS = 60;

/** Resident bytes of an answer that waits for its shadow, without its outputs. */
export function bytesPerPending({ ownIds }: { readonly ownIds: boolean }): number {
  const comparison = comparisonOf(fields(), { window: 2 * PENDING, labelWindow: 2 * PENDING });
  const { join } = comparison;
  const before = resident();
  for (let source = 0; source < PENDING; source++) {
    join.live.read(source, source);
    const placed = { outcome: outcomeOf(source), offset: source, timestampMs: source };
    comparison.addLive(source, placed, ownIds ? uuidOf(source) : null);
  }
  const bytes = resident() - before;
  if (join.size !== PENDING) throw new RangeError(`${join.size} wait`);
  return bytes / PENDING - OUTPUT_BYTES;
}

/**
 * Per cent by which memory grows from when the windows are full to the end of an hour, in which answers with ids of their own and
 * labels come, and the shadow passes over all of them: the last looks against the first ones.
 */
export function growthWhileAbsent(): number {
  const comparison = comparisonOf(fields());
  const { join } = comparison;
  const [first, last] = [[] as number[], [] as number[]];
  for (let second = 1; second <= ABSENT_SECONDS; second++) {
    const end = second * ANSWERS_PER_SECOND;
    for (let source = end - ANSWERS_PER_SECOND; source < end; source++) {
      join.live.read(source, source);
      const placed = { outcome: outcomeOf(source), offset: source, timestampMs: second * 1_000 };
      comparison.addLive(source, placed, uuidOf(source));
      if (source % LABEL_EVERY !== 0) continue;
      join.labels.read(source, source);
      comparison.addLabel(uuidOf(source), { offset: source, values: [source % CLASSES], requestsEnd: source + 1 });
    }
    if (second % PASSED_SECONDS === 0) {
      join.shadow.read(second, -1);
      join.progress({ from: end - PASSED_SECONDS * ANSWERS_PER_SECOND, to: end, skipped: true });
    }
    if (second % COMMIT_SECONDS === 0) {
      comparison.take();
      comparison.saved();
    }
    if (second % LOOK_SECONDS !== 0) continue;
    if (second > FULL_SECONDS && first.length < LOOKS) first.push(kept());
    if (second > ABSENT_SECONDS - LOOKS * LOOK_SECONDS) last.push(kept());
  }
  const { matched, skipped } = join.counts;
  const expired = ABSENT_SECONDS * ANSWERS_PER_SECOND - DEFAULT_LIMITS.window;
  if (matched !== 0 || skipped < 0.99 * expired) throw new RangeError(`${matched} matched, ${skipped} passed over`);
  return 100 * (mean(last) / mean(first) - 1);
}

function fields(): Field[] {
  return fieldsOf({ inputs: [], outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, CLASSES] }] });
}

function outcomeOf(source: number): Outcome {
  const values = [new Float32Array(CLASSES).fill(0.01)];
  values[0]?.fill(0.91, source % CLASSES, (source % CLASSES) + 1);
  return { version: 1, error: null, scoringUs: 300, rows: 1, values };
}

/** A request id as CloudEvents have it: 36 characters, as they come out of bytes. */
function uuidOf(source: number): string {
  const digits = source.toString(16).padStart(12, '0');
  return Buffer.from(`9f1c2b7e-58d3-4a60-8e11-${digits}`).toString();
}

function mean(looks: readonly number[]): number {
  return looks.reduce((sum, look) => sum + look, 0) / looks.length;
}

function collect(): NodeJS.MemoryUsage {
  // Twice: what the first leaves to finalizers the second takes.
  for (let round = 0; round < 2; round++) globalThis.gc?.();
  return process.memoryUsage();
}

function resident(): number {
  return collect().rss;
}

/** Bytes of the heap, and of typed arrays outside it: unlike resident ones they do not depend on what the allocator keeps. */
function kept(): number {
  const { heapUsed, external } = collect();
  return heapUsed + external;
}
