// Link: one client's connection through a proxy: a socket on either side, and the frames between them.
// Invariant: what is read is written before more is read, so that a slow reader slows its sender.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type ApiName, FrameSplitter, type RequestHead } from './frames.ts';
import type { Deed } from './meddling.ts';

/** One client's connection. */
export interface Link {
  readonly client: Socket;
  readonly broker: Socket;
  readonly ended: AbortController;
  /** Known with its first request. */
  clientId: string;
  /** Requests under way that a fault is about, or whose answer must be understood. */
  readonly marked: Map<number, Marked>;
}

interface Marked {
  readonly head: RequestHead;
  readonly api: ApiName;
  readonly deed: Deed;
}

/** Moves frames until an end is gone. */
export async function pump(
  link: Link,
  way: { readonly from: Socket; readonly to: Socket; readonly each: (frame: Buffer) => Promise<Buffer | null> },
): Promise<void> {
  const splitter = new FrameSplitter();
  for await (const chunk of way.from) {
    for (const frame of splitter.push(chunk as Buffer)) {
      const out = await way.each(frame);
      if (out === null || link.ended.signal.aborted) continue;
      if (!way.to.write(out)) await once(way.to, 'drain', { signal: link.ended.signal });
    }
  }
  end(link);
}

export function end(link: Link): void {
  link.ended.abort();
  link.client.destroy();
  link.broker.destroy();
}

/** Resolves when one of them aborts. */
export function firstOf(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal.aborted)) return resolve();
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
