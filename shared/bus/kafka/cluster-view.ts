// Cluster view: where the brokers are and who leads which partition, shared by everything on one bus.
// Flow: loops ask it for leaders; after an error they `refresh` and ask again. Coordinators are looked up and kept here.
// Invariants: one refresh at a time; a coordinator is kept until someone says that it moved; nobody waits for the answer of a
//             broker that the others no longer count among the living: one that hangs keeps its connections open.

import { errorText, MillraceError } from '../../domain/errors.ts';
import { backoffMs } from './backoff.ts';
import { BrokerRefusal, brokerCode, CODE, coordinatorMoved, denied, leaderMoved } from './broker-errors.ts';
import { Connections, type Wire } from './connections.ts';
import { firstAnswer } from './first-answer.ts';
import { knownDefect } from './known-defects.ts';
import type { Settings } from './options.ts';
import { type Outage, outageOf } from './outage.ts';
import { type Metadata, metadataRequest, type TopicMetadata } from './requests/metadata.ts';

const METADATA_TIMEOUT_MS = 5_000;
/** A broker that has not answered by then may hang: the next one is asked as well, and the first answer counts. */
const HEDGE_MS = 500;
/** How long a topic that was just created may be unknown to the broker that is asked. */
const TOPIC_GRACE_MS = 1_000;
const COORDINATOR_TYPES = { group: 0, transaction: 1 } as const;

export type CoordinatorKind = keyof typeof COORDINATOR_TYPES;

export class ClusterView {
  readonly settings: Settings;
  private readonly connections: Connections;
  /** What this view has opened for others, and they have not closed. */
  private readonly opened = new Set<Connections>();
  private readonly outage: Outage;
  private readonly tracked = new Set<string>();
  private readonly coordinators = new Map<string, number>();
  /** Under way: all partitions of a takeover ask for the same group at once. */
  private readonly lookups = new Map<string, Promise<string>>();
  private addresses: ReadonlyMap<number, string> = new Map();
  private readonly topicsKnown = new Map<string, TopicMetadata>();
  private readonly topicsDenied = new Set<string>();
  private refreshing: Promise<void> | null = null;
  /** The broker that answered last. */
  private lastGood: string | null = null;
  private defectTold = false;

  constructor(settings: Settings) {
    this.settings = settings;
    this.connections = new Connections(settings, METADATA_TIMEOUT_MS);
    this.outage = outageOf(settings.clock, settings.onNotice);
  }

  close(): void {
    this.connections.close();
  }

  /** Connections for one purpose. Those to a broker that is found gone end at once, and their requests with them. */
  open(requestTimeoutMs: number): Connections {
    const opened = new Connections(this.settings, requestTimeoutMs, () => this.opened.delete(opened));
    this.opened.add(opened);
    return opened;
  }

  /** Asks a broker for the brokers and all tracked topics. @throws BROKER_UNREACHABLE when none answers */
  refresh(): Promise<void> {
    this.refreshing ??= this.ask([...this.tracked])
      .then((metadata) => this.accept(metadata))
      .finally(() => {
        this.refreshing = null;
      });
    return this.refreshing;
  }

