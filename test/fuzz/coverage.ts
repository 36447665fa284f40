// Coverage: which branches of the house have run, by V8's block counters, so that inputs that reach new ones are kept.
// Method: V8 names the ranges of a function that did not run. A range that was named once and is not named by a later run
//         of its function was reached for the first time. One reading takes a millisecond, so inputs are read in batches.
// Flow: run.ts runs a batch → [take] → halves it to find which of its inputs was the first.

import inspector, { type Profiler } from 'node:inspector';

/** Scripts whose branches count: ours, the parsers that we hand foreign bytes to, and what the fuzzer's test plants. */
const COUNTED = /\/(?:shared|services)\/|\/node_modules\/(?:yaml|kafkajs)\/|\/fuzz\/planted\./;

/** Names of branches. */
export type Branches = ReadonlySet<string>;

interface KnownFunction {
  /** Branches that were not reached so far, by name, as start and end. */
  readonly unreached: Map<string, readonly [number, number]>;
  readonly reached: Set<string>;
}

export class Coverage {
  readonly #session = new inspector.Session();
  readonly #functions = new Map<string, KnownFunction>();

  start(): void {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** Branches that were reached since the last call and never before `keep` was told of them. */
  take(): Branches {
    const taken = this.#post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType;
    const fresh = new Set<string>();
    for (const script of taken.result) {
      if (!COUNTED.test(script.url)) continue;
      for (const { ranges } of script.functions) this.#read(script.scriptId, ranges, fresh);
    }
    return fresh;
  }

  /** From now on these are no news. */
  keep(branches: Branches): void {
    for (const branch of branches) {
      const known = this.#functions.get(branch.split('/', 1)[0] ?? '');
      known?.unreached.delete(branch);
      known?.reached.add(branch);
    }
  }

  get reached(): number {
    let count = 0;
    for (const known of this.#functions.values()) count += known.reached.size;
    return count;
  }

  #read(script: string, ranges: readonly Profiler.CoverageRange[], fresh: Set<string>): void {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return;
    const name = `${script}:${whole.startOffset}-${whole.endOffset}`;
    let known = this.#functions.get(name);
    if (known === undefined) {
      known = { unreached: new Map(), reached: new Set() };
      this.#functions.set(name, known);
    }
    if (!known.reached.has(`${name}/`)) fresh.add(`${name}/`);
    const idle = ranges.filter(({ count }) => count === 0);
    for (const { startOffset, endOffset } of idle) {
      const branch = `${name}/${startOffset}-${endOffset}`;
      if (!known.reached.has(branch)) known.unreached.set(branch, [startOffset, endOffset]);
    }
    for (const [branch, [start, end]] of known.unreached) {
      if (!idle.some((range) => range.startOffset <= start && end <= range.endOffset)) fresh.add(branch);
    }
  }

  /** The inspector answers these methods before `post` returns. */
  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error, result) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }
}
