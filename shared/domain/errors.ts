// Errors: the one catalogue and the one class. code → kind, what happened, what to do.
// docs/errors.md is generated from this table (`npm run docs`) and checked against it.
// Kinds, and the one thing that is done about each:
//   retryable → bounded back-off and again; poison → error answer and dead letter, go on;
//   refused → tell the caller, change nothing; fatal → the process ends with a non-zero exit code;
//   bug → logged with its stack; the partition's work starts over from the fence, and no other is touched.

export type ErrorKind = 'retryable' | 'poison' | 'refused' | 'fatal' | 'bug';

interface ErrorEntry {
  readonly kind: ErrorKind;
  /** What happened and where; `{name}` is filled from the context. */
  readonly message: string;
  /** What the reader can do. */
  readonly action: string;
}

export const ERRORS = {
  // Bus
  TOPIC_UNKNOWN: {
    kind: 'retryable',
    message: 'topic {topic} does not exist',
    action: 'Create it with `millrace topics create`, or check the prefix.',
  },
  TOPIC_MISMATCH: {
    kind: 'refused',
    message: 'topic {topic} has {actual} partitions, not {expected}',
    action: 'Use the partition count that is there, or another endpoint name.',
  },
  PARTITION_UNDECLARED: {
    kind: 'retryable',
    message: '{topic}-{partition} is beyond the {declared} partitions that endpoint {endpoint} is defined with',
    action: 'Apply the endpoint with the partition count that the topic has; until then its requests wait.',
  },
  PARTITION_LOST: {
    kind: 'retryable',
    message: '{topic}-{partition} is no longer owned here',
    action: 'Nothing: the new owner goes on.',
  },
  NOT_FENCED: {
    kind: 'bug',
    message: '{topic}-{partition} was used before fence and resume',
    action: 'Report it: the owner works in the order fence, resume, take, commit.',
  },
  FENCED: {
    kind: 'retryable',
    message: 'a newer owner of {topic}-{partition} has taken over',
    action: 'Nothing: the newer owner goes on.',
  },
  COMMIT_DOUBTFUL: {
    kind: 'retryable',
    message: 'the outcome of a commit on {topic}-{partition} is unknown: {detail}',
    action: 'Nothing: the owner fences, reads the committed offset and goes on from there.',
  },
  WRITE_FAILED: {
    kind: 'retryable',
    message: 'writing to {topic} failed: {detail}',
    action: 'Check the broker; the write can be tried again.',
  },
  RECORD_TOO_LARGE: {
    kind: 'poison',
    message: 'a record of {bytes} bytes is too large for {topic}',
    action: "Send smaller records, or raise max.message.bytes of all the endpoint's topics.",
  },
  BROKER_UNREACHABLE: {
    kind: 'retryable',
    message: 'no broker answers at {brokers}: {detail}',
    action: 'Start the broker or set MILLRACE_BROKERS.',
  },
  AUDIT_TOO_WIDE: {
    kind: 'refused',
    message: '{open} requests of partition {partition} have no whole trail yet: the audit gives up',
    action: 'Audit a shorter time with `--from` and `--to`; or most of these requests are lost.',
  },
  BROKER_NOT_FOUND: {
    kind: 'fatal',
    message: 'no Kafka could be found or started: {detail}',
    action: 'Set MILLRACE_BROKERS, start Docker, or install Java 17 and Maven.',
  },
  CLIENT_CHANGED: {
    kind: 'fatal',
    message: 'kafkajs file {file} is not the one that Millrace replaces',
    action: 'Install the kafkajs version of package.json (`npm ci`).',
  },
  OFFSET_LOST: {
    kind: 'retryable',
    message: '{topic}-{partition}: offset {offset} is gone (retention); going on at {earliest}',
    action: 'Raise the retention of the topic; the records between are lost to scoring.',
  },
  BROKER_REFUSED: {
    kind: 'retryable',
    message: 'the broker refused {of} with Kafka error {brokerCode}',
    action: 'Look the code up under "Error Codes" in the Kafka protocol guide.',
  },
  ACCESS_DENIED: {
    kind: 'refused',
    message: 'the broker denies {of}: an ACL on {resource} is missing',
    action: "Give the service's user the ACLs that docs/operations.md lists under Access, and no others.",
  },
  BROKER_ANSWER_UNREADABLE: {
    kind: 'retryable',
    message: "the broker's answer to {of} cannot be read: {detail}",
    action: 'Check that a Kafka broker, and nothing else, listens at MILLRACE_BROKERS.',
  },
  BATCH_UNREADABLE: {
    kind: 'retryable',
    message: '{topic}-{partition}: the record batch at {offset} cannot be read: {detail}',
    action: 'Send records uncompressed or with gzip, or set compression.type=uncompressed on the topic.',
  },
  // Plans and cuts
  PLAN_INVALID: {
    kind: 'poison',
    message: 'a route plan is invalid: {detail}',
    action: 'Only the controller writes millrace.plans: find out who else did.',
  },
  CUT_ORDER: {
    kind: 'bug',
    message: 'cut {revision} of partition {partition} at offset {offset} is out of order',
    action: 'Report it: two routers owned the partition at once.',
  },
  CONTROL_UNREADABLE: {
    kind: 'poison',
    message: '{topic}@{offset} cannot be read: {detail}',
    action: 'Write the record as the schema says (schemas/README.md).',
  },
  // Requests
  REQUEST_UNREADABLE: {
    kind: 'poison',
    message: 'the request cannot be read: {detail}',
    action: 'Send Open Inference Protocol v2 JSON or Avro (schemas/request.avsc).',
  },
  ANSWER_UNREADABLE: {
    kind: 'poison',
    message: 'the answer cannot be read: {detail}',
    action: 'Only Millrace writes predictions (schemas/prediction.avsc): find out who else did.',
  },
  REQUEST_EMPTY: {
    kind: 'poison',
    message: 'the request has no value',
    action: 'Send a payload; a tombstone is not a request.',
  },
  REQUEST_TENSOR: {
    kind: 'poison',
    message: 'input {tensor}: {detail}',
    action: "Send the tensors of the endpoint's signature (`millrace status`).",
  },
  REQUEST_NOT_FINITE: {
    kind: 'poison',
    message: 'input {tensor} holds NaN or infinity at element {index}',
    action: 'Send finite numbers.',
  },
  REQUEST_TOO_MANY_ROWS: {
    kind: 'poison',
    message: 'the request has {rows} rows, more than {limit}',
    action: 'Split the request.',
  },
  EXPIRED: {
    kind: 'poison',
    message: 'the deadline {deadlineMs} had passed at {nowMs}',
    action: 'Give requests more time, or find out why the lane lags.',
  },
  // Models
  PACKAGE_INVALID: {
    kind: 'refused',
    message: 'model package {path}: {detail}',
    action: 'Pack it again with `millrace model pack`.',
  },
  PACKAGE_MISSING: {
    kind: 'refused',
    message: 'there is no version {version} of {endpoint} in the repository',
    action: 'Put the package there, or name another version.',
  },
  PACKAGE_DIGEST: {
    kind: 'refused',
    message: 'model package {path}: {file} is not what the manifest says ({detail})',
    action: 'Copy the package again; it is immutable.',
  },
  PACKAGE_PATH: {
    kind: 'refused',
    message: 'model package {path}: {file} leaves the package folder',
    action: 'Pack it again; entries are relative paths inside the folder.',
  },
  GOLDEN_MISMATCH: {
    kind: 'refused',
    message: 'version {version} of {endpoint} fails golden sample {sample}: {detail}',
    action: 'The runtime computes something else than the packer did: pack again or change the runtime.',
  },
  SIGNATURE_MISMATCH: {
    kind: 'refused',
    message: 'version {version} of {endpoint} does not fit the endpoint: {detail}',
    action: "Serve it as another endpoint, or retrain with the endpoint's signature.",
  },
  RUNTIME_UNAVAILABLE: {
    kind: 'refused',
    message: 'runtime {runtime} cannot be loaded: {detail}',
    action: 'Install it (`npm run setup:tensorflow` for tfjs-node).',
  },
  RUNTIME_UNKNOWN: {
    kind: 'refused',
    message: 'there is no runtime {runtime} for format {format}',
    action: 'See `millrace model pack --help` for the runtimes.',
  },
  MODEL_LOAD_FAILED: {
    kind: 'refused',
    message: 'version {version} of {endpoint} does not load: {detail}',
    action: 'Check the package with `millrace model verify`.',
  },
  MODEL_FAILED: {
    kind: 'poison',
    message: 'version {version} of {endpoint} failed to score: {detail}',
    action: 'See the dead letter; replay it when the model is mended.',
  },
  MODEL_OUTPUT: {
    kind: 'poison',
    message: 'version {version} of {endpoint} gave a bad output: {detail}',
    action: 'See the dead letter; the model breaks its own signature.',
  },
  MODEL_DEADLINE: {
    kind: 'poison',
    message: 'version {version} of {endpoint} missed its deadline of {deadlineMs} ms',
    action: 'Raise deadlineMs in the package, or mend the model.',
  },
  MODEL_CRASHED: {
    kind: 'poison',
    message: 'the process of version {version} of {endpoint} ended: {detail}',
    action: "See the worker's log; memory cap and deadline are in the package.",
  },
  MODEL_UNAVAILABLE: {
    kind: 'retryable',
    message: 'version {version} of {endpoint} is not ready: {detail}',
    action: 'See `millrace status`; the package may be missing or broken.',
  },
  FRAME_INVALID: {
    kind: 'poison',
    message: 'a frame between a worker and its model process is wrong: {detail}',
    action: 'Nothing: the process is replaced. Report it when it comes again.',
  },
  VERSION_REVOKED: {
    kind: 'poison',
    message: 'version {version} of {endpoint} was rolled back',
    action: 'Nothing: the incumbent answers.',
  },
  // Rollouts and commands
  SPEC_INVALID: {
    kind: 'refused',
    message: '{place}: {detail}',
    action: 'Correct the file or record; see `millrace apply --help`.',
  },
  STRATEGY_UNKNOWN: { kind: 'refused', message: 'there is no strategy {strategy}', action: 'Use one of: {known}.' },
  ENDPOINT_UNKNOWN: {
    kind: 'refused',
    message: 'there is no endpoint {endpoint}',
    action: 'Apply the endpoint first.',
  },
  ENDPOINT_CHANGED: {
    kind: 'refused',
    message: '{setting} of endpoint {endpoint} cannot change while it is served',
    action: 'Make a new endpoint.',
  },
  ROLLOUT_IN_PROGRESS: {
    kind: 'refused',
    message: 'rollout {rollout} of {endpoint} is still {phase}',
    action: 'Promote or abort it first.',
  },
  LANE_DRAINING: {
    kind: 'refused',
    message: 'lane {lane} of {endpoint} is still draining',
    action: 'Wait until `millrace status` says that the rollout is complete.',
  },
  ROLLOUT_NONE: {
    kind: 'refused',
    message: 'endpoint {endpoint} has no rollout to {verb}',
    action: 'See `millrace status`.',
  },
  ROLLOUT_FIRST_BASIC: {
    kind: 'refused',
    message: 'the first rollout of {endpoint} must be basic, not {strategy}',
    action: 'There is no incumbent yet: roll the first version out with `strategy: basic`.',
  },
  ROLLOUT_FAILED: {
    kind: 'refused',
    message: 'rollout {rollout} of {endpoint} did not succeed: {detail}',
    action: 'See `millrace events`.',
  },
  ROLLOUT_NOOP: {
    kind: 'refused',
    message: 'version {version} of {endpoint} is the incumbent already',
    action: 'Name another version.',
  },
  VERB_NOT_ALLOWED: { kind: 'refused', message: '{verb} is not possible: {detail}', action: 'See `millrace status`.' },
  // Process
  CONFIG_INVALID: {
    kind: 'fatal',
    message: 'configuration: {detail}',
    action: 'See docs/operations.md for every setting.',
  },
  SETUP_FAILED: { kind: 'fatal', message: '{step} failed: {detail}', action: 'See what it printed; run it again.' },
  USAGE: { kind: 'refused', message: '{detail}', action: 'See --help.' },
  NOT_FOUND: { kind: 'refused', message: '{detail}', action: 'Check the name.' },
  TIMED_OUT: {
    kind: 'retryable',
    message: '{detail}',
    action: 'Look with `millrace status`, or wait longer with --timeout.',
  },
  ASSERTION: { kind: 'bug', message: 'assertion failed: {detail}', action: 'Report it.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorContext = Readonly<Record<string, string | number | boolean | null>>;

/** The one error class. `message` is the filled template; `code` is stable and documented. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, context: ErrorContext = {}, cause?: unknown) {
    super(fill(ERRORS[code].message, context), cause === undefined ? undefined : { cause });
    this.name = 'MillraceError';
    this.code = code;
    this.kind = ERRORS[code].kind;
    this.context = context;
  }

  /** What the reader can do about it. */
  get action(): string {
    return fill(ERRORS[this.code].action, this.context);
  }
}

/** The code of any thrown value: ours, or ASSERTION for what should not have happened. */
export function errorCode(error: unknown): ErrorCode {
  return error instanceof MillraceError ? error.code : 'ASSERTION';
}

/** Words of any thrown value, for logs and dead letters. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A broken invariant of our own code. @throws ASSERTION */
export function assert(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new MillraceError('ASSERTION', { detail });
}

function fill(template: string, context: ErrorContext): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = context[name];
    return value === undefined ? whole : String(value);
  });
}
