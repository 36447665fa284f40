// Controller: millrace.endpoints, .rollouts, .commands and what the data plane shows → millrace.events, millrace.plans.
// Flow: whoever owns partition 0 of millrace.commands leads (leader.ts); the others wait for it.
// Invariant: one writer: a leader that was replaced is fenced and can commit nothing more.

import { controllerGroup } from '../../shared/domain/groups.ts';
import { type LeaderDeps, lead } from './leader.ts';

export interface RunningController {
  /** Lets the decision in flight commit, and leaves the leadership to others. */
  stop(): Promise<void>;
}

/** Creates the control topics that are missing, and stands for leader. @throws TOPIC_MISMATCH, BROKER_UNREACHABLE */
export async function startController(deps: LeaderDeps): Promise<RunningController> {
  const { bus, topics, log } = deps;
  await bus.admin.createTopics(topics.controlTopicSpecs());
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
