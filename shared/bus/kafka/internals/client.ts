// Client: kafkajs's wire classes, loaded once with our replacements inside. Nothing else in Millrace loads kafkajs.
// Flow: connections.ts builds brokers from these classes; requests go out through them.
// Invariant: kafkajs is loaded here first, and only when every file that we replace or patch is the one we know.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { MillraceError } from '../../../domain/errors.ts';
import type { Client } from './client-types.ts';
import { REPLACEMENTS } from './replacements.ts';
import { type PatchedQueue, patchRequestQueue, REQUEST_QUEUE_FILE, REQUEST_QUEUE_SHA256 } from './request-queue.ts';

const require = createRequire(import.meta.url);

let loaded: Client | null = null;

/** kafkajs's classes. @throws CLIENT_CHANGED when a file of kafkajs is not the one we replace */
export function client(): Client {
  loaded ??= load();
  return loaded;
}

/** @throws CLIENT_CHANGED */
export function checkSource(file: string, sha256: string, source: string | Buffer): void {
  const actual = createHash('sha256').update(source).digest('hex');
  if (actual !== sha256) throw new MillraceError('CLIENT_CHANGED', { file });
}

function load(): Client {
  for (const { file, sha256, exports } of REPLACEMENTS) replace(file, sha256, exports);
  checkSource(REQUEST_QUEUE_FILE, REQUEST_QUEUE_SHA256, readFileSync(resolve(REQUEST_QUEUE_FILE)));
  patchRequestQueue(part<{ prototype: PatchedQueue }>(REQUEST_QUEUE_FILE));
  return {
    Broker: part('broker/index.js'),
    Connection: part('network/connection.js'),
    Encoder: part('protocol/encoder.js'),
    createLogger: part<Pick<Client, 'createLogger'>>('loggers/index.js').createLogger,
    socketFactory: part<() => unknown>('network/socketFactory.js')(),
    assignerProtocol: part('consumer/assignerProtocol.js'),
  };
}

function replace(file: string, sha256: string, exports: unknown): void {
  const path = resolve(file);
  checkSource(file, sha256, readFileSync(path));
  // A module that was loaded before keeps its old parts: we would run beside the replacement without knowing.
  if (require.cache[path] !== undefined) throw new MillraceError('CLIENT_CHANGED', { file: `${file} (loaded before)` });
  const module = { id: path, filename: path, path, loaded: true, exports, children: [], paths: [] };
  require.cache[path] = Object.assign(Object.create(null), module);
}

function resolve(file: string): string {
  return require.resolve(`kafkajs/src/${file}`);
}

/** The module's exports. The shapes are ours (client-types.ts), checked by the hashes and the integration tests. */
function part<T>(file: string): T {
  return require(resolve(file)) as T;
}
