// Goal: what a user may write as a rollout, and what each strategy makes of it. Method: examples.

import { describe, expect, it } from 'vitest';
import { chooseStrategy, parseRollout } from './registry.ts';

const base = { endpoint: 'digits', candidate: 2 };

describe('parseRollout', () => {
  it('names the known strategies when it refuses an unknown one', () => {
    const attempt = () => parseRollout({ ...base, strategy: 'rainbow' });
    expect(attempt).toThrow(
      expect.objectContaining({
        code: 'STRATEGY_UNKNOWN',
        context: expect.objectContaining({ known: 'basic, blue-green, canary, shadow' }),
      }),
    );
  });

  it.each([-1, 10_001, 0.5, '1000', Number.NaN])('refuses a canary weight of %s', (weightBp) => {
    const attempt = () => parseRollout({ ...base, strategy: 'canary', canary: { weightBp } });
    expect(attempt).toThrow(expect.objectContaining({ code: 'SPEC_INVALID' }));
  });

  it("refuses another strategy's options", () => {
    expect(() => parseRollout({ ...base, strategy: 'basic', canary: { weightBp: 1 } })).toThrow(/canary/);
  });

  it.each([null, 7, [], {}, { strategy: 3 }])('refuses %j without crashing', (value) => {
    expect(() => parseRollout(value)).toThrow(expect.objectContaining({ code: 'SPEC_INVALID' }));
  });
});

describe('strategies', () => {
  it('basic promotes when ready and keeps nothing', () => {
    const chosen = chooseStrategy(parseRollout({ ...base, strategy: 'basic' }));
    expect(chosen).toMatchObject({ promotesWhenReady: true, keepsIncumbent: false, allowsSetWeight: false });
  });

  it('blue-green waits for promote unless told to switch by itself', () => {
    expect(chooseStrategy(parseRollout({ ...base, strategy: 'blue-green' })).promotesWhenReady).toBe(false);
    const auto = { ...base, strategy: 'blue-green', blueGreen: { promotion: 'auto' } };
    expect(chooseStrategy(parseRollout(auto)).promotesWhenReady).toBe(true);
  });

  it('canary begins with its own weight and then follows the command', () => {
    const chosen = chooseStrategy(parseRollout({ ...base, strategy: 'canary', canary: { weightBp: 250 } }));
    expect(chosen.candidateShareBp(null)).toBe(250);
    expect(chosen.candidateShareBp(0)).toBe(0);
  });
});
