// Drain: batches without a timer. Whatever is queued goes out, up to the model's limit, as soon as a slot is free.
// Flow: lane partitions submit their requests → [drain] mixes them into batches → isolate → model process.
// Invariants: at most `depth` batches are in flight; a submission's outcomes come back in its own order;
//       the queue holds no more than what the submitters hold (each waits for its outcomes before it submits again).

import { type RowOutcome, type Scoring, scoreIsolated } from './isolate.ts';
import type { RowBlock } from './rows.ts';

export interface DrainOptions {
  readonly scoring: Scoring;
  /** Rows of one batch at most. Read before every batch. No request may have more: alone, it would go all the same. */
  readonly maxRows: () => number;
  /** Batches in flight at most: two hide the wake-up of the model's process. */
  readonly depth: number;
}

export interface DrainBatcher {
  /**
   * Outcomes of `blocks`, in order.
   * @throws MODEL_UNAVAILABLE, VERSION_REVOKED when the version as a whole cannot answer: then none of the blocks has an outcome.
   */
  submit(blocks: readonly RowBlock[]): Promise<readonly RowOutcome[]>;
}

interface Job {
  readonly blocks: readonly RowBlock[];
  readonly outcomes: RowOutcome[];
  taken: number;
  left: number;
  failed: boolean;
  readonly resolve: (outcomes: readonly RowOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Slice {
  readonly job: Job;
  readonly from: number;
  readonly to: number;
}

export function drainBatcher(options: DrainOptions): DrainBatcher {
  const queue: Job[] = [];
  let inFlight = 0;

  function pump(): void {
    while (inFlight < options.depth && queue.length > 0) {
      const slices = takeBatch(queue, options.maxRows());
      inFlight += 1;
      void run(slices).finally(() => {
        inFlight -= 1;
        pump();
      });
    }
  }

  async function run(slices: readonly Slice[]): Promise<void> {
    const blocks = slices.flatMap(({ job, from, to }) => job.blocks.slice(from, to));
    try {
      settle(slices, await scoreIsolated(blocks, options.scoring));
    } catch (error) {
      for (const { job } of slices) fail(job, error);
    }
  }

  function fail(job: Job, error: unknown): void {
    job.failed = true;
    const place = queue.indexOf(job);
    if (place !== -1) queue.splice(place, 1);
    job.reject(error);
  }

  return {
    submit: (blocks) =>
      new Promise((resolve, reject) => {
        if (blocks.length === 0) return resolve([]);
        queue.push({
          blocks,
          outcomes: new Array(blocks.length),
          taken: 0,
          left: blocks.length,
          failed: false,
          resolve,
          reject,
        });
        pump();
      }),
  };
}

/** Takes blocks off the queue's head until the next one would pass `maxRows`; at least one. */
function takeBatch(queue: Job[], maxRows: number): Slice[] {
  const slices: Slice[] = [];
  let rows = 0;
  for (let job = queue[0]; job !== undefined; job = queue[0]) {
    const from = job.taken;
    let to = from;
    for (let block = job.blocks[to]; block !== undefined; block = job.blocks[to]) {
      if (rows > 0 && rows + block.rows > maxRows) break;
      rows += block.rows;
      to += 1;
    }
    if (to > from) slices.push({ job, from, to });
    job.taken = to;
    if (to < job.blocks.length) break;
    queue.shift();
  }
  return slices;
}

function settle(slices: readonly Slice[], outcomes: readonly RowOutcome[]): void {
  let index = 0;
  for (const { job, from, to } of slices) {
    for (let place = from; place < to; place++) {
      const outcome = outcomes[index++];
      if (outcome !== undefined) job.outcomes[place] = outcome;
    }
    job.left -= to - from;
    if (job.left === 0 && !job.failed) job.resolve(job.outcomes);
  }
}
