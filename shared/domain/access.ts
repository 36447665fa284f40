// Access: the least that each service must be allowed on Kafka, for one endpoint, as data.
// Flow: → docs/operations.md (Access), shared/broker/authorizer.ts (a broker with ACLs), test/int/access.int.test.ts.
// Invariant: whoever writes shadow outputs may write neither predictions nor anything else on the live road, nor use the
//            transactional id of anyone who may. Names come from topics.ts and groups.ts only.
// Source: "Protocols and ACLs" of Kafka's security documentation. Read, Write and Alter imply Describe.

import {
  comparatorGroup,
  controllerGroup,
  labelGroup,
  laneGroup,
  routerGroup,
  shadowGroup,
  transactionalIdOf,
} from './groups.ts';
import { LANES } from './route-plan.ts';
import { type ControlTopicKind, type EndpointTopicKind, topicsOf } from './topics.ts';

export const SERVICES_WITH_ACCESS = ['router', 'scorer', 'controller', 'shadow', 'comparator'] as const;
export type ServiceWithAccess = (typeof SERVICES_WITH_ACCESS)[number];

/** One `Allow` ACL. Operations are called as Kafka calls them. */
export interface Grant {
  readonly operation: 'Read' | 'Write' | 'Describe' | 'Create' | 'Alter';
  readonly resource: 'topic' | 'group' | 'transactional-id' | 'cluster';
  readonly name: string;
  readonly patternType: 'literal' | 'prefixed';
}

/** Of one endpoint, under one prefix. */
export interface AccessPlace {
  readonly prefix: string;
  readonly endpoint: string;
}

/** What `service` must be allowed to work for the endpoint. Several endpoints: the union. */
export function grantsOf(service: ServiceWithAccess, place: AccessPlace): readonly Grant[] {
  return GRANTS[service](vocabularyOf(place));
}

/** Whether `grants` allow it, by Kafka's rules of patterns and of what implies Describe. */
export function allows(grants: readonly Grant[], wanted: Omit<Grant, 'patternType'>): boolean {
  return grants.some(
    ({ operation, resource, name, patternType }) =>
      resource === wanted.resource &&
      (operation === wanted.operation || (wanted.operation === 'Describe' && operation !== 'Create')) &&
      (patternType === 'literal' ? wanted.name === name : wanted.name.startsWith(name)),
  );
}

const GRANTS: Readonly<Record<ServiceWithAccess, (on: Vocabulary) => readonly Grant[]>> = {
  router: (on) => [
    ...on.topics('Read', [...on.own('requests', 'cuts'), ...on.control('plans')]),
    ...on.topics('Write', [...on.lanes, ...on.own('cuts', 'predictions', 'dead-letters')]),
    ...on.owner(on.routers, on.own('requests')),
  ],
  // It writes lanes, too: a rescue goes to the incumbent's.
  scorer: (on) => [
    ...on.topics('Read', [...on.lanes, ...on.control('plans')]),
    ...on.topics('Write', [...on.own('predictions', 'dead-letters'), ...on.lanes, ...on.control('workers')]),
    ...on.laneOwners.flatMap(({ group, topic }) => on.owner(group, [topic])),
  ],
  // It makes topics and partitions, watches lanes drain, and fences scorers that fell silent by their transactional ids.
  controller: (on) => [
    ...on.topics('Read', [
      ...on.control('endpoints', 'rollouts', 'commands', 'workers', 'metrics', 'events'),
      ...on.own('cuts'),
    ]),
    ...on.topics('Write', on.control('plans', 'events')),
    ...on.topics('Create', [...on.allControl, ...on.allOwn]),
    ...on.topics('Describe', [...on.allControl, ...on.allOwn]),
    ...on.topics('Alter', on.allOwn),
    ...on.owner(on.controllers, on.control('commands')),
    ...on.laneOwners.flatMap(({ group, topic }) => [...on.group('Describe', group), ...on.transactions(group, topic)]),
  ],
  // Describe alone on what belongs to the live road: the gate `low-lag` asks how much waits there.
  shadow: (on) => [
    ...on.topics('Read', [...on.own('requests'), ...on.control('plans')]),
    ...on.topics('Write', [...on.own('shadow'), ...on.control('workers')]),
    ...on.topics('Describe', on.lanes),
    ...[on.routers, ...on.laneOwners.map(({ group }) => group)].flatMap((group) => on.group('Describe', group)),
    ...on.ownersOfMany(on.shadows),
  ],
  comparator: (on) => [
    ...on.topics('Read', [
      ...on.own('predictions', 'shadow', 'labels', 'keyed-labels', 'requests', 'totals'),
      ...on.control('plans', 'events'),
    ]),
    ...on.topics('Write', [...on.own('keyed-labels', 'comparisons', 'totals'), ...on.control('metrics')]),
    ...on.owner(on.comparators, on.own('predictions')),
    ...on.owner(on.labellers, on.own('labels')),
  ],
};

