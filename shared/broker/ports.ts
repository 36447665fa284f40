// Ports: a free port of 127.0.0.1 for a node that jvm-broker.ts starts.
// Invariant: nobody else is given it while the node is down; that it is still free at the start is hope.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { MillraceError } from '../domain/errors.ts';
import type { NodeAddress } from './settings.ts';

/** Below Linux's ephemeral range, so that no outgoing connection takes a node's port while the node is down. */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const PORT_ATTEMPTS = 100;

/** A port that is free now, and none of `taken`. @throws BROKER_NOT_FOUND */
export async function freePort(taken: readonly NodeAddress[]): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (taken.some((node) => [node.clientPort, node.controllerPort, node.internalPort].includes(port))) continue;
    const server = createServer().listen(port, '127.0.0.1');
    const free = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]).catch(() => false);
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new MillraceError('BROKER_NOT_FOUND', { detail: `no free port between ${PORT_MIN} and ${PORT_MAX}` });
}
