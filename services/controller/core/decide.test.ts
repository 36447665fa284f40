// Goal: the life of rollouts, by strategy, as an operator sees it. Method: stories over the pure core.

import { beforeEach, describe, expect, it } from 'vitest';
import { ControllerStory, digestOf, types } from '../../../test/support/controller-story.ts';

let story: ControllerStory;
beforeEach(() => {
  story = new ControllerStory();
});

describe('the first rollout', () => {
  it('binds the candidate without a share, and gives it all traffic when every owner is READY', () => {
    story.define();
    expect(types(story.rollOut(1, 'basic'))).toBe('rollout-accepted plan-published');
    expect(story.plan).toMatchObject({ revision: 1, shares: [], incumbent: null });
    expect(story.plan.lanes).toEqual({ blue: { version: 1, digest: digestOf(1) }, green: null });
    const ready = story.report('READY', 1);
    expect(types(ready)).toBe('candidate-ready promoted rollout-completed plan-published');
    expect(story.plan).toMatchObject({ revision: 2, incumbent: 'blue', evidence: ['w1:blue:0', 'w1:blue:1'] });
    expect(story.shares).toBe('blue v1 10000');
    expect(story.endpoint.rollout.phase).toBe('promoted');
  });

  it('can be aborted while it loads, and the next one takes the same lane', () => {
    story.define();
    story.rollOut(1, 'basic');
    expect(types(story.command('abort'))).toBe('aborted rollout-completed plan-published');
    expect(story.plan).toMatchObject({ lanes: { blue: null, green: null }, shares: [] });
    story.rollOut(2, 'basic');
    expect(story.plan.lanes.blue?.version).toBe(2);
  });
});

describe('an endpoint in use', () => {
  it('takes more partitions, and the next version must be READY on all of them', () => {
    story.serveFirst();
    expect(types(story.define({ partitions: 3 }))).toBe('endpoint-defined');
    expect(story.shares).toBe('blue v1 10000');
    story.rollOut(2, 'canary');
    expect(story.report('READY', 1, 2)).toEqual([]);
    expect(story.endpoint.rollout.phase).toBe('loading');
  });
});

describe('basic', () => {
  it('moves all traffic at once, drains the old lane and releases it', () => {
    story.serveFirst().rollOut(2, 'basic');
    expect(story.shares).toBe('green v2 0, blue v1 10000');
    story.report('READY', 1, 2);
    expect(story.shares).toBe('blue v1 0, green v2 10000');
    expect(story.endpoint.rollout).toMatchObject({ phase: 'promoted-draining', draining: 'blue', stopRevision: 4 });
    expect(types(story.drain())).toBe('lane-drained rollout-completed plan-published');
    expect(story.plan.lanes.blue).toBeNull();
    expect(story.shares).toBe('green v2 10000');
  });

  it('has no way back once it is promoted', () => {
    story.serveFirst().rollOut(2, 'basic');
    story.report('READY', 1, 2);
    expect(story.command('abort')[0]).toMatchObject({ type: 'command-refused', code: 'VERB_NOT_ALLOWED' });
    expect(story.plan.incumbent).toBe('green');
  });
});

describe('blue-green', () => {
  beforeEach(() => {
    story.serveFirst().rollOut(2, 'blue-green');
  });

  it('waits for promote with the candidate loaded, then switches everything', () => {
    story.report('READY', 1, 2);
    expect(story.endpoint.rollout.phase).toBe('ready');
    expect(story.shares).toBe('green v2 0, blue v1 10000');
    expect(types(story.command('promote'))).toBe('promoted plan-published');
    expect(story.shares).toBe('blue v1 0, green v2 10000');
    story.drain();
    expect(story.endpoint.rollout.phase).toBe('promoted');
    expect(story.plan.lanes.blue?.version).toBe(1);
  });

  it.each(['before', 'after'])('switches back at once on abort, %s the old lane is drained', (when) => {
    story.report('READY', 1, 2);
    story.command('promote');
    if (when === 'after') story.drain();
    expect(types(story.command('abort'))).toBe('aborted plan-published');
    expect(story.shares).toBe('green v2 0, blue v1 10000');
    expect(story.plan).toMatchObject({ incumbent: 'blue', revoked: [{ version: 2 }] });
    story.drain();
    expect(story.plan).toMatchObject({ revoked: [{ version: 2 }], lanes: { green: null } });
    expect(story.endpoint.rollout.phase).toBe('aborted');
  });

  it('gives the warm old lane to the next rollout', () => {
    story.report('READY', 1, 2);
    story.command('promote');
    story.drain();
    story.rollOut(3, 'canary');
    expect(story.plan.lanes).toMatchObject({ blue: { version: 3 }, green: { version: 2 } });
  });

  it('refuses promote when an owner is not READY any more', () => {
    story.report('READY', 1, 2);
    story.report('LOADING', 2);
    expect(story.command('promote')[0]).toMatchObject({ code: 'VERB_NOT_ALLOWED' });
    expect(story.shares).toBe('green v2 0, blue v1 10000');
  });

  it('has no weight', () => {
    story.report('READY', 1, 2);
    expect(story.command('set-weight', { weightBp: 5 })[0]).toMatchObject({ code: 'VERB_NOT_ALLOWED' });
  });
});

