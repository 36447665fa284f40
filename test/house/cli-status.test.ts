// Goal: status says the same after a snapshot of the controller as before it, and the right thing in every phase.
// Method: journals of the controller's own core (support/controller-story.ts), folded by the command line.

import { describe, expect, it } from 'vitest';
import { foldJournal } from '../../services/cli/core/journal-fold.ts';
import { type StatusInput, statusOf } from '../../services/cli/core/status.ts';
import { snapshotEvents } from '../../services/controller/core/snapshot.ts';
import { definedEndpoint } from '../../services/controller/core/state.ts';
import { WORKER_EXPIRY_MS } from '../../shared/domain/worker.ts';
import { ControllerStory, ENDPOINT, PARTITIONS, report } from '../support/controller-story.ts';

/** Where the story's endpoint stands, as `millrace status` would say, from all events or from a snapshot. */
function statusIn(story: ControllerStory, how: 'events' | 'snapshot', more: Partial<StatusInput> = {}) {
  const events = how === 'events' ? story.journal : snapshotEvents(story.state, story.nowMs);
  const facts = foldJournal(events).get(ENDPOINT);
  if (facts === undefined) return null;
  const plan = definedEndpoint(story.state, ENDPOINT)?.plan ?? null;
  const cutRevisions = new Array<number>(PARTITIONS).fill(plan?.revision ?? 0);
  const lag = { router: 0, lanes: { blue: 0, green: 0 }, shadows: new Map([[2, 7]]) };
  return statusOf({ facts, plan, cutRevisions, workers: story.workers, lag, nowMs: story.nowMs, ...more });
}

/** What both ways must say, but for the last event, which a snapshot does not keep. */
function status(story: ControllerStory, more: Partial<StatusInput> = {}) {
  const { lastEvent: _, ...whole } = statusIn(story, 'events', more) ?? { lastEvent: null };
  const { lastEvent: none, ...restored } = statusIn(story, 'snapshot', more) ?? { lastEvent: null };
  expect(none).toBeNull();
  expect(restored).toEqual(whole);
  return whole;
}

/** An endpoint whose version 1 serves. */
function served(): ControllerStory {
  return new ControllerStory().serveFirst();
}

describe('status', () => {
  it('of an endpoint without a rollout', () => {
    const story = new ControllerStory();
    story.define();
    expect(status(story)).toMatchObject({ status: 'None', incumbent: null, candidate: null, plan: null, degraded: [] });
  });

  it('of a shadow, with who scores it, and its lag', () => {
    const story = served();
    story.rollOut(2, 'shadow', { options: { shadow: { sampleBp: 2_500, baselineBp: 500 } } });
    story.report('READY', 1, 2);
    const shadowing = { ...report(2, 'READY', story.nowMs), worker: 'w-shadow', role: 'shadow' as const };
    const failing = { ...report(1, 'FAILED', story.nowMs), worker: 'w-shadow', role: 'shadow' as const, problem: 'no' };
    const found = status(story, { workers: [...story.workers, shadowing, failing] });
    const shadow = { gate: 'always', problems: [] as string[] };
    expect(found).toMatchObject({
      ...{ status: 'Waiting', reason: 'CandidateReady', strategy: 'shadow', candidate: 2 },
      lanes: [{ workers: { READY: 1 } }, { workers: { READY: 1 } }],
      shadows: [
        { ...shadow, version: 2, sampleBp: 2_500, baseline: false, lag: 7, workers: { READY: 1, FAILED: 0 } },
        {
          ...shadow,
          version: 1,
          sampleBp: 500,
          baseline: true,
          lag: null,
          workers: { READY: 0, FAILED: 1 },
          problems: ['no'],
        },
      ],
    });
  });

  it('of a canary, with its share', () => {
    const story = served();
    story.rollOut(2, 'canary', { options: { canary: { weightBp: 500 } } });
    expect(status(story)).toMatchObject({
      status: 'Progressing',
      reason: 'CandidateLoading',
      candidate: 2,
      weightBp: 0,
    });
    story.report('READY', 1, 2);
    expect(status(story)).toMatchObject({
      ...{ reason: 'CandidateServing', strategy: 'canary', incumbent: 1, candidate: 2, weightBp: 500 },
      cuts: { landed: PARTITIONS, partitions: PARTITIONS },
      lanes: [
        { lane: 'blue', role: 'incumbent', version: 1, weightBp: 9_500, workers: { READY: 1 } },
        { lane: 'green', role: 'candidate', version: 2, weightBp: 500, workers: { READY: 1 } },
      ],
    });
  });

  it('of a version that is kept after a promotion', () => {
    const story = served();
    story.rollOut(2, 'blue-green');
    story.report('READY', 1, 2);
    story.command('promote');
    expect(status(story)).toMatchObject({ reason: 'LaneDraining', incumbent: 2, candidate: 2 });
    story.drain();
    expect(status(story)).toMatchObject({
      status: 'Complete',
      candidate: null,
      lanes: [{ role: 'kept' }, { role: 'incumbent' }],
    });
  });

  it('of an endpoint that is removed: none', () => {
    const story = served();
    story.remove();
    expect(statusIn(story, 'events')).toBeNull();
    expect(statusIn(story, 'snapshot')).toBeNull();
  });

  it('counts cuts that have landed', () => {
    expect(status(served(), { cutRevisions: [2, 1] })).toMatchObject({ cuts: { landed: 1, partitions: 2 } });
  });

  it('is degraded when the workers of the incumbent are silent, and says which partitions nobody owns', () => {
    const story = served();
    const late = story.nowMs + WORKER_EXPIRY_MS + 1;
    expect(status(story, { nowMs: late })).toMatchObject({
      status: 'Degraded',
      degraded: [
        'IncumbentNotReady: no live worker is READY for v1: no worker reports it',
        'LaneUnowned: partitions 0, 1 of lane blue have no live owner',
      ],
    });
  });

  it('is not degraded by a candidate that fails: it is rescued', () => {
    const story = served();
    story.rollOut(2, 'canary');
    story.report('READY', 1, 2);
    const workers = [report(1, 'READY', story.nowMs), report(2, 'FAILED', story.nowMs)];
    expect(status(story, { workers })).toMatchObject({
      degraded: [],
      lanes: [{}, { workers: { FAILED: 1 }, problems: ['GOLDEN_MISMATCH: sample 3'] }],
    });
  });
});
