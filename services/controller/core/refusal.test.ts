// Goal: what the controller refuses, by code, and that a refusal leaves the last good rollout in force.
// Method: stories over the pure core; after each refusal the plan is the very same object.

import { beforeEach, describe, expect, it } from 'vitest';
import { ControllerStory, ENDPOINT, SIGNATURE, types } from '../../../test/support/controller-story.ts';

let story: ControllerStory;
beforeEach(() => {
  story = new ControllerStory().serveFirst();
});

describe('a rollout is refused', () => {
  const cases: [code: string, prepare: () => void, candidate: number, strategy: string][] = [
    ['ROLLOUT_NOOP', () => {}, 1, 'canary'],
    ['ROLLOUT_IN_PROGRESS', () => story.rollOut(2, 'canary'), 3, 'canary'],
    ['LANE_DRAINING', () => [story.rollOut(2, 'basic'), story.report('READY', 1, 2)], 3, 'basic'],
    [
      'LANE_DRAINING',
      () => [story.rollOut(2, 'canary'), story.report('READY', 1, 2), story.command('abort')],
      2,
      'canary',
    ],
  ];
  it.each(cases)('%s', (code, prepare, candidate, strategy) => {
    prepare();
    const { plan } = story;
    expect(story.rollOut(candidate, strategy)).toMatchObject([{ type: 'rollout-refused', code, actor: 'ada' }]);
    expect(story.plan).toBe(plan);
  });

  it('ROLLOUT_FIRST_BASIC when there is no incumbent', () => {
    const fresh = new ControllerStory();
    fresh.define();
    expect(fresh.rollOut(1, 'canary')).toMatchObject([{ code: 'ROLLOUT_FIRST_BASIC' }]);
  });

  it('ENDPOINT_UNKNOWN, without keeping anything of the unknown endpoint', () => {
    const fresh = new ControllerStory();
    expect(fresh.rollOut(1, 'basic')).toMatchObject([{ code: 'ENDPOINT_UNKNOWN', seq: 0 }]);
    expect(fresh.state.endpoints.size).toBe(0);
    expect(fresh.state.consumed.rollouts).toBe(1);
  });

  it("with the package's own problem", () => {
    const facts = { kind: 'problem', problem: { code: 'PACKAGE_MISSING', message: 'there is no version 9' } } as const;
    expect(story.rollOut(9, 'canary', { facts })).toMatchObject([{ code: 'PACKAGE_MISSING' }]);
  });

  it("SIGNATURE_MISMATCH against the first version's signature", () => {
    const signature = { ...SIGNATURE, inputs: [{ name: 'image', datatype: 'FP64', shape: [-1, 784] }] } as const;
    const facts = { kind: 'found', digest: '2'.repeat(64), signature, shadows: [] } as const;
    const [refused] = story.rollOut(2, 'canary', { facts });
    expect(refused).toMatchObject({ code: 'SIGNATURE_MISMATCH', message: expect.stringContaining('FP64') });
  });

  it('when the record cannot be read, whatever its key', () => {
    const problem = { code: 'SPEC_INVALID', message: 'x'.repeat(10_000) };
    const consumed = { topic: 'rollouts', offset: 50 } as const;
    const [refused] = story.give({ type: 'unreadable', endpoint: ENDPOINT, consumed, problem });
    expect(refused).toMatchObject({ type: 'rollout-refused', code: 'SPEC_INVALID' });
    expect(refused?.message).toHaveLength(4096);
  });
});

describe('a command is refused', () => {
  it.each(['promote', 'abort', 'set-weight'] as const)('%s when it finds no rollout to act on', (verb) => {
    const fresh = new ControllerStory();
    fresh.define();
    expect(fresh.command(verb)).toMatchObject([{ type: 'command-refused', code: 'ROLLOUT_NONE' }]);
  });

  it.each(['promote', 'set-weight'] as const)('%s while the candidate is loading', (verb) => {
    story.rollOut(2, 'canary');
    expect(story.command(verb)).toMatchObject([{ code: 'VERB_NOT_ALLOWED' }]);
  });
});

describe('an endpoint', () => {
  it.each([{ partitions: 1 }, { delivery: 'at-least-once' }])('in use cannot change %j', (change) => {
    expect(story.define(change)).toMatchObject([{ type: 'endpoint-refused', code: 'ENDPOINT_CHANGED' }]);
    expect(story.endpoint.settings.partitions).toBe(2);
  });

  it('gets no partitions while a lane loads or drains', () => {
    story.rollOut(2, 'basic');
    expect(story.define({ partitions: 4 })).toMatchObject([{ code: 'ROLLOUT_IN_PROGRESS' }]);
    story.report('READY', 1, 2);
    expect(story.define({ partitions: 4 })).toMatchObject([{ code: 'LANE_DRAINING' }]);
    expect(story.endpoint.settings.partitions).toBe(2);
  });

  it('whose topics cannot be made is refused with the reason', () => {
    const fresh = new ControllerStory();
    const problem = { code: 'TOPIC_MISMATCH', message: 'has 3 partitions, not 2' };
    expect(fresh.define({}, problem)).toMatchObject([{ type: 'endpoint-refused', code: 'TOPIC_MISMATCH' }]);
  });

  it('defined the same way again changes nothing', () => {
    expect(types(story.define())).toBe('noted');
  });

  it('that comes back after removal continues its revisions and rollout ids', () => {
    const { revision } = story.plan;
    expect(types(story.remove())).toBe('endpoint-removed');
    expect(story.rollOut(2, 'basic')).toMatchObject([{ code: 'ENDPOINT_UNKNOWN' }]);
    story.define();
    story.rollOut(1, 'basic');
    expect(story.plan).toMatchObject({ revision: revision + 1, rollout: 'digits-2' });
  });
});
