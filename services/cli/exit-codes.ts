// ExitCodes: the published table of exit codes, and which error ends in which.
// Flow: a command returns a name of the table or throws → `exitOf` → the process's exit code; `millrace --help` and docs/cli.md
//       show the table.

import { type ErrorCode, type ErrorKind, MillraceError } from '../../shared/domain/errors.ts';

interface ExitEntry {
  readonly code: number;
  readonly meaning: string;
}

export const EXIT_CODES = {
  ok: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'the answer is no: a check failed, records disagree, or a rollout failed' },
  usage: { code: 2, meaning: 'wrong usage or settings, or an invalid file; nothing was written' },
  refused: { code: 3, meaning: 'refused by the controller; nothing changed' },
  notFound: { code: 4, meaning: 'there is no such endpoint, request, dead letter, topic or package' },
  unreachable: { code: 5, meaning: 'no broker answers' },
  timedOut: { code: 6, meaning: 'timed out waiting; what was written stays written' },
  unanswered: { code: 7, meaning: 'an error ended the command before it had an answer' },
  bug: { code: 70, meaning: 'a bug of Millrace: please report it' },
  interrupted: { code: 130, meaning: 'interrupted by Ctrl-C' },
} as const satisfies Record<string, ExitEntry>;

export type ExitName = keyof typeof EXIT_CODES;

/** Errors that end otherwise than their kind says. */
const BY_ERROR: Partial<Readonly<Record<ErrorCode, ExitName>>> = {
  USAGE: 'usage',
  CONFIG_INVALID: 'usage',
  SPEC_INVALID: 'usage',
  STRATEGY_UNKNOWN: 'usage',
  NOT_FOUND: 'notFound',
  TOPIC_UNKNOWN: 'notFound',
  ENDPOINT_UNKNOWN: 'notFound',
  PACKAGE_MISSING: 'notFound',
  BROKER_UNREACHABLE: 'unreachable',
  BROKER_NOT_FOUND: 'unreachable',
  WRITE_FAILED: 'unreachable',
  TIMED_OUT: 'timedOut',
  AUDIT_TOO_WIDE: 'unanswered',
  ACCESS_DENIED: 'unanswered',
  CONTROL_UNREADABLE: 'unanswered',
};

/** What is refused, or is poison to whoever would take it, is answered with no. */
const BY_KIND: Readonly<Record<ErrorKind, ExitName>> = {
  refused: 'failed',
  poison: 'failed',
  retryable: 'unanswered',
  fatal: 'unanswered',
  bug: 'bug',
};

/** How a thrown value ends the process. */
export function exitOf(error: unknown): ExitName {
  if (!(error instanceof MillraceError)) return 'bug';
  return BY_ERROR[error.code] ?? BY_KIND[error.kind];
}

/** The table, one code per line. */
export function exitCodeLines(): string[] {
  return Object.values(EXIT_CODES).map(({ code, meaning }) => `${String(code).padStart(3)}  ${meaning}`);
}
