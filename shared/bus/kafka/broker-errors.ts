// Broker errors: what an error from the wire means for the one who asked.
// Flow: every loop of this folder sorts what it catches with these functions.
// Source: Kafka protocol, "Error Codes".

import { errorText, MillraceError } from '../../domain/errors.ts';

export const CODE = {
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  TOPIC_ALREADY_EXISTS: 36,
  INVALID_PARTITIONS: 37,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_PRODUCER_ID_MAPPING: 49,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  OPERATION_NOT_ATTEMPTED: 55,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  FENCED_INSTANCE_ID: 82,
  UNSTABLE_OFFSET_COMMIT: 88,
  PRODUCER_FENCED: 90,
} as const;

/** What kafkajs calls a code that it does not know; the number is in the message. */
const CODE_UNKNOWN_TO_KAFKAJS = -99;

const LEADER_CODES: ReadonlySet<number> = new Set([
  CODE.UNKNOWN_TOPIC_OR_PARTITION,
  CODE.LEADER_NOT_AVAILABLE,
  CODE.NOT_LEADER_OR_FOLLOWER,
  CODE.REPLICA_NOT_AVAILABLE,
  CODE.KAFKA_STORAGE_ERROR,
  CODE.FENCED_LEADER_EPOCH,
  CODE.UNKNOWN_LEADER_EPOCH,
  CODE.OFFSET_NOT_AVAILABLE,
]);

const TRANSIENT_CODES: ReadonlySet<number> = new Set([
  CODE.REQUEST_TIMED_OUT,
  CODE.NETWORK_EXCEPTION,
  CODE.NOT_ENOUGH_REPLICAS,
  CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
]);

const COORDINATOR_CODES: ReadonlySet<number> = new Set([
  CODE.COORDINATOR_LOAD_IN_PROGRESS,
  CODE.COORDINATOR_NOT_AVAILABLE,
  CODE.NOT_COORDINATOR,
]);

/** What a request was about: whoever is denied must know where an ACL is missing. */
export interface RequestPlace {
  readonly topic?: string;
  readonly group?: string;
  readonly transactionalId?: string;
}

const DENIAL_CODES: ReadonlySet<number> = new Set([
  CODE.TOPIC_AUTHORIZATION_FAILED,
  CODE.GROUP_AUTHORIZATION_FAILED,
  CODE.CLUSTER_AUTHORIZATION_FAILED,
  CODE.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
]);

/** An error code that a broker answered, as BROKER_REFUSED; ACCESS_DENIED, with what is denied, where a right is missing. */
export class BrokerRefusal extends MillraceError {
  readonly brokerCode: number;

  /** @param of names the request */
  constructor(brokerCode: number, of: string, place: RequestPlace = {}) {
    if (denied(brokerCode)) super('ACCESS_DENIED', { of, resource: deniedResource(brokerCode, place), brokerCode });
    else super('BROKER_REFUSED', { of, brokerCode });
    this.brokerCode = brokerCode;
  }
}

function deniedResource(code: number, { topic, group, transactionalId }: RequestPlace): string {
  if (code === CODE.TRANSACTIONAL_ID_AUTHORIZATION_FAILED) return `transactional id ${transactionalId ?? ''}`;
  if (code === CODE.GROUP_AUTHORIZATION_FAILED) return `group ${group ?? ''}`;
  if (code === CODE.TOPIC_AUTHORIZATION_FAILED) return `topic ${topic ?? ''}`;
  // Whoever may write to any topic at all may be an idempotent producer (KIP-679).
  return topic === undefined ? 'the cluster' : `topic ${topic}, or for IdempotentWrite on the cluster,`;
}

/** The error code that a broker answered; null when none did: connection lost, timeout, not even connected. */
export function brokerCode(error: unknown): number | null {
  if (error instanceof BrokerRefusal) return error.brokerCode;
  if (typeof error !== 'object' || error === null || !('code' in error) || typeof error.code !== 'number') return null;
  if (error.code !== CODE_UNKNOWN_TO_KAFKAJS) return error.code;
  return Number(/(\d+)\s*$/.exec(errorText(error))?.[1] ?? CODE_UNKNOWN_TO_KAFKAJS);
}

/** A broker's answer as an error of ours; what is none stays as it is. `of` names the request. */
export function asRefusal(error: unknown, of: string, place: RequestPlace = {}): unknown {
  const code = brokerCode(error);
  return code === null || error instanceof MillraceError ? error : new BrokerRefusal(code, of, place);
}

/** The user of this connection lacks a right: waiting does not help. */
export function denied(code: number | null): code is number {
  return code !== null && DENIAL_CODES.has(code);
}

/** The leader of a partition may be elsewhere: refresh the metadata and ask again. */
export function leaderMoved(code: number | null): boolean {
  return code !== null && LEADER_CODES.has(code);
}

/** The coordinator is elsewhere or not ready: look it up and ask again. */
export function coordinatorMoved(code: number | null): boolean {
  return code !== null && COORDINATOR_CODES.has(code);
}

/** Asking the same broker again may help. */
export function transient(code: number | null): boolean {
  return code !== null && TRANSIENT_CODES.has(code);
}

/** A newer owner of the transactional id exists, or the broker aborted us in its name. */
export function fenced(code: number | null): boolean {
  return code === CODE.INVALID_PRODUCER_EPOCH || code === CODE.PRODUCER_FENCED;
}

/** A batch is larger than its topic takes. */
export function tooLarge(code: number | null): boolean {
  return code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE;
}
