// BrokerProxy: stands before one broker and may swallow, delay, rewrite or hold single messages, cut connections and stall them.
// Flow: client ─▶ request frames ─▶ broker; broker ─▶ response frames ─▶ client. Brokers advertise the proxy's port.
// Invariant: apart from what a fault asks for, every byte passes unchanged and in order, and a slow reader slows its sender.

import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../shared/domain/clock.ts';
import { assert } from '../../shared/domain/errors.ts';
import { requestHead, responseCorrelation, withErrorCode } from './frames.ts';
import { end, firstOf, type Link, pump } from './link.ts';
import { isWatcher, type Meddling } from './meddling.ts';

/** A late request is delivered on a connection of its own; whoever does not answer it by then never will. */
const LATE_ANSWER_MS = 10_000;

export type Direction = 'requests' | 'responses';

export class BrokerProxy {
  readonly #server: Server;
  readonly #meddling: Meddling;
  readonly #clock: Clock;
  readonly #links = new Set<Link>();
  /** One per stalled direction; aborted when it goes on. */
  readonly #stalls = new Map<Direction, AbortController>();
  #upstream: { readonly host: string; readonly port: number } | null = null;

  private constructor(server: Server, options: { readonly meddling: Meddling; readonly clock: Clock }) {
    this.#server = server;
    this.#meddling = options.meddling;
    this.#clock = options.clock;
    server.on('connection', (client) => this.#accept(client));
  }

  /** A proxy on a free port, which refuses clients until it is pointed at a broker. */
  static async listen(options: { readonly meddling: Meddling; readonly clock: Clock }): Promise<BrokerProxy> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BrokerProxy(server, options);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that live, those of watchers left out. */
  get connections(): number {
    return this.#others().length;
  }

  pointAt(address: string): void {
    const colon = address.lastIndexOf(':');
    this.#upstream = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  }

  /** Breaks every connection but the watchers'. @returns how many */
  cut(): number {
    const links = this.#others();
    for (const link of links) end(link);
    return links.length;
  }

  /** Nothing passes in this direction until `flow`; connections stay up. */
  stall(direction: Direction): void {
    if (this.#stalls.has(direction)) return;
    const stall = new AbortController();
    // Every connection waits for it.
    setMaxListeners(0, stall.signal);
    this.#stalls.set(direction, stall);
  }

  flow(): void {
    const stalls = [...this.#stalls.values()];
    this.#stalls.clear();
    for (const stall of stalls) stall.abort();
  }

  async close(): Promise<void> {
    this.flow();
    for (const link of this.#links) end(link);
    this.#server.close();
    await once(this.#server, 'close');
  }

  #others(): Link[] {
    return [...this.#links].filter(({ clientId }) => !isWatcher(clientId));
  }

  #accept(client: Socket): void {
    if (this.#upstream === null) {
      client.destroy();
      return;
    }
    const broker = createConnection({ ...this.#upstream, noDelay: true });
    const link: Link = { client, broker, ended: new AbortController(), clientId: '', marked: new Map() };
    this.#links.add(link);
    for (const socket of [client, broker]) {
      socket.on('error', () => end(link));
      socket.on('close', () => {
        end(link);
        this.#links.delete(link);
      });
    }
    const pass = (from: Socket, to: Socket, each: (frame: Buffer) => Promise<Buffer | null>) =>
      pump(link, { from, to, each }).catch(() => end(link));
    void pass(client, broker, (frame) => this.#request(link, frame));
    void pass(broker, client, (frame) => this.#response(link, frame));
  }

  async #request(link: Link, frame: Buffer): Promise<Buffer | null> {
    const head = requestHead(frame);
    link.clientId = head.clientId;
    const rule = this.#meddling.claim(head);
    if (rule !== null) {
      const { deed, api } = rule;
      if (deed.do === 'hold') {
        deed.reached(head);
        return null;
      }
      if (deed.do === 'late') {
        void this.#deliverLate(frame, deed.ms);
        end(link);
        return null;
      }
      link.marked.set(head.correlationId, { head, api, deed });
    }
    await this.#unstalled(link, 'requests');
    return frame;
  }

  async #response(link: Link, frame: Buffer): Promise<Buffer | null> {
    const correlationId = responseCorrelation(frame);
    const marked = link.marked.get(correlationId);
    link.marked.delete(correlationId);
    await this.#unstalled(link, 'responses');
    if (marked === undefined) return frame;
    const { deed, api, head } = marked;
    if (deed.do === 'swallow') return null;
    if (deed.do === 'delay') await this.#clock.sleep(deed.ms, link.ended.signal);
    return deed.do === 'rewrite' ? withErrorCode(frame, api, head.apiVersion, deed.code) : frame;
  }

  async #unstalled(link: Link, direction: Direction): Promise<void> {
    const stall = this.#stalls.get(direction);
    if (stall === undefined || isWatcher(link.clientId)) return;
    await firstOf(stall.signal, link.ended.signal);
  }

  async #deliverLate(frame: Buffer, afterMs: number): Promise<void> {
    await this.#clock.sleep(afterMs);
    assert(this.#upstream !== null, 'a request came before its broker');
    const socket = createConnection({ ...this.#upstream, noDelay: true, timeout: LATE_ANSWER_MS });
    for (const ending of ['data', 'timeout', 'error'] as const) socket.on(ending, () => socket.destroy());
    socket.write(frame);
  }
}
