// Goal: every strategy of the registry keeps the port's promises. Method: the same cases over the whole registry.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WEIGHT_BP_ALL } from '../../shared/domain/route-plan.ts';
import { chooseStrategy, parseRollout, rolloutSchema, STRATEGIES } from '../../shared/strategies/registry.ts';

const base = { endpoint: 'digits', candidate: 2 };
const weights = fc.option(fc.integer({ min: 0, max: WEIGHT_BP_ALL }));

describe.each(STRATEGIES)('strategy $name', ({ name, summary, optionsKey }) => {
  const rollout = parseRollout({ ...base, strategy: name });
  const chosen = chooseStrategy(rollout);

  it('has a name of its own, a summary that is one sentence, and an options key that Avro takes', () => {
    expect(STRATEGIES.filter((other) => other.name === name)).toHaveLength(1);
    expect(summary).toMatch(/^[A-Z][^.]+\.$/);
    expect(optionsKey ?? 'none').toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
  });

  it('fills in its options when a rollout names none', () => {
    expect(optionsKey === null ? {} : rollout[optionsKey]).toBeTypeOf('object');
    expect(parseRollout(rollout)).toEqual(rollout);
    expect(rolloutSchema.parse({ ...base, strategy: name })).toEqual(rollout);
  });

  it('gives the candidate an integer share between nothing and all', () => {
    fc.assert(
      fc.property(weights, (weightBp) => {
        const share = chosen.candidateShareBp(weightBp);
        expect(Number.isInteger(share) && share >= 0 && share <= WEIGHT_BP_ALL).toBe(true);
      }),
    );
  });

  it('follows the weight that was set, if it allows one', () => {
    if (chosen.allowsSetWeight) expect(chosen.candidateShareBp(1234)).toBe(1234);
    else expect(chosen.candidateShareBp(1234)).toBe(chosen.candidateShareBp(null));
  });

  it('refuses unknown keys, beside and inside its options', () => {
    expect(() => parseRollout({ ...base, strategy: name, colour: 'red' })).toThrow(/colour/);
    if (optionsKey === null) return;
    expect(() => parseRollout({ ...base, strategy: name, [optionsKey]: { colour: 1 } })).toThrow(/colour/);
  });
});
