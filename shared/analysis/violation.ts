// Violation: one broken promise, found in the topics.

import { formatSource, type Source } from '../domain/record.ts';

/** Names of the checks, one per promise (docs/reliability.md). */
export const CHECKS = [
  'lost',
  'duplicated',
  'wrong-version',
  'aborted-read',
  'order',
  'shadow',
  'misrouted',
  'not-ready',
  'rollback',
] as const;
export type CheckName = (typeof CHECKS)[number];

export interface Violation {
  readonly check: CheckName;
  /** Source (`partition@offset`), or what else it is about. */
  readonly at: string;
  readonly detail: string;
}

export function violation(check: CheckName, at: Source | string, detail: string): Violation {
  return { check, at: typeof at === 'string' ? at : formatSource(at), detail };
}
