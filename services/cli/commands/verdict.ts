// Verdict: how the controller's answers are shown, and how they end a command.

import { MillraceError } from '../../../shared/domain/errors.ts';
import type { RolloutEvent } from '../../../shared/domain/event.ts';
import type { CliContext } from '../context.ts';
import { actionOf } from '../core/outcome.ts';
import { printable } from '../core/printable.ts';
import type { ExitName } from '../exit-codes.ts';

/** `rollout-accepted digits-3: canary: version 3 loads in lane green` */
export function verdictLine(event: RolloutEvent): string {
  return printable(
    [event.type, event.rollout].filter((part) => part !== '').join(' ') + (event.message && `: ${event.message}`),
  );
}

/** Prints what was refused or failed as every error is printed; the exit name of the worst result. */
export function endOf(
  context: CliContext,
  results: readonly { readonly kind: string; readonly event: RolloutEvent | null }[],
): ExitName {
  const bad = results.find(({ kind }) => kind === 'refused' || kind === 'failed');
  if (bad?.event == null) return 'ok';
  const { code, message, endpoint, rollout } = bad.event;
  const failed = new MillraceError('ROLLOUT_FAILED', { endpoint, rollout, detail: message });
  // The event carries the filled message of its code.
  context.sayProblem(code === '' ? failed : { code, message, action: actionOf(code) });
  return bad.kind === 'refused' ? 'refused' : 'failed';
}
