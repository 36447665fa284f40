// Authorizer: a JVM broker that knows its users: SCRAM logins, Kafka's own authorizer, and ACLs.
// Flow: StartOptions.users → properties and format arguments (jvm-broker.ts) → `grant` adds ACLs, over the wire by hand as
//       probe.ts does, so that this folder needs no client and no JVM per ACL.
// Invariant: clients come in by the door that asks for a login. The node itself, and whoever runs it, uses inner listeners
//            of 127.0.0.1 without one; their user is ANONYMOUS, which may do everything.
// Wire: CreateAcls v1: creations i32, each: resource i8, name, pattern i8, principal, host (i16 length, bytes), operation
//       i8, permission i8. Answer: throttle i32, results i32, each: error i16, message (nullable).

import type { Grant } from '../domain/access.ts';
import { MillraceError } from '../domain/errors.ts';
import { ask } from './probe.ts';
import type { BrokerUser } from './running-broker.ts';
import type { NodeAddress } from './settings.ts';

const MECHANISM = 'SCRAM-SHA-256';
const LISTENER = 'SASL_PLAINTEXT';

/** Values of Kafka's enums on the wire. @source ResourceType, PatternType, AclOperation, AclPermissionType */
const RESOURCE = { topic: 2, group: 3, cluster: 4, 'transactional-id': 5 } as const;
const PATTERN = { literal: 3, prefixed: 4 } as const;
const OPERATION = { Read: 3, Write: 4, Create: 5, Alter: 7, Describe: 8 } as const;
const ALLOW = 3;
const CREATE_ACLS = { apiKey: 30, apiVersion: 1 } as const;

/** Properties that make a node ask for logins and rights; they replace those of `jvmProperties`. */
export function authorizerProperties(node: NodeAddress, users: readonly BrokerUser[]): Record<string, string> {
  const inside = `INTERNAL://127.0.0.1:${node.internalPort}`;
  const outside = `${LISTENER}://127.0.0.1:${node.clientPort}`;
  const superUsers = ['ANONYMOUS', ...users.filter((user) => user.isSuper).map(({ name }) => name)];
  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return {
    listeners: `${outside},CONTROLLER://127.0.0.1:${node.controllerPort},${inside}`,
    'advertised.listeners': `${outside},${inside}`,
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,${LISTENER}:${LISTENER}`,
    'sasl.enabled.mechanisms': MECHANISM,
    [`listener.name.${LISTENER.toLowerCase()}.${MECHANISM.toLowerCase()}.sasl.jaas.config`]: login,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': superUsers.map((name) => `User:${name}`).join(';'),
  };
}

/** Arguments of StorageTool's `format` that make the users. Names and passwords hold no `,`, `]` or space. */
export function userArguments(users: readonly BrokerUser[]): string[] {
  return users.flatMap(({ name, password }) => ['--add-scram', `${MECHANISM}=[name=${name},password=${password}]`]);
}

/**
 * Adds an ACL per grant for `user`. The node's authorizer learns of them a moment later.
 * @param inside an address without a login (`RunningBroker.inside`)
 * @throws BROKER_REFUSED, BROKER_UNREACHABLE
 */
export async function grant(inside: string, user: string, grants: readonly Grant[]): Promise<void> {
  const answer = await ask(inside, { ...CREATE_ACLS, body: creations(user, grants) });
  if (answer === null) throw new MillraceError('BROKER_UNREACHABLE', { brokers: inside, detail: 'CreateAcls' });
  let at = 8;
  for (let left = answer.readInt32BE(4); left > 0; left--) {
    const brokerCode = answer.readInt16BE(at);
    if (brokerCode !== 0) throw new MillraceError('BROKER_REFUSED', { of: 'CreateAcls', brokerCode });
    at += 4 + Math.max(answer.readInt16BE(at + 2), 0);
  }
}

function creations(user: string, grants: readonly Grant[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeInt32BE(grants.length);
  const each = grants.map(({ resource, name, patternType, operation }) =>
    Buffer.concat([
      Buffer.of(RESOURCE[resource]),
      text(name),
      Buffer.of(PATTERN[patternType]),
      text(`User:${user}`),
      text('*'),
      Buffer.of(OPERATION[operation], ALLOW),
    ]),
  );
  return Buffer.concat([count, ...each]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}
