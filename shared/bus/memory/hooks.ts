// Hooks: where a test or a simulation reaches into the memory bus to delay, fail or kill.
// Flow: clients call them at the named moments and await what they return; a hook that throws is a failed request.
// Invariant: without hooks nothing here has any effect.

interface HookContext {
  /** Name of the bus client that acts. */
  readonly client: string;
}

export interface AppendContext extends HookContext {
  /** Topics that are written to, in order, once each. */
  readonly topics: readonly string[];
  readonly records: number;
}

export interface CommitContext extends HookContext {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: number;
  readonly outputs: number;
}

export interface DeliverContext extends HookContext {
  /** Null for a reader without a group. */
  readonly group: string | null;
  readonly topic: string;
  readonly partition: number;
  readonly records: number;
}

export interface FenceContext extends HookContext {
  readonly transactionalId: string;
}

type Hook<Context> = (context: Context) => void | Promise<void>;

export interface LogHooks {
  /** Before records are written. A throw: nothing is written; `write` tries again, `commit` is doubtful. */
  readonly beforeAppend?: Hook<AppendContext>;
  /** After records are written. A throw is a lost answer: `write` tries again (and doubles), `commit` is doubtful. */
  readonly afterAppend?: Hook<AppendContext>;
  /** Outputs are written, the commit is not sent. A throw leaves the transaction open, as a dying client does. */
  readonly beforeCommit?: Hook<CommitContext>;
  /** The commit has happened. A throw is a lost answer: the owner hears COMMIT_DOUBTFUL. */
  readonly afterCommit?: Hook<CommitContext>;
  /** Before records (one or more) reach an owner or reader. */
  readonly onDeliver?: Hook<DeliverContext>;
  /** Before a fence takes effect. A throw rejects `fence`. */
  readonly beforeFence?: Hook<FenceContext>;
}
