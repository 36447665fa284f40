// Transactions: which producer owns a transactional id, and what its open transaction has written.
// Flow: `fence` → (`begin` → appends → `end`)*, as the transaction coordinator of Kafka does (KIP-98).
// Invariants: at most one transaction is open per transactional id; an older epoch can neither begin nor end one.

import { MillraceError } from '../../domain/errors.ts';
import type { PartitionLog } from './partition-log.ts';

/** The identity under which one owner writes. */
export interface ProducerEpoch {
  readonly transactionalId: string;
  readonly epoch: number;
  /** Input partition, for error messages. */
  readonly topic: string;
  readonly partition: number;
}

export interface Transaction {
  readonly transactionalId: string;
  state: 'open' | 'committed' | 'aborted';
  /** The coordinator aborts it then. */
  readonly deadlineMs: number;
  /** Partitions written so far; each gets a marker at the end. */
  readonly touched: Set<PartitionLog>;
}

interface Coordinated {
  epoch: number;
  open: Transaction | null;
}

export class Transactions {
  private readonly byId = new Map<string, Coordinated>();
  private readonly timeoutMs: number;
  private readonly onEnd: (touched: ReadonlySet<PartitionLog>) => void;

  /** @param onEnd told after the markers are written, so that waiting readers look again */
  constructor(timeoutMs: number, onEnd: (touched: ReadonlySet<PartitionLog>) => void) {
    this.timeoutMs = timeoutMs;
    this.onEnd = onEnd;
  }

  /** Aborts what the previous owner left open and shuts it out. */
  fence(owner: Omit<ProducerEpoch, 'epoch'>): ProducerEpoch {
    const known = this.byId.get(owner.transactionalId) ?? { epoch: -1, open: null };
    this.byId.set(owner.transactionalId, known);
    this.finish(known, 'aborted');
    known.epoch++;
    return { ...owner, epoch: known.epoch };
  }

  /** @throws FENCED */
  begin(producer: ProducerEpoch, nowMs: number): Transaction {
    const known = this.owned(producer);
    if (known.open !== null) throw new MillraceError('ASSERTION', { detail: `${producer.transactionalId} is open` });
    known.open = {
      transactionalId: producer.transactionalId,
      state: 'open',
      deadlineMs: nowMs + this.timeoutMs,
      touched: new Set(),
    };
    return known.open;
  }

  /** The producer's open transaction. @throws FENCED when it has lost it */
  current(producer: ProducerEpoch): Transaction {
    const { open } = this.owned(producer);
    if (open === null) throw fenced(producer);
    return open;
  }

  /** Writes the markers. @throws FENCED, and then nothing has happened */
  end(producer: ProducerEpoch, state: 'committed' | 'aborted'): void {
    this.current(producer);
    this.finish(this.owned(producer), state);
  }

  /** Aborts transactions past their deadline and shuts their producers out, as the broker does. */
  expire(nowMs: number): void {
    for (const known of this.byId.values()) {
      if (known.open === null || known.open.deadlineMs > nowMs) continue;
      this.finish(known, 'aborted');
      known.epoch++;
    }
  }

  /** When the next open transaction times out; null when none is open. */
  nextDeadlineMs(): number | null {
    let next: number | null = null;
    for (const { open } of this.byId.values()) {
      if (open !== null && (next === null || open.deadlineMs < next)) next = open.deadlineMs;
    }
    return next;
  }

  private owned(producer: ProducerEpoch): Coordinated {
    const known = this.byId.get(producer.transactionalId);
    if (known === undefined || known.epoch !== producer.epoch) throw fenced(producer);
    return known;
  }

  private finish(known: Coordinated, state: 'committed' | 'aborted'): void {
    const { open } = known;
    if (open === null) return;
    known.open = null;
    open.state = state;
    for (const log of open.touched) log.close(open);
    this.onEnd(open.touched);
  }
}

function fenced(producer: ProducerEpoch): MillraceError {
  return new MillraceError('FENCED', { topic: producer.topic, partition: producer.partition });
}
