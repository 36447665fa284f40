// Goal: a script that goes by 1 for "no" never takes an error for that answer.

import { expect, it } from 'vitest';
import { type ErrorCode, MillraceError } from '../../shared/domain/errors.ts';
import { EXIT_CODES, exitOf } from './exit-codes.ts';

const codeAfter = (code: ErrorCode) => EXIT_CODES[exitOf(new MillraceError(code))].code;

it.each<ErrorCode>([
  ...(['CONTROL_UNREADABLE', 'BATCH_UNREADABLE', 'BROKER_REFUSED', 'BROKER_ANSWER_UNREADABLE'] as const),
  ...(['ACCESS_DENIED', 'OFFSET_LOST', 'AUDIT_TOO_WIDE', 'SETUP_FAILED'] as const),
])('%s ends a command without an answer', (code) => expect(codeAfter(code)).toBe(7));

it.each<ErrorCode>(['PACKAGE_DIGEST', 'GOLDEN_MISMATCH', 'ROLLOUT_FAILED', 'RECORD_TOO_LARGE', 'TOPIC_MISMATCH'])(
  '%s is an answer, and it is no',
  (code) => expect(codeAfter(code)).toBe(1),
);

it('takes whatever is no error of ours, and an assertion, for a bug', () => {
  expect([exitOf(new TypeError('x')), exitOf('x'), exitOf(new MillraceError('ASSERTION'))]).toEqual([
    ...['bug', 'bug', 'bug'],
  ]);
});