  /** `refresh`, with back-off, until a broker answers or `signal` aborts. Never rejects. */
  async refreshUntilReached(signal: AbortSignal): Promise<void> {
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        return await this.refresh();
      } catch {
        await this.settings.clock.sleep(backoffMs(failures), signal);
      }
    }
  }

  /** Partition count; null when the topic is not there. @throws BROKER_UNREACHABLE, ACCESS_DENIED */
  async partitionCount(topic: string): Promise<number | null> {
    const known = (await this.ask([topic])).topics.find((entry) => entry.topic === topic);
    if (known !== undefined && denied(known.code)) throw new BrokerRefusal(known.code, 'Metadata', { topic });
    return known === undefined || known.code === CODE.UNKNOWN_TOPIC_OR_PARTITION ? null : known.leaders.length;
  }

  /** All topics but Kafka's own. @throws BROKER_UNREACHABLE */
  async allTopics(): Promise<readonly string[]> {
    const { topics } = await this.ask(null);
    return topics.filter((entry) => !entry.internal).map((entry) => entry.topic);
  }

  /** Makes a topic's leaders known from now on. @throws TOPIC_UNKNOWN, ACCESS_DENIED, BROKER_UNREACHABLE */
  async track(topic: string): Promise<void> {
    if (this.tracked.has(topic) && this.topicsKnown.has(topic)) return;
    this.tracked.add(topic);
    // What was denied may be allowed by now.
    this.topicsDenied.delete(topic);
    const untilMs = this.settings.clock.nowMs() + TOPIC_GRACE_MS;
    for (let failures = 1; ; failures++) {
      await this.refresh();
      if (this.topicsKnown.has(topic)) return;
      if (this.topicsDenied.has(topic)) {
        this.tracked.delete(topic);
        throw new BrokerRefusal(CODE.TOPIC_AUTHORIZATION_FAILED, 'Metadata', { topic });
      }
      if (this.settings.clock.nowMs() >= untilMs) break;
      await this.settings.clock.sleep(backoffMs(failures));
    }
    this.tracked.delete(topic);
    throw new MillraceError('TOPIC_UNKNOWN', { topic });
  }

  /** Partition count of a tracked topic as last seen; 0 when it is not known. */
  partitionsSeen(topic: string): number {
    return this.topicsKnown.get(topic)?.leaders.length ?? 0;
  }

  /** `host:port` of the partition's leader as last seen; null when there is none. */
  leader(topic: string, partition: number): string | null {
    const nodeId = this.topicsKnown.get(topic)?.leaders[partition];
    return nodeId === undefined || nodeId < 0 ? null : (this.addresses.get(nodeId) ?? null);
  }

  /** Number of brokers as last seen. */
  get brokerCount(): number {
    return this.addresses.size;
  }

  /** A connection to the controller, or the broker that passes requests on to it. @throws BROKER_UNREACHABLE */
  async controller(): Promise<Wire> {
    const { controllerId, addresses } = await this.ask([]);
    const address = addresses.get(controllerId) ?? this.lastGood;
    if (address === null) throw this.unreachable('no controller');
    return this.connections.to(address);
  }

  /** `host:port` of a coordinator. @throws BROKER_UNREACHABLE, BROKER_REFUSED, or what kafkajs throws */
  async coordinator(kind: CoordinatorKind, id: string): Promise<string> {
    const key = `${kind} ${id}`;
    const known = this.coordinators.get(key);
    const address = known === undefined ? undefined : this.addresses.get(known);
    if (address !== undefined) return address;
    const lookup = this.lookups.get(key) ?? this.lookUp(kind, id).finally(() => this.lookups.delete(key));
    this.lookups.set(key, lookup);
    return lookup;
  }

  private async lookUp(kind: CoordinatorKind, id: string): Promise<string> {
    const request = { groupId: id, coordinatorType: COORDINATOR_TYPES[kind] };
    const { nodeId } = (await this.askAny(({ broker }) => broker.findGroupCoordinator(request))).coordinator;
    this.coordinators.set(`${kind} ${id}`, nodeId);
    if (!this.addresses.has(nodeId)) await this.refresh();
    const found = this.addresses.get(nodeId);
    if (found === undefined) throw new BrokerRefusal(CODE.COORDINATOR_NOT_AVAILABLE, 'FindCoordinator');
    return found;
  }

  /** The coordinator did not answer, or said that it is none. */
  forgetCoordinator(kind: CoordinatorKind, id: string): void {
    this.coordinators.delete(`${kind} ${id}`);
  }

  /**
   * What to do about an error before a request is tried again: look at the cluster anew, where that can help.
   * Resolves after a back-off, or when `signal` aborts. Never rejects.
   */
  async recover(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    const code = brokerCode(error);
    await this.settings.clock.sleep(backoffMs(failures), signal);
    if (code === null) await this.refreshUntilReached(signal);
    else if (leaderMoved(code) || coordinatorMoved(code)) await this.refresh().catch(() => undefined);
  }

  /** `host:port` of the broker that answered last. @throws BROKER_UNREACHABLE */
  async anyAddress(): Promise<string> {
    if (this.lastGood === null) await this.refresh();
    if (this.lastGood === null) throw this.unreachable('no broker answered yet');
    return this.lastGood;
  }

  private async ask(topics: readonly string[] | null): Promise<Metadata> {
    return this.askAny(async (wire) => {
      const metadata = await wire.send(metadataRequest(topics));
      this.tellDefect(knownDefect(wire.broker.versions ?? {}));
      return metadata;
    });
  }

  /** What a broker answers: the one that answered last, or another. @throws BROKER_UNREACHABLE when none does; its refusal */
  private async askAny<T>(request: (wire: Wire) => Promise<T>): Promise<T> {
    const known = [...this.addresses.values(), ...this.settings.brokers];
    const candidates = new Set(this.lastGood === null ? known : [this.lastGood, ...known]);
    const ask = async (address: string) => {
      try {
        return { address, answer: await request(await this.connections.to(address)) };
      } catch (refusal) {
        if (brokerCode(refusal) !== null) return { address, refusal };
        this.connections.drop(address);
        throw refusal;
      }
    };
    const { clock } = this.settings;
    const first = await firstAnswer([...candidates], ask, { clock, hedgeMs: HEDGE_MS }).catch((error: unknown) => {
      this.outage.failed(errorText(error));
      throw this.unreachable(errorText(error));
    });
    this.lastGood = first.address;
    this.outage.reached();
    if ('refusal' in first) throw first.refusal;
    return first.answer;
  }

  private tellDefect(detail: string | null): void {
    if (detail === null || this.defectTold) return;
    this.defectTold = true;
    this.settings.onNotice({ type: 'defect', detail });
  }

  private accept(metadata: Metadata): void {
    if (metadata.addresses.size > 0) this.moveTo(metadata.addresses);
    for (const entry of metadata.topics) {
      if (denied(entry.code)) this.topicsDenied.add(entry.topic);
      else this.topicsDenied.delete(entry.topic);
      if (entry.code === CODE.UNKNOWN_TOPIC_OR_PARTITION) this.topicsKnown.delete(entry.topic);
      else if (entry.leaders.length > 0) this.topicsKnown.set(entry.topic, entry);
    }
  }

  /** A broker that hangs is fenced after its session, and then no longer listed (KIP-631). */
  private moveTo(addresses: ReadonlyMap<number, string>): void {
    const living = new Set(addresses.values());
    const gone = [...this.addresses.values()].filter((address) => !living.has(address));
    this.addresses = addresses;
    for (const connections of [this.connections, ...this.opened]) for (const address of gone) connections.drop(address);
  }

  private unreachable(detail: string): MillraceError {
    return new MillraceError('BROKER_UNREACHABLE', { brokers: this.settings.brokers.join(','), detail });
  }
}