describe('blue-green with promotion auto', () => {
  it('switches as soon as the candidate is READY and still keeps the old version', () => {
    story.serveFirst().rollOut(2, 'blue-green', { options: { blueGreen: { promotion: 'auto' } } });
    story.report('READY', 1, 2);
    expect(story.endpoint.rollout).toMatchObject({ phase: 'promoted-draining', keepsIncumbent: true });
  });
});

describe('canary', () => {
  beforeEach(() => {
    story.serveFirst().rollOut(2, 'canary');
  });

  it('serves its share when READY, follows the weight, and is promoted by command', () => {
    story.report('READY', 1, 2);
    expect(story.shares).toBe('green v2 1000, blue v1 9000');
    story.command('set-weight', { weightBp: 5_000 });
    expect(story.shares).toBe('green v2 5000, blue v1 5000');
    expect(story.plan.evidence).toEqual(['w1:green:0', 'w1:green:1']);
    story.command('promote');
    expect(story.shares).toBe('blue v1 0, green v2 10000');
  });

  it('loses its traffic and is revoked on abort, and its lane drains', () => {
    story.report('READY', 1, 2);
    const abort = story.command('abort');
    expect(abort[0]).toMatchObject({ type: 'aborted', actor: 'ada', reason: 'why not', phase: 'aborted-draining' });
    expect(story.shares).toBe('green v2 0, blue v1 10000');
    expect(story.plan.revoked).toEqual([{ version: 2, digest: digestOf(2) }]);
    expect(types(story.drain())).toBe('lane-drained rollout-completed plan-published');
    expect(story.plan).toMatchObject({ revoked: [{ version: 2 }], lanes: { green: null } });
  });

  it.each([2, 3])('stays revoked when its lane is drained, until version %i is rolled out', (version) => {
    story.report('READY', 1, 2);
    story.command('abort');
    story.drain();
    expect(story.plan.revoked).toMatchObject([{ version: 2 }]);
    story.rollOut(version, 'canary');
    expect(story.plan).toMatchObject({ revoked: [], lanes: { green: { version } } });
  });

  it('can lower its weight while an owner is not READY, but not raise it', () => {
    story.report('READY', 1, 2);
    story.report('LOADING', 2);
    expect(story.command('set-weight', { weightBp: 2_000 })[0]?.type).toBe('command-refused');
    expect(story.command('set-weight', { weightBp: 0 })[0]?.type).toBe('weight-set');
    expect(story.endpoint.rollout.phase).toBe('serving');
  });

  it('stays when it fails while serving: the scorer rescues', () => {
    story.report('READY', 1, 2);
    expect(story.report('FAILED', 2)).toEqual([]);
    expect(story.shares).toBe('green v2 1000, blue v1 9000');
  });

  it('ends when it fails while loading, with the words of the worker', () => {
    const failed = story.report('FAILED', 2);
    expect(types(failed)).toBe('candidate-failed rollout-completed plan-published');
    expect(failed[0]).toMatchObject({ code: 'GOLDEN_MISMATCH', phase: 'failed' });
    expect(story.shares).toBe('blue v1 10000');
  });

  it('is not failed by a report from before the rollout', () => {
    story.workers = [{ ...(story.workers[0] ?? fail()), version: 2, digest: digestOf(2), state: 'FAILED', atMs: 5 }];
    expect(story.give({ type: 'workers', endpoint: 'digits' })).toEqual([]);
  });
});

describe('repeated records', () => {
  it('the same rollout while it is under way changes nothing', () => {
    story.serveFirst().rollOut(2, 'canary');
    const { plan } = story;
    expect(types(story.rollOut(2, 'canary', { options: { actor: 'bob' } }))).toBe('noted');
    expect(story.plan).toBe(plan);
  });

  it('a command with a key that was seen changes nothing', () => {
    story.serveFirst().rollOut(2, 'canary');
    story.report('READY', 1, 2);
    story.command('set-weight', { weightBp: 2_000, key: 'a' });
    story.command('set-weight', { weightBp: 3_000, key: 'b' });
    expect(types(story.command('set-weight', { weightBp: 2_000, key: 'a' }))).toBe('noted');
    expect(story.shares).toBe('green v2 3000, blue v1 7000');
  });

  it('a record that the journal names already is not decided again', () => {
    story.serveFirst();
    const consumed = { topic: 'rollouts', offset: 0 } as const;
    const facts = { kind: 'problem', problem: { code: 'PACKAGE_MISSING', message: '' } } as const;
    expect(story.give({ type: 'rollout', endpoint: 'digits', consumed, rollout: null, facts })).toEqual([]);
  });
});

function fail(): never {
  throw new TypeError('the story has no worker');
}