type Vocabulary = ReturnType<typeof vocabularyOf>;

/** The names and grants of one endpoint, in the words of the table above. */
function vocabularyOf({ prefix, endpoint }: AccessPlace) {
  const names = topicsOf(prefix);
  const lanes = LANES.map((lane) => names.lane(endpoint, lane));
  const grant = (operation: Grant['operation'], resource: Grant['resource'], name: string): Grant[] => [
    { operation, resource, name, patternType: 'literal' },
  ];
  const under = (resource: Grant['resource'], operations: readonly Grant['operation'][], name: string): Grant[] =>
    operations.map((operation) => ({ operation, resource, name, patternType: 'prefixed' }));
  const group = (operation: 'Read' | 'Describe', name: string) => grant(operation, 'group', name);
  const transactionsUnder = (name: string) => under('transactional-id', ['Write', 'Describe'], name);
  const transactions = (of: string, topic: string) => transactionsUnder(ownerPrefix(of, topic));
  return {
    lanes,
    own: (...kinds: readonly EndpointTopicKind[]) => kinds.map((kind) => names.endpoint(endpoint, kind)),
    control: (...kinds: readonly ControlTopicKind[]) => kinds.map((kind) => names.control(kind)),
    allOwn: names.endpointTopicSpecs(endpoint, 1).map(({ name }) => name),
    allControl: names.controlTopicSpecs().map(({ name }) => name),
    routers: routerGroup(prefix, endpoint),
    controllers: controllerGroup(prefix),
    comparators: comparatorGroup(prefix, endpoint),
    labellers: labelGroup(prefix, endpoint),
    shadows: shadowGroupPrefix(prefix, endpoint),
    laneOwners: LANES.map((lane) => ({ group: laneGroup(prefix, endpoint, lane), topic: names.lane(endpoint, lane) })),
    topics: (operation: Grant['operation'], of: readonly string[]) =>
      of.flatMap((name) => grant(operation, 'topic', name)),
    group,
    transactions,
    /** A member of `of` that commits offsets of `inputs` in its transactions. */
    owner: (of: string, inputs: readonly string[]) => [
      ...group('Read', of),
      ...inputs.flatMap((topic) => transactions(of, topic)),
    ],
    /** A member of every group whose id begins with `name`. */
    ownersOfMany: (name: string) => [...under('group', ['Read'], name), ...transactionsUnder(name)],
  };
}

/** What the transactional ids of all partitions of `topic` begin with. */
function ownerPrefix(group: string, topic: string): string {
  return transactionalIdOf({ group, topic, partition: 0 }).slice(0, -1);
}

/** What the groups of an endpoint's shadows begin with, whatever rollout and version they are of. */
function shadowGroupPrefix(prefix: string, endpoint: string): string {
  const rollout = '\u0000';
  const group = shadowGroup(prefix, endpoint, { rollout, version: 0 });
  return group.slice(0, group.indexOf(rollout));
}
