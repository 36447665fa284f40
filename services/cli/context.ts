// Context: what a command gets: results, messages, time, who asks, and a bus that is connected when it is first used.
// Flow: main.ts → CliHost → run.ts → [CliContext] → commands/*.ts.

import type { Bus } from '../../shared/bus/bus.ts';
import type { CommonValues } from '../../shared/config/common.ts';
import type { Env } from '../../shared/config/load.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Output, Sink } from './output.ts';

/** What the process, or a test in its place, provides. */
export interface CliHost {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Chunks of standard input. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly env: Env;
  readonly clock: Clock;
  /** Of the package. */
  readonly version: string;
  /** Name of the operating system's user. */
  readonly user: string;
  /** A key that nobody has used before. */
  readonly newKey: () => string;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  /** A bus for these settings. @throws BROKER_UNREACHABLE */
  readonly connect: (settings: CommonValues, say: (line: string) => void) => Promise<Bus>;
}

export interface CliContext extends Pick<CliHost, 'stdin' | 'env' | 'clock' | 'newKey' | 'signal'> {
  readonly host: CliHost;
  readonly out: Output;
  /** One line for the user, on standard error. */
  readonly say: (line: string) => void;
  /** What went wrong in the form of every error: `CODE: message`, then what to do. */
  readonly sayProblem: (problem: { readonly code: string; readonly message: string; readonly action: string }) => void;
  /** Who asks, for the audit trail. */
  readonly actor: string;
  /** Whether the user named the actor. */
  readonly actorGiven: boolean;
  readonly topics: Topics;
  /** Settings of commands that need no broker; its `brokers` say nothing. */
  readonly settings: CommonValues;
  /** The bus of this command, connected when first asked for. @throws CONFIG_INVALID, BROKER_UNREACHABLE */
  bus(): Promise<Bus>;
}
