// Leader: one reign over all endpoints, from ownership of partition 0 of millrace.commands to its loss.
// Flow: fence → read the journal → resume → follow control topics → take, decide, commit, fold; for ever.
// Invariants: a decision is one transaction: events, plan, command offset. State changes only after its commit. Any
//             failed commit ends the reign: the next one fences and reads the journal again.

import type { Bus, OwnedPartition } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { openTable, type Table } from '../../shared/control/table.ts';
import { aborted, type Clock } from '../../shared/domain/clock.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { ConsumedTopic, RolloutEvent } from '../../shared/domain/event.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { WorkerReport } from '../../shared/domain/worker.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { controlInput, type Manifests, makeTopicsAhead } from './control-input.ts';
import { decide, isRefusal } from './core/decide.ts';
import { evolve } from './core/evolve.ts';
import type { Circumstances, Input } from './core/input.ts';
import { SNAPSHOT_EVENTS, snapshotEvents } from './core/snapshot.ts';
import { alreadyConsumed, awaitsWorkers, type ControllerState } from './core/state.ts';
import { watchDrains } from './drain-watch.ts';
import { Inbox, type Item } from './inbox.ts';
import { outputsOf } from './outputs.ts';
import { readJournal } from './read-journal.ts';
import { watchSilence } from './silence-watch.ts';

/** Longest wait for a command; arrivals in the inbox end it. */
const IDLE_WAIT_MS = 1_000;
const COMMANDS_PER_TAKE_MAX = 16;
const COMMAND_BYTES_MAX = 1024 * 1024;
/** Inbox items between two looks at the commands: an abort waits for no more than these. */
const ITEMS_PER_TURN_MAX = 8;

export interface LeaderDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  readonly repository: Manifests;
}

/** Leads until the partition is lost. @throws what ended the reign */
export async function lead(deps: LeaderDeps, commands: OwnedPartition): Promise<void> {
  await commands.fence();
  const state = await readJournal({
    bus: deps.bus,
    topic: deps.topics.control('events'),
    signal: commands.lost,
    onProblem: (error) => deps.log('control-unreadable', { service: 'controller', error }),
  });
  requireOwned(commands);
  const position = await commands.resume();
  deps.log('controller-leads', { endpoints: state.endpoints.size, commandOffset: position });
  const leader = new Leader(deps, commands, { state, position });
  try {
    await leader.run();
  } finally {
    await leader.stop();
  }
}

class Leader {
  readonly #deps: LeaderDeps;
  readonly #commands: OwnedPartition;
  readonly #inbox = new Inbox();
  readonly #ended = new AbortController();
  readonly #workers: Table<WorkerReport>;
  #followers: Promise<unknown> = Promise.resolve();
  /** What a follower could not survive; it ends the reign. */
  #broken: { readonly error: unknown } | null = null;
  #state: ControllerState;
  /** Next offset of millrace.commands. */
  #position: number;

