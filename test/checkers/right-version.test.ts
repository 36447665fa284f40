// Promise 2: the answering version is the one that the cuts name, or a rescue that is on record.

import { beforeEach, describe, expect, it } from 'vitest';
import { HEADER } from '../../shared/domain/headers.ts';
import { found, History, routedTo, withHeader } from '../support/history.ts';

let history: History;
beforeEach(() => {
  history = new History();
});

describe('the right version', () => {
  it('is the one of the cut, and a rescue that is on record', () => {
    history.answered(routedTo(history, 'blue'));
    history.answered(history.rescued(routedTo(history, 'green', 20)));
    const totals = history.audit();
    expect(found(totals)).toEqual({});
    expect(totals.versions.get(1)).toMatchObject({ answers: 2, rescued: 1, runtimes: ['fake 1'] });
  });

  it('is not another one that answers by itself', () => {
    const answer = history.answered(routedTo(history, 'green'));
    history.replace(answer, withHeader(answer, HEADER.version, '1'));
    expect(history.audit().counts['wrong-version']).toBe(1);
  });

  it('is not one of the same number with another digest', () => {
    const answer = history.answered(routedTo(history, 'green'));
    history.replace(answer, withHeader(answer, HEADER.digest, 'f'.repeat(64)));
    expect(history.audit().counts['wrong-version']).toBe(1);
  });

  it('is not one that calls itself a rescue without its record', () => {
    const answer = history.answered(routedTo(history, 'green'));
    const claims = withHeader(answer, HEADER.rescuedFrom, '2:MODEL_FAILED');
    history.replace(answer, withHeader({ ...answer, ...claims }, HEADER.version, '1'));
    expect(history.audit().counts['wrong-version']).toBe(1);
  });

  it('is not a third one in the name of a rescue', () => {
    const answer = history.answered(history.rescued(routedTo(history, 'green')));
    history.replace(answer, withHeader(answer, HEADER.version, '3'));
    expect(history.audit().counts['wrong-version']).toBe(1);
  });

  it('is rescued once and no more', () => {
    const first = history.rescued(routedTo(history, 'green'));
    history.append(first);
    history.answered(first);
    const totals = history.audit();
    expect(totals.counts['wrong-version'] + totals.counts.misrouted).toBeGreaterThan(0);
  });
});
