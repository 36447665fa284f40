// Client types: what we use of kafkajs's internals, written down because kafkajs has no types for them.
// Invariant: only what is listed here is used; client.ts is the one place that casts to it.

import type { GatheringSocket } from './gather-writes.ts';

/** A request as kafkajs's connections take it. */
export interface WireRequest<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): { readonly buffer: Buffer } | Promise<{ readonly buffer: Buffer }>;
  };
  readonly response: {
    /** `clientSideThrottleTime` makes the connection hold back, in milliseconds (KIP-219). */
    decode(payload: Buffer): Promise<object>;
    parse(decoded: never): Promise<T>;
  };
  /** Milliseconds; the connection's own timeout is the least. */
  readonly requestTimeout?: number;
  readonly logResponseError?: boolean;
}

export interface WireConnection {
  connectionStatus: string;
  readonly socket?: GatheringSocket & { destroy(): void; setNoDelay(on: boolean): void };
  connect(): Promise<unknown>;
  authenticate(): Promise<void>;
  isConnected(): boolean;
  isAuthenticated(): boolean;
  setVersions(versions: unknown): void;
  getSupportAuthenticationProtocol(): boolean | null;
  setSupportAuthenticationProtocol(supported: boolean): void;
  send<T>(request: WireRequest<T>): Promise<T>;
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}

export interface WireConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: unknown;
  readonly sasl: unknown;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly socketFactory: unknown;
  readonly logger: WireLogger;
}

export interface WireLogger {
  namespace(name: string): WireLogger;
}

interface TopicPartitions<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

interface TransactionId {
  readonly transactionalId: string;
  /** Decimal. */
  readonly producerId: string;
  readonly producerEpoch: number;
}

export interface GroupMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

/** What a broker announces, by API key. */
export type ApiVersions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;

/** kafkajs's Broker: one method per Kafka API, in the newest version that both sides know. */
export interface WireBroker {
  /** Null until it is connected. */
  readonly versions: ApiVersions | null;
  connect(): Promise<void>;
  isConnected(): boolean;
  findGroupCoordinator(request: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
  initProducerId(request: {
    readonly transactionalId: string | null;
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  addPartitionsToTxn(
    request: TransactionId & { readonly topics: readonly TopicPartitions<number>[] },
  ): Promise<unknown>;
  addOffsetsToTxn(request: TransactionId & { readonly groupId: string }): Promise<unknown>;
  txnOffsetCommit(
    request: TransactionId & {
      readonly groupId: string;
      readonly topics: readonly TopicPartitions<{ readonly partition: number; readonly offset: string }>[];
    },
  ): Promise<unknown>;
  endTxn(request: TransactionId & { readonly transactionResult: boolean }): Promise<unknown>;
  offsetCommit(request: {
    readonly groupId: string;
    readonly groupGenerationId: number;
    readonly memberId: string;
    readonly topics: readonly TopicPartitions<{ readonly partition: number; readonly offset: string }>[];
  }): Promise<unknown>;
  listOffsets(request: {
    readonly isolationLevel: number;
    readonly topics: readonly TopicPartitions<{ readonly partition: number; readonly timestamp: number }>[];
  }): Promise<{
    readonly responses: readonly TopicPartitions<{ readonly partition: number; readonly offset: string }>[];
  }>;
  joinGroup(request: {
    readonly groupId: string;
    readonly sessionTimeout: number;
    readonly rebalanceTimeout: number;
    readonly memberId: string;
    readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
  }): Promise<{
    readonly generationId: number;
    readonly leaderId: string;
    readonly memberId: string;
    readonly members: readonly GroupMember[];
  }>;
  syncGroup(request: {
    readonly groupId: string;
    readonly generationId: number;
    readonly memberId: string;
    readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
  }): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(request: {
    readonly groupId: string;
    readonly groupGenerationId: number;
    readonly memberId: string;
  }): Promise<unknown>;
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
  createTopics(request: {
    readonly topics: readonly {
      readonly topic: string;
      readonly numPartitions: number;
      readonly replicationFactor: number;
      readonly configEntries: readonly { readonly name: string; readonly value: string }[];
    }[];
    readonly timeout: number;
  }): Promise<unknown>;
  createPartitions(request: {
    readonly topicPartitions: readonly { readonly topic: string; readonly count: number }[];
    readonly timeout: number;
  }): Promise<unknown>;
}

/** kafkajs's growing buffer; for requests that are not hot. */
export interface WireEncoder {
  readonly buffer: Buffer;
  writeInt8(value: number): WireEncoder;
  writeInt16(value: number): WireEncoder;
  writeInt32(value: number): WireEncoder;
  writeBoolean(value: boolean): WireEncoder;
  writeString(value: string | null): WireEncoder;
  writeUVarInt(value: number): WireEncoder;
  writeUVarIntString(value: string | null): WireEncoder;
}

export interface Client {
  readonly Broker: new (options: {
    readonly connectionPool: unknown;
    readonly logger: WireLogger;
    readonly allowAutoTopicCreation: boolean;
    readonly authenticationTimeout: number;
  }) => WireBroker;
  readonly Connection: new (options: WireConnectionOptions) => WireConnection;
  readonly Encoder: new () => WireEncoder;
  readonly createLogger: (options: { readonly level: number; readonly logCreator: () => () => void }) => WireLogger;
  readonly socketFactory: unknown;
  readonly assignerProtocol: {
    readonly MemberMetadata: {
      encode(of: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
      decode(bytes: Buffer): { readonly topics: readonly string[]; readonly userData: Buffer | null };
    };
    readonly MemberAssignment: {
      encode(of: { version: number; assignment: Record<string, readonly number[]>; userData: Buffer }): Buffer;
      decode(bytes: Buffer): { readonly assignment: Record<string, number[]> } | null;
    };
  };
}
