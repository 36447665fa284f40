// Limits: how much of a payload or control record is looked at, checked before anything is allocated.

import { REQUEST_BYTES_MAX, ROUTING_BYTES_MAX } from '../domain/topics.ts';

/** Largest payload, bytes: what the widest topics take. */
export const PAYLOAD_BYTES_MAX = REQUEST_BYTES_MAX + ROUTING_BYTES_MAX;
/** Tensors of one payload; a signature has no more (shared/domain/tensor.ts). */
export const TENSORS_MAX = 32;
/** Dimensions of one tensor; a signature has no more. */
export const DIMENSIONS_MAX = 8;
/** Longest payload id, characters: the answer, which echoes it, must fit its topic. */
export const ID_CHARS_MAX = 1_024;
/** Longest message of an error answer, characters; longer ones are cut. */
export const ERROR_MESSAGE_CHARS_MAX = 4_096;
/** Largest control record, bytes. */
export const CONTROL_BYTES_MAX = 1_048_576;
/** List items of a control record: a worker owns at most 2048 lane partitions, a plan has at most 1024 receipts. */
export const CONTROL_ITEMS_MAX = 4_096;
