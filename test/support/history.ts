// History: the topics of one partition, made by hand, so that a checker can be shown what it must find.
// Method: the real router core routes and the real record builders answer; a test then leaves out, doubles or bends one record.

import { routeRequest } from '../../services/router/core/route.ts';
import { predictionRecord, rescueRecord } from '../../services/scorer/core/answer.ts';
import { type Routing, routingOf } from '../../services/scorer/core/triage.ts';
import { type AuditScope, PartitionAudit } from '../../shared/analysis/audit.ts';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { Journal } from '../../shared/analysis/journal.ts';
import type { Totals } from '../../shared/analysis/totals.ts';
import { WorkerWords } from '../../shared/analysis/worker-words.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import { header } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { refusalRecords } from '../../shared/domain/refusal.ts';
import { otherLane, type RoutePlan } from '../../shared/domain/route-plan.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { bytesOf, canaryOf, cutOf, ENDPOINT, modelOf, requestAt, shadowOf } from './plans.ts';

const topics = topicsOf('');

type Kind = 'requests' | 'blue' | 'green' | 'predictions' | 'dead-letters';

export class History {
  readonly cuts = [cutOf(canaryOf(1, 5_000), 0)];
  readonly records: (readonly [Kind, InRecord])[] = [];
  scope: Partial<AuditScope> = {};
  #atMs = 0;

  /** A request and the lane record that the router makes of it. */
  routed(offset: number, rest: Partial<InRecord> = {}): InRecord {
    const request = this.request(offset, rest);
    return this.append(routeRequest(topics, this.cuts, request));
  }

  request(offset: number, rest: Partial<InRecord> = {}): InRecord {
    const request = requestAt(offset, rest);
    this.records.push(['requests', request]);
    return request;
  }

  /** A lane record's prediction. */
  answered(lane: InRecord, rest: Partial<InRecord> = {}): InRecord {
    const answer = {
      value: bytesOf('7'),
      contentType: 'application/json',
      by: { model: modelOf(1), runtime: 'fake 1', scoringUs: 5 },
    };
    return this.append(predictionRecord(topics.endpoint(ENDPOINT, 'predictions'), lane, answer), rest);
  }

  /** A lane record on the other lane, answered by that lane's version. */
  rescued(lane: InRecord): InRecord {
    const routing = routingAt(lane);
    const to = { lane: otherLane(routing.lane), model: modelOf(routing.model.version === 1 ? 2 : 1) };
    const error = new MillraceError('MODEL_FAILED', {
      version: routing.model.version,
      endpoint: ENDPOINT,
      detail: 'no',
    });
    return this.append(rescueRecord(topics, lane, { endpoint: ENDPOINT, routing, to, error }));
  }

  /** Error answer and dead letter of a lane record. */
  refused(lane: InRecord): readonly [answer: InRecord, letter: InRecord] {
    const answer = bytesOf('{}');
    const words = { endpoint: ENDPOINT, code: 'REQUEST_EMPTY', message: 'empty', stage: 'scorer' } as const;
    const [error, letter] = refusalRecords(topics, lane, {
      ...words,
      answer,
      contentType: 'application/json',
      extraHeaders: [],
    });
    return [this.append(error), this.append(letter)];
  }

  /** What the topics hold, with `record` bent. */
  replace(record: InRecord, rest: Partial<InRecord>): void {
    const place = this.records.findIndex(([, known]) => known === record);
    const [kind = 'requests'] = this.records[place] ?? [];
    this.records[place] = [kind, { ...record, ...rest }];
  }

  remove(record: InRecord): void {
    this.records.splice(
      this.records.findIndex(([, known]) => known === record),
      1,
    );
  }

  append(record: OutRecord, rest: Partial<InRecord> = {}): InRecord {
    const name = topics.parse(record.topic);
    const kind = (name?.kind ?? 'requests').replace('lane.', '') as Kind;
    const offset = this.records.filter(([known]) => known === kind).length;
    const stored: InRecord = { ...record, offset, timestampMs: this.#atMs++, ...rest };
    this.records.push([kind, stored]);
    return stored;
  }

  /** Judged in the order given, or in another one. */
  audit(order: readonly (readonly [Kind, InRecord])[] = this.records): Totals {
    const audit = new PartitionAudit({
      ...{ partition: 0, from: 0, to: 1_000_000, cuts: this.cuts, atLeastOnce: false, bounds: ROLLBACK_BOUNDS },
      journal: journalOf([]),
      laneCommitted: { blue: Number.POSITIVE_INFINITY, green: Number.POSITIVE_INFINITY },
      ...this.scope,
    });
    for (const [kind, record] of order) {
      if (kind === 'requests') audit.onRequest(record);
      else if (kind === 'predictions') audit.onPrediction(record);
      else if (kind === 'dead-letters') audit.onDeadLetter(record);
      else audit.onLane(kind, record);
    }
    audit.finish();
    return audit.totals;
  }
}

/** The journal of the history's endpoint, of whose workers nothing is on record. */
export function journalOf(events: readonly RolloutEvent[]): Journal {
  const journal = new Journal(ENDPOINT, new WorkerWords());
  for (const event of events) journal.observe(event);
  return journal;
}

/** The first request from `offset` on that the plan sends to `lane`; it is appended and routed. */
export function routedTo(history: History, lane: 'blue' | 'green', from = 0): InRecord {
  for (let offset = from; ; offset++) {
    const record = routeRequest(topics, history.cuts, requestAt(offset));
    if (record.topic === topics.lane(ENDPOINT, lane)) return history.routed(offset);
  }
}

/** `record` with one header replaced. */
export function withHeader(record: InRecord, name: string, text: string): Pick<InRecord, 'headers'> {
  return { headers: [...record.headers.filter(([known]) => known !== name), header(name, text)] };
}

/** Violations found, as `check: n`. */
export function found(totals: Totals): Record<string, number> {
  return Object.fromEntries(Object.entries(totals.counts).filter(([, count]) => count > 0));
}

/** A plan of the history's endpoint with a version that is only shadowed. */
export function shadowing(plan: RoutePlan, version: number): RoutePlan {
  return { ...plan, shadows: [shadowOf(version)] };
}

function routingAt(record: InRecord): Routing {
  const routing = routingOf(record);
  if (routing === null) throw new TypeError('no lane record');
  return routing;
}
