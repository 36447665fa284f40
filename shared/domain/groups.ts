// Groups: every consumer group id, built here and nowhere else.
// The transactional id of a partition is `<group>.<topic>-<partition>` (bus.ts), so a group id is also a fence.

import type { Lane } from './route-plan.ts';

/** Group of the scorers of one lane. */
export function laneGroup(prefix: string, endpoint: string, lane: Lane): string {
  return `${prefix}millrace.scorer.${endpoint}.${lane}`;
}

/** Group of the routers of one endpoint. */
export function routerGroup(prefix: string, endpoint: string): string {
  return `${prefix}millrace.router.${endpoint}`;
}

/** Group of the controllers; the owner of partition 0 of `millrace.commands` leads. */
export function controllerGroup(prefix: string): string {
  return `${prefix}millrace.controller`;
}
