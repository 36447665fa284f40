// Control: the JSON that a worker and a model's process exchange before the first batch, and when one fails.
// Invariant: each side checks what the other says; neither trusts the socket.

import { z } from 'zod';
import { ERRORS, type ErrorCode, MillraceError } from '../domain/errors.ts';
import { signatureSchema } from '../domain/tensor.ts';
import { decodeControl, type Frame } from './frames.ts';

const errorCodes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** START: which package. `runtimeModules` are further runtimes, for tests: modules that export `runtimes`. */
export const startSchema = z.strictObject({
  root: z.string(),
  endpoint: z.string(),
  version: z.int().min(1),
  digest: z.string(),
  runtimeModules: z.array(z.string()).max(8),
});
export type Start = z.infer<typeof startSchema>;

/** ACCEPTED: the manifest is read and is the right one. */
export const acceptedSchema = z.strictObject({
  loadDeadlineMs: z.int().min(1),
  /** MiB; what the process may add to its bare self. */
  memoryMb: z.int().min(1),
  /** Whether the kernel enforces it; otherwise the worker watches. */
  capped: z.boolean(),
});
export type Accepted = z.infer<typeof acceptedSchema>;

export const PASSED_OVER_CHARS_MAX = 2_000;

/** READY: what the worker may send, and what it will get. */
export const readySchema = z.strictObject({
  runtime: z.string().max(256),
  /** Why the runtimes before it in the package's list do not serve; empty when it is the first. */
  passedOver: z.string().max(PASSED_OVER_CHARS_MAX),
  digest: z.string(),
  signature: signatureSchema,
  maxBatchRows: z.int().min(1),
  deadlineMs: z.int().min(1),
});
export type Ready = z.infer<typeof readySchema>;

/** REFUSED and FAILED: an error of the catalogue. */
export const failureSchema = z.strictObject({
  code: z.enum(errorCodes),
  context: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type Failure = z.infer<typeof failureSchema>;

/** @throws FRAME_INVALID when the frame does not say what its kind must */
export function parseControl<T>(schema: z.ZodType<T>, frame: Frame): T {
  const parsed = schema.safeParse(decodeControl(frame));
  if (parsed.success) return parsed.data;
  const detail = `frame ${frame.kind}: ${parsed.error.issues[0]?.message ?? ''}`;
  throw new MillraceError('FRAME_INVALID', { detail });
}

/** Any thrown value as a failure, with endpoint and version filled in, words bounded. */
export function failureOf(
  error: unknown,
  code: ErrorCode,
  place: { readonly endpoint: string; readonly version: number },
): Failure {
  const known = error instanceof MillraceError && error.kind !== 'bug';
  const context = known ? error.context : { detail: String(error instanceof Error ? error.message : error) };
  const { endpoint, version } = place;
  const words = Object.entries({ ...context, endpoint, version }).map(([key, value]) => [
    key,
    typeof value === 'string' ? value.slice(0, 2_000) : value,
  ]);
  return { code: known ? error.code : code, context: Object.fromEntries(words) };
}
