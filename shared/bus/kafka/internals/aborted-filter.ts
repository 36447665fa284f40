// Aborted filter: which transactional records of a fetched record set belong to aborted transactions.
// Flow: fetch response (list of aborted transactions) → [filter] → record reader; also injected into kafkajs, whose own
//       filter delivers aborted records when transactions overlap or a data key is four zero bytes.
// Invariant: an abort opens at the producer's next first offset and closes only at a control record of type abort.
// Source: Java client, CompletedFetch.consumeAbortedTransactionsUpTo; librdkafka, rdkafka_msgset_reader.c.

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** Control record types; other values are ignored. */
export const CONTROL_ABORT = 0;

interface ProducerState {
  /** First offsets of this producer's aborted transactions, ascending. */
  readonly firstOffsets: number[];
  next: number;
  open: boolean;
}

/** One filter per record set: it is fed in offset order. */
export interface AbortedFilter {
  /** Whether a transactional record (or batch, by its last offset) of this producer was aborted. */
  isAborted(producerId: number, offset: number): boolean;
  /** A control record of type abort: the producer's open abort ends here. */
  endAbort(producerId: number, offset: number): void;
}

/** @param aborted in any order: brokers list them by their last offset */
export function abortedFilter(aborted: readonly AbortedTransaction[]): AbortedFilter {
  const producers = new Map<number, ProducerState>();
  for (const { producerId, firstOffset } of aborted) {
    const known = producers.get(producerId);
    if (known === undefined) producers.set(producerId, { firstOffsets: [firstOffset], next: 0, open: false });
    else known.firstOffsets.push(firstOffset);
  }
  for (const state of producers.values()) state.firstOffsets.sort((a, b) => a - b);
  const advance = (state: ProducerState, offset: number) => {
    while (state.next < state.firstOffsets.length && (state.firstOffsets[state.next] ?? 0) <= offset) {
      state.next++;
      state.open = true;
    }
  };
  return {
    isAborted(producerId, offset) {
      const state = producers.get(producerId);
      if (state === undefined) return false;
      advance(state, offset);
      return state.open;
    },
    endAbort(producerId, offset) {
      const state = producers.get(producerId);
      if (state === undefined) return;
      advance(state, offset);
      state.open = false;
    },
  };
}

/** Type of a control record by its key: int16 version, int16 type; null when the key is too short. */
export function controlType(key: Uint8Array | null): number | null {
  if (key === null || key.length < 4) return null;
  return ((key[2] ?? 0) << 8) | (key[3] ?? 0);
}
