// DieAtRequest: a process that kills itself by SIGKILL at a request of its own to Kafka, just before it is sent or just after.
// Use: `NODE_OPTIONS=--import=<this file, compiled>` and `DIE_AT`, e.g. `EndTxn 2 before`: at the second request of that API.
// Why from inside: no clock outside hits the milliseconds between what a transaction writes and its end.

import { Socket } from 'node:net';
import { APIS, type ApiName, requestHead } from '../chaos/frames.ts';

/** Size, api key and version, correlation id, length of the client id. */
const HEAD_BYTES = 14;

const [api = '', nth = '', moment = ''] = (process.env.DIE_AT ?? '').split(' ');
const die = () => process.kill(process.pid, 'SIGKILL');
const { write } = Socket.prototype;
let left = Number(nth);

if (!(api in APIS && left > 0 && ['before', 'after'].includes(moment)))
  throw new RangeError(`DIE_AT=${process.env.DIE_AT}`);
const { key } = APIS[api as ApiName];

Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
  const isLast = isMeant(args[0]) && --left === 0;
  if (isLast && moment === 'before') die();
  // Requests of one turn leave together, behind it.
  if (isLast) process.nextTick(die);
  return Reflect.apply(write, this, args);
};

function isMeant(bytes: unknown): boolean {
  return Buffer.isBuffer(bytes) && bytes.length >= HEAD_BYTES && requestHead(bytes).apiKey === key;
}
