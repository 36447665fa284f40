// Domain words: names, buckets, shares and cuts keep their promises.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, murmur3, saltSeed } from './bucket.ts';
import { addCut, type Cut, cutAt, orderedCuts } from './cut.ts';
import { murmur2, partitionFor } from './partitioner.ts';
import { formatSource, parseSource } from './record.ts';
import { laneOf, planProblem, type RoutePlan } from './route-plan.ts';
import { signatureMismatch } from './tensor.ts';
import { topicsOf } from './topics.ts';
import { readyEvidence, type WorkerReport } from './worker.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const digest = 'a'.repeat(64);

function planOf(revision: number, shares: RoutePlan['shares']): RoutePlan {
  return {
    endpoint: 'digits',
    delivery: 'exactly-once',
    revision,
    rollout: 'r1',
    lanes: { blue: { version: 1, digest }, green: { version: 2, digest } },
    incumbent: 'blue',
    shares,
    revoked: [],
    shadows: [],
    evidence: [],
  };
}

describe('topic names', () => {
  it('are parsed back to what they were built from, under any prefix', () => {
    const names = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).filter((name) => name !== 'millrace');
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9._-]{0,8}$/), names, (prefix, endpoint) => {
        const topics = topicsOf(prefix);
        for (const spec of topics.endpointTopicSpecs(endpoint, 3))
          expect(topics.parse(spec.name)?.endpoint).toBe(endpoint);
        for (const spec of topics.controlTopicSpecs()) expect(topics.parse(spec.name)?.endpoint).toBeNull();
      }),
    );
  });

  it('of others are not ours', () => {
    const topics = topicsOf('x-');
    for (const name of ['digits.requests', 'x-digits.other', 'x-millrace.other', 'x-.requests', 'x-Digits.requests']) {
      expect(topics.parse(name)).toBeNull();
    }
  });

  it('give lanes and dead letters 64 KiB more than requests', () => {
    const limits = new Map(
      topicsOf('')
        .endpointTopicSpecs('e', 1)
        .map((spec) => [spec.name, Number(spec.config['max.message.bytes'])]),
    );
    for (const kind of ['lane.blue', 'lane.green', 'predictions', 'shadow', 'dead-letters']) {
      expect(limits.get(`e.${kind}`)).toBe((limits.get('e.requests') ?? 0) + 65_536);
    }
  });

  it('are compacted only where a record replaces those before it under its key', () => {
    const topics = topicsOf('');
    const compacted = [...topics.endpointTopicSpecs('e', 1), ...topics.controlTopicSpecs()]
      .filter(({ config }) => config['cleanup.policy']?.includes('compact'))
      .map(({ name }) => name);
    const states = ['endpoints', 'rollouts', 'plans', 'workers'].map((kind) => `millrace.${kind}`);
    expect(compacted).toEqual(['e.totals', 'e.cuts', ...states]);
  });
});

describe('buckets', () => {
  it('follow the published murmur3 vectors', () => {
    expect(murmur3(bytes(''), 0)).toBe(0);
    expect(murmur3(bytes(''), 1)).toBe(0x514e28b7);
    expect(murmur3(bytes('hello'), 0)).toBe(0x248bfa47);
    expect(murmur3(bytes('hello, world'), 0)).toBe(0x149bbb7f);
    expect(murmur3(bytes('The quick brown fox jumps over the lazy dog'), 0)).toBe(0x2e4ff723);
  });

  it('spread keys evenly, and differently for each rollout', () => {
    const share = (salt: string) => {
      const seed = saltSeed(salt);
      return Array.from({ length: 20_000 }, (_, i) => bucketOf(seed, bytes(`key-${i}`)) < 1000);
    };
    const [one, two] = [share('digits/r1'), share('digits/r2')];
    const count = one.filter(Boolean).length;
    const both = one.filter((inside, i) => inside && two[i]).length;
    expect(count).toBeGreaterThan(1_850);
    expect(count).toBeLessThan(2_150);
    expect(both).toBeLessThan(300);
  });
});

describe('shares', () => {
  it('only ever add keys to the candidate as its share grows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9999 }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 0, max: 10_000 }),
        (bucket, a, b) => {
          const lane = (weightBp: number) =>
            laneOf(
              planOf(1, [
                { lane: 'green', weightBp },
                { lane: 'blue', weightBp: 10_000 - weightBp },
              ]),
              bucket,
            );
          if (lane(Math.min(a, b)) === 'green') expect(lane(Math.max(a, b))).toBe('green');
        },
      ),
    );
  });

  it('that do not sum to 10000, name a lane twice or an unbound lane are a problem', () => {
    expect(planProblem(planOf(1, [{ lane: 'blue', weightBp: 9_999 }]))).toContain('9999');
    expect(
      planProblem(
        planOf(1, [
          { lane: 'blue', weightBp: 5_000 },
          { lane: 'blue', weightBp: 5_000 },
        ]),
      ),
    ).toContain('two shares');
    expect(
      planProblem({ ...planOf(1, [{ lane: 'green', weightBp: 10_000 }]), lanes: { blue: null, green: null } }),
    ).toContain('no version');
    expect(planProblem(planOf(1, []))).toBeNull();
  });
});

