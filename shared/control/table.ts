// Table: the newest value per key of a compacted control topic, followed for as long as it is open.
// Flow: millrace.endpoints, millrace.plans, … → tables in router, scorer, controller, CLI.
// Invariants: `ready` resolves only after everything up to the high watermark at the start was applied; a read that fails
//             later is told and begun again where it stood, so that an open table never stays behind in silence.

import { setMaxListeners } from 'node:events';
import type { Bus, ReadFrom } from '../bus/bus.ts';
import { type Clock, sleepUnless } from '../domain/clock.ts';
import type { Bytes, InRecord } from '../domain/record.ts';

/** Pause before a read that failed is begun again. */
const READ_RETRY_MS = 1_000;

export interface Table<T> {
  /** Resolves once the table stands where the topic stood when it was opened; rejects when it cannot be read. */
  readonly ready: Promise<void>;
  get(key: string): T | undefined;
  entries(): IterableIterator<[string, T]>;
  /** Aborts at the next change; take a new one afterwards. */
  readonly changed: AbortSignal;
  stop(): Promise<void>;
}

export interface TableOptions<T> {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly topic: string;
  /** Value of a record that has one; a throw keeps the key's last good value and is reported. */
  readonly decode: (record: InRecord) => T;
  readonly onProblem: (error: unknown) => void;
  /** Called with every batch's keys after they were applied. */
  readonly onChange?: (keys: readonly string[]) => void;
}

const decoder = new TextDecoder();

/** Opens a table over a one-partition topic. A tombstone removes its key. */
export function openTable<T>(options: TableOptions<T>): Table<T> {
  const values = new Map<string, T>();
  const stop = new AbortController();
  let changed = changeSignal();
  let markReady: () => void = () => {};
  let markFailed: (error: unknown) => void = () => {};
  let position: ReadFrom = 'earliest';
  let isReady = false;
  const ready = new Promise<void>((resolve, reject) => {
    markReady = () => {
      isReady = true;
      resolve();
    };
    markFailed = reject;
  });
  // Whoever awaits it is told.
  ready.catch(() => undefined);

  function apply(records: readonly InRecord[]): void {
    const keys = records.flatMap((record) => applyRecord(values, record, options));
    if (keys.length === 0) return;
    const fired = changed;
    changed = changeSignal();
    fired.abort();
    options.onChange?.(keys);
  }

  /** Reads on from `position`. Resolves when the table stops or the bus closes. */
  async function read(): Promise<void> {
    const { bus, topic } = options;
    let end: number | null = null;
    for await (const batch of bus.read({ topic, from: position, until: 'never', signal: stop.signal })) {
      apply(batch.records);
      position = batch.nextOffset;
      end ??= batch.endOffset;
      if (position >= end) markReady();
    }
  }

  async function follow(): Promise<void> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (stop.signal.aborted) return;
        if (!isReady) return markFailed(error);
        options.onProblem(error);
      }
      await sleepUnless(options.clock, READ_RETRY_MS, stop.signal);
    }
  }

  const following = follow();
  return {
    ready,
    get: (key) => values.get(key),
    entries: () => values.entries(),
    get changed() {
      return changed.signal;
    },
    stop: async () => {
      stop.abort();
      await following;
    },
  };
}

/** The record's key, unless it has none or its value cannot be read. */
function applyRecord<T>(values: Map<string, T>, record: InRecord, options: TableOptions<T>): string[] {
  if (record.key === null) return [];
  const key = textOf(record.key);
  try {
    if (record.value === null) values.delete(key);
    else values.set(key, options.decode(record));
    return [key];
  } catch (error) {
    options.onProblem(error);
    return [];
  }
}

/** Every partition of every endpoint may wait for the next change, which is no leak. */
function changeSignal(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

function textOf(key: Bytes): string {
  return decoder.decode(key);
}
