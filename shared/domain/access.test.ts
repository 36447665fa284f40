// Goal: the grants are the least that work: each service names what it needs, and a shadow can touch nothing that answers.
// Method: the grants of one endpoint under a prefix, asked by Kafka's rules; a broker enforces them in test/int/access.int.test.ts.

import { describe, expect, it } from 'vitest';
import { type AccessPlace, allows, type Grant, grantsOf, SERVICES_WITH_ACCESS } from './access.ts';
import { comparatorGroup, labelGroup, laneGroup, routerGroup, shadowGroup, transactionalIdOf } from './groups.ts';
import { topicsOf } from './topics.ts';

const place: AccessPlace = { prefix: 'p.', endpoint: 'digits' };
const topics = topicsOf(place.prefix);
const specs = [...topics.endpointTopicSpecs(place.endpoint, 1), ...topics.controlTopicSpecs()];
const shadows = grantsOf('shadow', place);

/** Topics that `grants` allow `operation` on, without the prefix, sorted. */
const named = (grants: readonly Grant[], operation: Grant['operation']) =>
  specs
    .filter(({ name }) => allows(grants, { operation, resource: 'topic', name }))
    .map(({ name }) => name.slice(place.prefix.length))
    .sort();

describe('a shadow', () => {
  it('may write its outputs and its reports, and nothing else', () => {
    expect(named(shadows, 'Write')).toEqual(['digits.shadow', 'millrace.workers']);
    for (const operation of ['Create', 'Alter'] as const) expect(named(shadows, operation)).toEqual([]);
  });

  it('may own a partition in the group of any of its rollouts, and in no other group', () => {
    const group = shadowGroup(place.prefix, place.endpoint, { rollout: 'digits-7', version: 3 });
    const transactionalId = transactionalIdOf({ group, topic: topics.endpoint('digits', 'requests'), partition: 2 });
    expect(allows(shadows, { operation: 'Read', resource: 'group', name: group })).toBe(true);
    expect(allows(shadows, { operation: 'Write', resource: 'transactional-id', name: transactionalId })).toBe(true);
    const others = [
      routerGroup(place.prefix, 'digits'),
      laneGroup(place.prefix, 'digits', 'blue'),
      comparatorGroup(place.prefix, 'digits'),
      shadowGroup(place.prefix, 'digits-2', { rollout: 'a', version: 1 }),
    ];
    for (const name of others) {
      expect(allows(shadows, { operation: 'Read', resource: 'group', name })).toBe(false);
      const id = transactionalIdOf({ group: name, topic: topics.lane('digits', 'blue'), partition: 0 });
      expect(allows(shadows, { operation: 'Write', resource: 'transactional-id', name: id })).toBe(false);
    }
  });

  it('sees how much waits on the live road, and reads none of its records', () => {
    for (const lane of ['blue', 'green'] as const) {
      const group = laneGroup(place.prefix, 'digits', lane);
      expect(allows(shadows, { operation: 'Describe', resource: 'group', name: group })).toBe(true);
      expect(named(shadows, 'Describe')).toContain(`digits.lane.${lane}`);
    }
    expect(named(shadows, 'Read')).toEqual(['digits.requests', 'millrace.plans']);
  });
});

describe('every service', () => {
  it.each([
    ['router', ['digits.cuts', 'digits.dead-letters', 'digits.lane.blue', 'digits.lane.green', 'digits.predictions']],
    [
      'scorer',
      ['digits.dead-letters', 'digits.lane.blue', 'digits.lane.green', 'digits.predictions', 'millrace.workers'],
    ],
    ['controller', ['millrace.events', 'millrace.plans']],
    ['comparator', ['digits.comparisons', 'digits.keyed-labels', 'digits.totals', 'millrace.metrics']],
  ] as const)('%s writes the topics that the design gives it', (service, written) => {
    expect(named(grantsOf(service, place), 'Write')).toEqual(written);
  });

  it.each(SERVICES_WITH_ACCESS)('%s has each grant once, and none beyond its endpoint and prefix', (service) => {
    const grants = grantsOf(service, place);
    expect(new Set(grants.map((grant) => JSON.stringify(grant))).size).toBe(grants.length);
    for (const { name } of grants) expect(name).toMatch(/^p\.(?:digits\.|millrace\.)/);
    const ofTopics = grants.filter(({ resource }) => resource === 'topic');
    for (const { name, patternType } of ofTopics) {
      expect(patternType).toBe('literal');
      expect(topics.parse(name), name).not.toBeNull();
    }
  });

  it('the comparator joins its two groups with their own transactional ids', () => {
    const grants = grantsOf('comparator', place);
    for (const [of, input] of [
      [comparatorGroup, 'predictions'],
      [labelGroup, 'labels'],
    ] as const) {
      const group = of(place.prefix, 'digits');
      const name = transactionalIdOf({ group, topic: topics.endpoint('digits', input), partition: 1 });
      expect(allows(grants, { operation: 'Read', resource: 'group', name: group })).toBe(true);
      expect(allows(grants, { operation: 'Write', resource: 'transactional-id', name })).toBe(true);
    }
    const other = comparatorGroup(place.prefix, 'digits-2');
    expect(allows(grants, { operation: 'Read', resource: 'group', name: other })).toBe(false);
  });

  it('the controller may end the transactions of scorers, and of no router', () => {
    const grants = grantsOf('controller', place);
    const blue = topics.lane('digits', 'blue');
    const ofScorer = { group: laneGroup(place.prefix, 'digits', 'blue'), topic: blue, partition: 7 };
    const ofRouter = { group: routerGroup(place.prefix, 'digits'), topic: topics.endpoint('digits', 'requests') };
    const may = (name: string) => allows(grants, { operation: 'Write', resource: 'transactional-id', name });
    expect(may(transactionalIdOf(ofScorer))).toBe(true);
    expect(may(transactionalIdOf({ ...ofRouter, partition: 7 }))).toBe(false);
  });
});