describe('cuts', () => {
  const cut = (revision: number, offset: number): Cut => ({
    partition: 0,
    offset,
    plan: planOf(revision, []),
    atMs: 0,
  });

  it('govern from their offset on; of several at one offset the newest', () => {
    const cuts = [cut(1, 0), cut(2, 10), cut(3, 10)].reduce<readonly Cut[]>(addCut, []);
    expect(cutAt(cuts, 9)?.plan.revision).toBe(1);
    expect(cutAt(cuts, 10)?.plan.revision).toBe(3);
    expect(cutAt([cut(2, 5)], 4)).toBeNull();
  });

  it('may be read twice and in any order, but never run backwards', () => {
    expect([cut(3, 20), cut(1, 0), cut(3, 20)].reduce<readonly Cut[]>(addCut, []).map((c) => c.plan.revision)).toEqual([
      1, 3,
    ]);
    expect(() => [cut(2, 10), cut(3, 9)].reduce<readonly Cut[]>(addCut, [])).toThrow('out of order');
  });

  it('of two owners at once are put in order: the last of a revision counts, and none begins before an older one', () => {
    const moved: number[] = [];
    const ordered = orderedCuts([cut(1, 0), cut(2, 10), cut(3, 8), cut(2, 12)], ({ plan }) =>
      moved.push(plan.revision),
    );
    expect(ordered.map(({ plan, offset }) => [plan.revision, offset])).toEqual([
      [1, 0],
      [2, 12],
      [3, 12],
    ]);
    expect(moved).toEqual([3]);
  });
});

describe('sources and signatures', () => {
  it('are printed and parsed back', () => {
    expect(parseSource(formatSource({ partition: 3, offset: 12 }))).toEqual({ partition: 3, offset: 12 });
    for (const text of ['', '1@', '@1', '1@x', '1@99999999999999999999']) expect(parseSource(text)).toBeNull();
  });

  it('name the first difference', () => {
    const spec = (shape: number[]) => ({
      inputs: [{ name: 'x', datatype: 'FP32' as const, shape }],
      outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1, 1] }],
    });
    expect(signatureMismatch(spec([-1, 4]), spec([-1, 4]))).toBeNull();
    expect(signatureMismatch(spec([-1, 4]), spec([-1, 5]))).toContain("input 'x' has shape [-1,5]");
  });
});

describe('readiness evidence', () => {
  const report = (worker: string, state: WorkerReport['state'], green: number[], atMs = 1_000): WorkerReport => ({
    worker,
    endpoint: 'digits',
    version: 2,
    digest,
    state,
    runtime: '',
    problem: '',
    role: 'scorer',
    owned: { blue: [], green },
    atMs,
  });
  const want = { lane: 'green' as const, partitions: 2, version: 2, digest };

  it('needs a live READY owner of every partition', () => {
    expect(readyEvidence([report('a', 'READY', [0]), report('b', 'READY', [1])], want, 2_000)).toEqual([
      'a:green:0',
      'b:green:1',
    ]);
    expect(readyEvidence([report('a', 'READY', [0])], want, 2_000)).toBeNull();
    expect(readyEvidence([report('a', 'READY', [0]), report('b', 'LOADING', [1])], want, 2_000)).toBeNull();
    expect(readyEvidence([report('a', 'READY', [0]), report('b', 'READY', [1], -9_000)], want, 2_000)).toBeNull();
    expect(readyEvidence([report('a', 'READY', [0, 1]), report('b', 'LOADING', [1])], want, 2_000)).toBeNull();
  });

  it('is not given by another digest', () => {
    expect(readyEvidence([report('a', 'READY', [0, 1])], { ...want, digest: 'b'.repeat(64) }, 2_000)).toBeNull();
  });
});

describe('partitions by key', () => {
  it("are those of Kafka's Java client", () => {
    const vectors: readonly [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    for (const [key, hash] of vectors) {
      expect(murmur2(bytes(key)), key).toBe(hash);
      expect(partitionFor(bytes(key), 7)).toBe((hash & 0x7fffffff) % 7);
    }
  });
});
