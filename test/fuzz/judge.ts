// Judge: one input, three limits: how it ends, how long it takes, how much it takes.
// Method: time and memory are read around every input (V8 counts ArrayBuffers at once, garbage included). What is over
//         the time limit runs again, and the fastest run counts: a pause of the machine or of V8 is no finding.

import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import { shrink } from './shrink.ts';
import { problemOf, type Target } from './target.ts';

export const INPUT_MS_MAX = 50;
export const HEAP_BYTES_MAX = 64 * 1_048_576;
const REPEATS = 4;
const POSTPONED_MAX = 64;
const REPEAT_ABOVE_MS = 1;
/** How coarse the kernel's count may be. */
const TICK_MS = 4;

export interface Finding {
  readonly target: string;
  /** What went wrong, in words; the same words are one finding. */
  readonly words: string;
  readonly stack: string;
  readonly hex: string;
}

export interface JudgeTotals {
  /** Inputs that a decoder took for sound. */
  readonly accepted: number;
  readonly slowestMs: number;
  /** Most that one input allocated. */
  readonly largestBytes: number;
  /** What was still held at the end, after a collection. */
  readonly heldBytes: number;
}

export class Judge {
  readonly findings: Finding[] = [];
  /** Under coverage, which makes all code slow: inputs that have to be judged again without it. */
  readonly postponed: Buffer[] = [];
  readonly #timed: boolean;
  readonly #target: Target;
  readonly #seen = new Set<string>();
  #accepted = 0;
  #slowestMs = 0;
  #largestBytes = 0;
  #heldAtStart = 0;

  constructor(target: Target, timed = true) {
    this.#target = target;
    this.#timed = timed;
    // Every refused input makes an error; where it was made matters only for a finding, which runs again.
    Error.stackTraceLimit = 0;
  }

  /** What was so far does not count; what is held from now on is growth. */
  async settle(): Promise<void> {
    this.#accepted = 0;
    this.#heldAtStart = await collected();
  }

  /** Runs an input without judging it. @returns what it threw, or undefined */
  async execute(bytes: Buffer): Promise<unknown> {
    try {
      const pending = this.#target.decode(bytes);
      if (pending !== undefined) await pending;
      return undefined;
    } catch (error) {
      return error ?? new RangeError('threw nothing');
    }
  }

  async judge(bytes: Buffer): Promise<void> {
    const heldBefore = held();
    const startMs = performance.now();
    const error = await this.execute(bytes);
    let ms = performance.now() - startMs;
    const grown = held() - heldBefore;
    if (error === undefined) this.#accepted += 1;
    const problem = error === undefined ? null : problemOf(error);
    if (problem !== null) await this.#thrown(problem, bytes);
    if (!this.#timed) {
      if (ms > INPUT_MS_MAX && this.postponed.length < POSTPONED_MAX) this.postponed.push(Buffer.from(bytes));
    } else if (ms > REPEAT_ABOVE_MS && ms > this.#slowestMs) {
      ms = await this.#fastest(bytes, ms);
      this.#slowestMs = Math.max(this.#slowestMs, ms);
      if (ms > INPUT_MS_MAX) this.#found(`takes more than ${INPUT_MS_MAX} ms`, bytes, `${ms.toFixed(0)} ms`);
    }
    this.#largestBytes = Math.max(this.#largestBytes, grown);
    if (grown > HEAP_BYTES_MAX) this.#found(`allocates more than ${HEAP_BYTES_MAX} bytes`, bytes, `${grown} bytes`);
  }

  async totals(): Promise<JudgeTotals> {
    const heldBytes = Math.max(0, (await collected()) - this.#heldAtStart);
    if (heldBytes > HEAP_BYTES_MAX)
      this.#found(`holds more than ${HEAP_BYTES_MAX} bytes`, Buffer.alloc(0), `${heldBytes}`);
    return {
      accepted: this.#accepted,
      slowestMs: this.#slowestMs,
      largestBytes: this.#largestBytes,
      heldBytes,
    };
  }

  async #fastest(bytes: Buffer, first: number): Promise<number> {
    let fastest = first;
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const start = { wallMs: performance.now(), cpuMs: threadMs() };
      await this.execute(bytes);
      const wallMs = performance.now() - start.wallMs;
      const cpuMs = start.cpuMs === null ? wallMs : (threadMs() ?? 0) - start.cpuMs;
      fastest = Math.min(fastest, Math.max(cpuMs, Math.min(wallMs, TICK_MS)), wallMs);
    }
    return fastest;
  }

  async #thrown(problem: string, bytes: Buffer): Promise<void> {
    const words = wordsOf(problem);
    if (this.#seen.has(words)) return;
    const fails = async (candidate: Buffer) => {
      const error = await this.execute(candidate);
      return error !== undefined && wordsOf(problemOf(error) ?? '') === words;
    };
    const smallest = await shrink(bytes, fails);
    Error.stackTraceLimit = 12;
    const error = await this.execute(smallest);
    Error.stackTraceLimit = 0;
    this.#found(words, smallest, error instanceof Error ? (error.stack ?? '') : String(error));
  }

  #found(words: string, bytes: Buffer, stack: string): void {
    if (this.#seen.has(words)) return;
    this.#seen.add(words);
    this.findings.push({ target: this.#target.name, words, stack, hex: bytes.toString('hex') });
  }
}

/** CPU time of this thread, milliseconds, or null where the kernel does not tell. Linux counts it at every tick. */
export function threadMs(): number | null {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ', 1)[0]) / 1e6;
  } catch {
    return null;
  }
}

/** Without what differs from input to input. */
function wordsOf(problem: string): string {
  return problem.replace(/\d+/g, 'N').slice(0, 100);
}

/** Bytes on the heap and in ArrayBuffers, garbage included; half a microsecond. */
function held(): number {
  const { used_heap_size, external_memory } = v8.getHeapStatistics();
  return used_heap_size + external_memory;
}

let collect: (() => void) | null = null;

/** The same after a collection, and after what only a turn of the event loop lets go (zlib's handles). */
async function collected(): Promise<number> {
  if (collect === null) {
    v8.setFlagsFromString('--expose-gc');
    collect = vm.runInNewContext('gc') as () => void;
  }
  for (let round = 0; round < 2; round++) {
    await setImmediate();
    collect();
  }
  return held();
}
