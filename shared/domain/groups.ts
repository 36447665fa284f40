// Groups: every consumer group id and transactional id, built here and nowhere else.
// Invariant: a partition of a group has one transactional id, whoever owns it, so that a new owner fences the old one.

import type { Lane } from './route-plan.ts';

/** One input partition as a consumer group owns it. */
export interface GroupPartition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** Transactional id of whoever owns the partition. */
export function transactionalIdOf({ group, topic, partition }: GroupPartition): string {
  return `${group}.${topic}-${partition}`;
}

/** Group of the scorers of one lane. */
export function laneGroup(prefix: string, endpoint: string, lane: Lane): string {
  return `${prefix}millrace.scorer.${endpoint}.${lane}`;
}

/** Group of the routers of one endpoint. */
export function routerGroup(prefix: string, endpoint: string): string {
  return `${prefix}millrace.router.${endpoint}`;
}

/** Group of one shadow: it begins anew with every rollout. */
export function shadowGroup(
  prefix: string,
  endpoint: string,
  of: { readonly rollout: string; readonly version: number },
) {
  return `${prefix}millrace.shadow.${endpoint}.${of.rollout}.v${of.version}`;
}

/** Group of the comparators of one endpoint. */
export function comparatorGroup(prefix: string, endpoint: string): string {
  return `${prefix}millrace.comparator.${endpoint}`;
}

/** Group of those who key an endpoint's labels. */
export function labelGroup(prefix: string, endpoint: string): string {
  return `${prefix}millrace.comparator.${endpoint}.labels`;
}

/** Group of the controllers; the owner of partition 0 of `millrace.commands` leads. */
export function controllerGroup(prefix: string): string {
  return `${prefix}millrace.controller`;
}
