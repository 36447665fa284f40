// Exceptions: the places where a rule of the house style does not hold, each with its reason.
// Invariant: an exception that excuses nothing any more fails the tidy test.

export interface Exception {
  readonly rule: string;
  readonly path: string;
  /** Part of the finding's words, where the file breaks the rule in one way only. */
  readonly words?: string;
  readonly reason: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'banned calls',
    path: 'shared/broker/find.ts',
    words: 'process.env',
    reason: 'the default of an option: tests and demo search for a broker with the environment that they run in',
  },
  {
    rule: 'banned calls',
    path: 'demo/run/run.ts',
    words: 'process.env',
    reason: 'model processes inherit the environment of the demo, as those of a scorer inherit its own',
  },
  {
    rule: 'banned calls',
    path: 'shared/runtimes/confine.ts',
    words: 'process.env',
    reason: 'looks up programs on PATH, which is no setting of Millrace',
  },
  {
    rule: 'banned calls',
    path: 'shared/runtimes/setup-tensorflow/addon.ts',
    words: 'process.env',
    reason: 'an install script: the compiler inherits the environment of who builds',
  },
];
