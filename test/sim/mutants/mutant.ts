// Mutant: a planted bug: what it does wrong, and how the compiled code is changed for it.
// The simulation must find each of them; one whose text is not found exactly once is an error, so that none rots.

export interface Edit {
  /** Compiled file below `dist/`. */
  readonly file: string;
  /** Occurs exactly once in that file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** What it does wrong, in words. */
  readonly bug: string;
  readonly edits: readonly [Edit, ...Edit[]];
}
