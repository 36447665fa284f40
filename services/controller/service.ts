// Controller: millrace.endpoints, .rollouts, .commands and what the data plane shows → millrace.events, millrace.plans.
// Flow: whoever owns partition 0 of millrace.commands leads (leader.ts); the others wait for it.
// Invariant: one writer: a leader that was replaced is fenced and can commit nothing more.

import { errorCode } from '../../shared/domain/errors.ts';
import { controllerGroup } from '../../shared/domain/groups.ts';
import { type LeaderDeps, lead } from './leader.ts';

/** Pause before a broker that does not answer is asked again; the bus tells of the outage. */
const OUTAGE_RETRY_MS = 1_000;

export interface RunningController {
  /** Lets the decision in flight commit, and leaves the leadership to others. */
  stop(): Promise<void>;
}

/**
 * Creates the control topics that are missing, and stands for leader. An outage is waited out.
 * @param ended aborts when nobody wants the controller any more
 * @throws TOPIC_MISMATCH; BROKER_UNREACHABLE once `ended` has aborted
 */
export async function startController(deps: LeaderDeps, ended?: AbortSignal): Promise<RunningController> {
  const { bus, topics, log } = deps;
  await createControlTopics(deps, ended);
  const commands = topics.control('commands');
  const consumer = await bus.consume({
    group: controllerGroup(topics.prefix),
    topic: commands,
    delivery: 'exactly-once',
    onPartition: (owned) => lead(deps, owned),
    onError: (error, partition) =>
      log('partition-failed', { service: 'controller', endpoint: commands, partition, error }),
  });
  return { stop: () => consumer.stop() };
}

async function createControlTopics({ bus, topics, clock }: LeaderDeps, ended?: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await bus.admin.createTopics(topics.controlTopicSpecs());
    } catch (error) {
      if (errorCode(error) !== 'BROKER_UNREACHABLE' || ended?.aborted) throw error;
    }
    await clock.sleep(OUTAGE_RETRY_MS, ended);
  }
}
