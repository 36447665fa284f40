// Connections: one connection per broker for one purpose (fetching, one partition's transactions, heartbeats, …).
// Flow: cluster-view.ts says where brokers are; the loops of this folder send through `to(address)`.
// Invariants: brokers answer a connection's requests in order, so nothing that may block shares one with what may not;
//             a connection is never revived: a new one is made, because kafkajs keeps half-read answers across reconnects.

import { errorText, MillraceError } from '../../domain/errors.ts';
import { client } from './internals/client.ts';
import type { WireBroker, WireConnection, WireRequest } from './internals/client-types.ts';
import { gatherWrites } from './internals/gather-writes.ts';
import type { Settings } from './options.ts';

const CONNECT_TIMEOUT_MS = 3_000;
const AUTHENTICATION_TIMEOUT_MS = 10_000;
const LOG_NOTHING = 0;

/** A connected broker. */
export interface Wire {
  /** kafkajs's method per API. */
  readonly broker: WireBroker;
  /** Sends one of our own requests (see requests/). */
  send<T>(request: WireRequest<T>): Promise<T>;
}

interface OpenWire {
  readonly connection: WireConnection;
  readonly ready: Promise<Wire>;
  /** False while it is still being made. */
  made: boolean;
}

export class Connections {
  private readonly settings: Settings;
  private readonly requestTimeoutMs: number;
  private readonly open = new Map<string, OpenWire>();
  private readonly onClose: () => void;
  private closed = false;

  constructor(settings: Settings, requestTimeoutMs: number, onClose: () => void = () => undefined) {
    this.settings = settings;
    this.requestTimeoutMs = requestTimeoutMs;
    this.onClose = onClose;
  }

  /** The connection to `host:port`, made when there is none that lives. @throws BROKER_UNREACHABLE */
  to(address: string): Promise<Wire> {
    if (this.closed) return Promise.reject(unreachable(address, 'the bus is closed'));
    const known = this.open.get(address);
    if (known !== undefined && (!known.made || known.connection.isConnected())) return known.ready;
    this.drop(address);
    const connection = this.connectionTo(address);
    const made: OpenWire = { connection, ready: connect(connection, address, this.settings.sasl), made: false };
    this.open.set(address, made);
    made.ready.then(
      () => {
        made.made = true;
      },
      () => {
        if (this.open.get(address) === made) this.drop(address);
      },
    );
    return made.ready;
  }

  /** Ends the connection: its requests are rejected at once. */
  drop(address: string): void {
    const known = this.open.get(address);
    if (known === undefined) return;
    this.open.delete(address);
    end(known.connection, unreachable(address, 'the connection was dropped'));
  }

  dropAll(): void {
    for (const address of [...this.open.keys()]) this.drop(address);
  }

  /** Nothing can be sent any more. */
  close(): void {
    this.closed = true;
    this.dropAll();
    this.onClose();
  }

  private connectionTo(address: string): WireConnection {
    const { Connection, createLogger, socketFactory } = client();
    const colon = address.lastIndexOf(':');
    return new Connection({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      clientId: this.settings.clientId,
      ssl: this.settings.ssl,
      sasl: this.settings.sasl,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: this.requestTimeoutMs,
      enforceRequestTimeout: true,
      socketFactory,
      logger: createLogger({ level: LOG_NOTHING, logCreator: () => () => undefined }),
    });
  }
}

async function connect(connection: WireConnection, address: string, sasl: unknown): Promise<Wire> {
  const { Broker, createLogger } = client();
  const broker = new Broker({
    connectionPool: poolOf(connection, address, sasl),
    logger: createLogger({ level: LOG_NOTHING, logCreator: () => () => undefined }),
    allowAutoTopicCreation: false,
    authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
  });
  try {
    await broker.connect();
  } catch (error) {
    throw unreachable(address, errorText(error), error);
  }
  connection.socket?.setNoDelay(true);
  if (connection.socket !== undefined) gatherWrites(connection.socket);
  return { broker, send: (request) => connection.send(request) };
}

/** What kafkajs's Broker needs of a pool, with the one connection that we want. */
function poolOf(connection: WireConnection, address: string, sasl: unknown) {
  const colon = address.lastIndexOf(':');
  return {
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    sasl,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    isConnected: () => connection.isConnected(),
    isAuthenticated: () => connection.isAuthenticated(),
    setVersions: (versions: unknown) => connection.setVersions(versions),
    setSupportAuthenticationProtocol: (on: boolean) => connection.setSupportAuthenticationProtocol(on),
    getConnection: async () => {
      if (!connection.isConnected()) await connection.connect();
      return connection;
    },
    send: <T>(request: WireRequest<T>) => connection.send(request),
    destroy: () => connection.disconnect(),
  };
}

function end(connection: WireConnection, error: Error): void {
  connection.rejectRequests(error);
  // Nothing is pending any more, so this only marks the connection and ends its socket.
  connection.disconnect().catch(() => undefined);
  connection.socket?.destroy();
}

function unreachable(address: string, detail: string, cause?: unknown): MillraceError {
  return new MillraceError('BROKER_UNREACHABLE', { brokers: address, detail }, cause);
}