  constructor(
    deps: LeaderDeps,
    commands: OwnedPartition,
    start: { readonly state: ControllerState; readonly position: number },
  ) {
    this.#deps = deps;
    this.#commands = commands;
    this.#state = start.state;
    this.#position = start.position;
    this.#workers = openTable({
      bus: deps.bus,
      clock: deps.clock,
      topic: deps.topics.control('workers'),
      decode: (record) => decodeControl('worker', record),
      onProblem: (error) => deps.log('control-unreadable', { service: 'controller', error }),
      onChange: (keys) => this.#lookAtWorkers(keys.map(endpointOf)),
    });
  }

  async run(): Promise<void> {
    const { lost } = this.#commands;
    await this.#workers.ready;
    await this.#catchUp('endpoints');
    await this.#catchUp('rollouts');
    this.#lookAtWorkers(this.#state.endpoints.keys());
    this.#follow();
    while (!lost.aborted) {
      if (this.#broken !== null) throw this.#broken.error;
      for (let turn = 0; turn < ITEMS_PER_TURN_MAX; turn++) {
        const item = this.#inbox.take();
        if (item === null) break;
        await this.#onItem(item);
      }
      await this.#takeCommands();
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#inbox.end();
    await this.#followers;
    await this.#workers.stop();
  }

  async #takeCommands(): Promise<void> {
    const taken = await this.#commands.take({
      maxRecords: COMMANDS_PER_TAKE_MAX,
      maxBytes: COMMAND_BYTES_MAX,
      maxWaitMs: IDLE_WAIT_MS,
      wake: this.#inbox.arrival,
    });
    for (const record of taken.records) {
      await this.#onRecord('commands', record);
      this.#position = record.offset + 1;
    }
    this.#position = taken.nextOffset;
  }

  async #onItem(item: Item): Promise<void> {
    switch (item.type) {
      case 'record':
        return this.#onRecord(item.topic, item.record);
      case 'workers':
      case 'lane-drained':
        return this.#commit(decide(this.#state, item, this.#circumstances(item)), this.#position);
    }
  }

  /** Decides a control record. It is refused only after the topics that may hold its reason to be were read to the end. */
  async #onRecord(topic: ConsumedTopic, record: InRecord): Promise<void> {
    if (alreadyConsumed(this.#state, topic, record.offset)) return;
    const nextOffset = topic === 'commands' ? record.offset + 1 : this.#position;
    const events = await this.#judge(topic, record);
    if (!isRefusal(events) || topic === 'endpoints') return this.#commit(events, nextOffset);
    await this.#catchUp('endpoints');
    if (topic === 'commands') await this.#catchUp('rollouts');
    await this.#commit(await this.#judge(topic, record), nextOffset);
  }

  async #judge(topic: ConsumedTopic, record: InRecord): Promise<readonly RolloutEvent[]> {
    const { bus, topics, repository } = this.#deps;
    const input = await controlInput({ admin: bus.admin, topics, repository }, this.#state, { topic, record });
    return decide(this.#state, input, this.#circumstances(input));
  }

  async #commit(events: readonly RolloutEvent[], nextOffset: number): Promise<void> {
    if (events.length === 0) return;
    await this.#commands.commit({ outputs: outputsOf(this.#deps.topics, events), nextOffset });
    this.#state = events.reduce(evolve, this.#state);
    for (const event of events) this.#deps.log('rollout-event', { event });
    this.#lookAtWorkers(events.map((event) => event.endpoint));
    if (this.#state.sinceSnapshot < SNAPSHOT_EVENTS) return;
    const snapshot = snapshotEvents(this.#state, this.#deps.clock.nowMs());
    await this.#commands.commit({ outputs: outputsOf(this.#deps.topics, snapshot), nextOffset });
    this.#state = snapshot.reduce(evolve, this.#state);
  }

  /** Reports that are there already may be all that a candidate waits for. */
  #lookAtWorkers(endpoints: Iterable<string>): void {
    for (const endpoint of new Set(endpoints)) {
      if (awaitsWorkers(this.#state, endpoint)) this.#inbox.note({ type: 'workers', endpoint });
    }
  }

  #circumstances(input: Pick<Input, 'endpoint'>): Circumstances {
    const reports = [...this.#workers.entries()].map(([, report]) => report);
    const workers = reports.filter((report) => report.endpoint === input.endpoint);
    return { nowMs: this.#deps.clock.nowMs(), workers };
  }

  /** Decides every record of a control topic up to its end now. */
  async #catchUp(topic: 'endpoints' | 'rollouts'): Promise<void> {
    const { bus, topics } = this.#deps;
    const from = this.#state.consumed[topic];
    const source = { topic: topics.control(topic), from, until: 'end', signal: this.#commands.lost } as const;
    for await (const batch of bus.read(source)) {
      for (const record of batch.records) await this.#onRecord(topic, record);
    }
    requireOwned(this.#commands);
  }

  #follow(): void {
    const { bus, topics, clock, log } = this.#deps;
    const signal = this.#ended.signal;
    const followers = (['endpoints', 'rollouts'] as const).map((topic) => this.#followTopic(topic, signal));
    const watch = watchDrains({
      ...{ bus, topics, clock, signal },
      state: () => this.#state,
      onDrained: (drained) => this.#inbox.note({ type: 'lane-drained', ...drained }),
      onProblem: (endpoint, error) => log('endpoint-failed', { service: 'controller', endpoint, error }),
      onUnreadable: (error) => log('control-unreadable', { service: 'controller', error }),
    });
    const silence = watchSilence({
      ...{ bus, topics, clock, signal },
      state: () => this.#state,
      reports: () => [...this.#workers.entries()].map(([, report]) => report),
      onFenced: (owner) => log('owner-fenced', owner),
      onProblem: (endpoint, error) => log('endpoint-failed', { service: 'controller', endpoint, error }),
    });
    this.#followers = Promise.all([...followers, watch, silence]);
  }

  async #makeTopicsAhead(record: InRecord, signal: AbortSignal): Promise<void> {
    const { bus, topics, repository } = this.#deps;
    const made = new AbortController();
    void makeTopicsAhead({ admin: bus.admin, topics, repository }, this.#state, record).then(() => made.abort());
    // A reign that ends does not wait for the broker.
    await aborted(made.signal, signal);
  }

  async #followTopic(topic: 'endpoints' | 'rollouts', signal: AbortSignal): Promise<void> {
    const { bus, topics } = this.#deps;
    const from = this.#state.consumed[topic];
    try {
      for await (const batch of bus.read({ topic: topics.control(topic), from, until: 'never', signal })) {
        for (const record of batch.records) {
          if (topic === 'endpoints') await this.#makeTopicsAhead(record, signal);
          await this.#inbox.record(topic, record);
        }
      }
    } catch (error) {
      if (!signal.aborted) this.#broken = { error };
      this.#inbox.wake();
    }
  }
}

/** Keys are `worker/endpoint/version`, and a worker's name may hold a slash. */
function endpointOf(workerKey: string): string {
  return workerKey.split('/').at(-2) ?? '';
}

/** A read that ended because the partition was lost has not read to the end. @throws PARTITION_LOST */
function requireOwned({ lost, topic, partition }: OwnedPartition): void {
  if (lost.aborted) throw new MillraceError('PARTITION_LOST', { topic, partition });
}
