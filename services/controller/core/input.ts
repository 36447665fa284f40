// Input: everything that a decision can rest on. The service reads it; `decide` judges it.
// Invariant: what `decide` needs from outside (time, worker reports, package facts) is in here, so that it is pure.

import type { Endpoint } from '../../../shared/domain/endpoint.ts';
import type { Consumed } from '../../../shared/domain/event.ts';
import type { Command } from '../../../shared/domain/rollout.ts';
import type { Lane } from '../../../shared/domain/route-plan.ts';
import type { Signature } from '../../../shared/domain/tensor.ts';
import type { WorkerReport } from '../../../shared/domain/worker.ts';
import type { Rollout } from '../../../shared/strategies/registry.ts';
import type { Problem } from './journal.ts';

/** What the repository says of a rollout's candidate. */
export type PackageFacts =
  | {
      readonly kind: 'found';
      readonly digest: string;
      readonly signature: Signature;
      /** Of the versions that shadow beside the strategy, in the order of the rollout. */
      readonly shadows: readonly { readonly digest: string; readonly signature: Signature }[];
    }
  | { readonly kind: 'problem'; readonly problem: Problem };

export type Input =
  /** A record of millrace.endpoints; `settings` null is a tombstone. `topicProblem`: its topics cannot be made. */
  | {
      readonly type: 'endpoint';
      readonly endpoint: string;
      readonly consumed: Consumed;
      readonly settings: Endpoint | null;
      readonly topicProblem: Problem | null;
    }
  /** A record of millrace.rollouts; `rollout` null is a tombstone. */
  | {
      readonly type: 'rollout';
      readonly endpoint: string;
      readonly consumed: Consumed;
      readonly rollout: Rollout | null;
      readonly facts: PackageFacts;
    }
  | { readonly type: 'command'; readonly endpoint: string; readonly consumed: Consumed; readonly command: Command }
  /** A control record that cannot be read; `endpoint` is its key. */
  | { readonly type: 'unreadable'; readonly endpoint: string; readonly consumed: Consumed; readonly problem: Problem }
  /** Worker reports changed. */
  | { readonly type: 'workers'; readonly endpoint: string }
  /** The lane is empty, and every partition's newest cut has this revision or a later one. */
  | { readonly type: 'lane-drained'; readonly endpoint: string; readonly lane: Lane; readonly revision: number };

/** The world at the moment of the decision. */
export interface Circumstances {
  readonly nowMs: number;
  /** Reports about the input's endpoint. */
  readonly workers: readonly WorkerReport[];
}
