// Goal: the page says what to think, asks nobody for anything, and no text from outside becomes markup.
// Method: one realistic report, the same with hostile names, and reports with nothing in them.

import { describe, expect, it } from 'vitest';
import { Comparison } from '../../../shared/comparison/comparison.ts';
import { addLabelTo, addTo, coarserStates, emptyStates } from '../../../shared/comparison/metrics/registry.ts';
import type { Field, Outcome } from '../../../shared/comparison/outcome.ts';
import type { ComparisonReport, PairReport, SideReport } from '../../../shared/comparison/report.ts';
import { pairReport } from '../../../shared/comparison/summary.ts';
import { answeredPair } from '../../../shared/comparison/testing/answered-pair.ts';
import { seeded } from '../../../test/sim/random.ts';
import { comparisonLines } from './comparison-lines.ts';
import { judge } from './comparison-page/judgement.ts';
import { comparisonPage } from './comparison-page.ts';
import type { GreyImage } from './image-of.ts';

const HOSTILE = `<script src="https://evil">alert('1')</script>`;
const side = (version: number, accuracy: number | null): SideReport => ({
  version,
  answers: 9812,
  errors: {},
  scoringUs: { p50: 812, p90: 1500, p99: 3420 },
  accuracy,
  labelError: { p50: null, p90: null, p99: null },
});
const pairOf = (live: number, shadow: number, same: number, name: string): PairReport => ({
  live: side(live, 0.96),
  shadow: side(shadow, live === shadow ? 0.96 : 0.974),
  pairs: 9812,
  agreement: same,
  labelledRows: 9000,
  level: 0,
  scoringBars: { edges: [500, 1000, 2000, 4000], live: [10, 20, 3], shadow: [8, 22, 3] },
  fields: [
    {
      name,
      kind: 'classes',
      agreement: same,
      sameClass: same,
      kappa: 0.967,
      classes: [0, 1],
      confusion: [
        [4801, 143],
        [141, 4727],
      ],
      mix: { live: [4944, 4868], shadow: [4942, 4870], psi: 0.0421, js: 0.001 },
      scores: { edges: [0, 0.5, 1], live: [12, 9800], shadow: [40, 9772] },
      drift: { psi: 0.013, js: 0.002, ks: 0.03, w1: null },
      difference: { p50: 0.01, p90: 0.04, p99: 0.4 },
    },
  ],
});
const reportOf = (text: string): ComparisonReport => ({
  endpoint: `digits${text}`,
  run: `r1${text}`,
  counts: {
    matched: 9812,
    missingLive: 1,
    missingShadow: 8,
    late: 2,
    duplicate: 3,
    skipped: 0,
    unreadable: 4,
    labelled: 9000,
  },
  coverage: 0.9991,
  pairs: [pairOf(3, 4, 0.971, `scores${text}`), pairOf(3, 3, 0.998, `scores${text}`)],
  examples: [
    {
      source: `2@1841${text}`,
      disagreement: 0.93,
      why: 'worst',
      liveVersion: 3,
      shadowVersion: 4,
      live: [[0.02, 0.98]],
      shadow: [[0.91, 0.09]],
      chosen: { live: [{ class: 1, score: 0.98 }], shadow: [{ class: 0, score: 0.91 }] },
      at: {
        request: { topic: `digits.requests${text}`, partition: 2, offset: 1841 },
        prediction: { topic: 'digits.predictions', partition: 2, offset: 1840 },
        shadow: null,
      },
    },
  ],
});
const images = new Map([['2@1841', { width: 9, height: 8, pixels: new Uint8Array(72).fill(200) }]]);
const empty: ComparisonReport = { ...reportOf(''), coverage: null, pairs: [], examples: [] };
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

const pageOf = (reports: readonly ComparisonReport[], pictures = new Map<string, GreyImage>()) =>
  comparisonPage(reports, { images: pictures, among: reports });
const linesOf = (report: ComparisonReport, top: number) =>
  comparisonLines(report, { top, width: null, among: [report] });

describe('comparisonPage', () => {
  const page = plain(pageOf([reportOf('')], images));

  it('says in one sentence what to think', () => {
    expect(page).toContain(
      'v4 agrees with v3 on 97.1 % of 9,812 pairs, coverage 99.9 %; with labels it is right more often: 97.4 % against 96.0 %.',
    );
    expect(page).toContain('noise floor 0.2 %');
    expect(page).toContain('noise baseline');
  });

  it('knows the noise of a baseline that it does not show', () => {
    const [candidate, baseline] = reportOf('').pairs.map((pair) => ({ ...reportOf(''), pairs: [pair] }));
    if (candidate === undefined || baseline === undefined) throw new RangeError('two pairs');
    const among = [candidate, baseline];
    expect(plain(comparisonPage([candidate], { images: new Map(), among }))).toContain('noise floor 0.2 %');
    expect(plain(pageOf([candidate]))).toContain('noise floor - (no baseline)');
  });

  it('holds the confusion matrix and a picture', () => {
    for (const count of ['4,801', '143', '141', '4,727']) expect(page).toContain(`>${count}</td>`);
    const [, data = ''] = /src="data:image\/bmp;base64,([^"]+)"/.exec(page) ?? [];
    const bytes = Buffer.from(data, 'base64');
    expect([bytes.toString('latin1', 0, 2), bytes.readUInt32LE(2), bytes.length]).toEqual(['BM', 1174, 1174]);
  });

  it('escapes hostile text and asks nobody for anything', () => {
    const hostile = pageOf([reportOf(HOSTILE)]);
    expect(hostile).toContain('&lt;script');
    expect(hostile).not.toContain('<script');
    for (const each of [page, pageOf([reportOf('')])]) {
      expect(each).not.toMatch(/https?:|@import|url\(|src="(?!data:)/);
    }
  });

  it('says so where there is nothing, and is the same every time', () => {
    expect(pageOf([])).toContain('No pairs');
    expect(pageOf([empty])).toContain('No pairs yet');
    expect(pageOf([reportOf('')], images)).toBe(pageOf([reportOf('')], images));
  });

  it('warns about coverage and of a candidate that is right less often', () => {
    const [first] = reportOf('').pairs;
    const worse = first === undefined ? [] : [{ ...first, shadow: side(4, 0.9) }];
    const warned = plain(pageOf([{ ...reportOf(''), coverage: 0.8, pairs: worse }]));
    expect(warned).toContain('Coverage is 80.0 %');
    expect(warned).toContain('v4 is right less often than v3');
  });

  it('warns of a shadow that skipped a hundredth of the requests or more', () => {
    const warnings = (coverage: number, skipped: number) => {
      const { counts, ...rest } = reportOf('');
      const report = { ...rest, coverage, counts: { ...counts, skipped } };
      return judge(report, [report]).warnings.map(plain);
    };
    expect(warnings(0.1, 88_308)).toEqual([
      'Coverage is 10.0 %: 8 without the shadow, 1 without the live answer, 88,308 skipped by the shadow.',
    ]);
    expect(warnings(0.99, 99)).toHaveLength(1);
    expect(warnings(0.991, 88)).toEqual([]);
  });
});

const PRICE: Field = { name: 'price', kind: 'number', size: 1, atol: 0.01, rtol: 0 };

describe('an example', () => {
  it('names the class that was chosen among all, of which it keeps 32 values', () => {
    const wide: Field = { name: 'scores', kind: 'classes', size: 40, atol: 0, rtol: 0 };
    const topics = { requests: 'digits.requests', predictions: 'digits.predictions', shadow: 'digits.shadow' };
    const limits = { window: 10, labelWindow: 10, windowMs: 1_000 };
    const comparison = new Comparison({ ...limits, partition: 0, fields: [wide], paired: true, topics });
    const placed = (version: number, best: number) => ({
      outcome: {
        version,
        error: null,
        scoringUs: 1,
        rows: 1,
        values: [new Float64Array(40).fill(0.9, best, best + 1)],
      },
      ...{ offset: 0, timestampMs: 0 },
    });
    comparison.join.begin(0);
    comparison.addLive(0, placed(3, 33), null);
    comparison.join.addShadow(0, placed(4, 39));
    comparison.take();
    const { examples, states } = comparison.saved();
    const [[, of = {}] = []] = Object.entries(states);
    const pair = pairReport({ liveVersion: 3, shadowVersion: 4, fields: [wide], states: of });
    const report = { ...empty, pairs: [pair], examples: JSON.parse(JSON.stringify(examples)) };
    expect(plain(linesOf(report, 1).join('\n'))).toMatch(/v3: 33 \(0\.9\) +v4: 39 \(0\.9\)/);
    expect(pageOf([report])).toContain('v4 said <b>39 (0.9)</b>');
  });
});

describe('a comparison of numbers', () => {
  /** The truth is 100 and upwards; every answer is off by so much. */
  const pricesOf = (
    rows: number,
    off: { live: number; shadow: number; level?: number },
    isLabelled: boolean,
  ): ComparisonReport => {
    const states = emptyStates();
    const answer = (version: number, value: number): Outcome => ({
      ...{ version, error: null, scoringUs: 100, rows: 1 },
      values: [Float64Array.of(value)],
    });
    for (let row = 0; row < rows; row++) {
      const compared = { live: answer(1, 100 + row + off.live), shadow: answer(2, 100 + row + off.shadow) };
      addTo(states, compared, [PRICE]);
      if (isLabelled) addLabelTo(states, answeredPair(compared, [PRICE]), [100 + row], [PRICE]);
    }
    const coarse = coarserStates(states, off.level ?? 0);
    const pair = pairReport({ liveVersion: 1, shadowVersion: 2, fields: [PRICE], states: coarse });
    return { ...empty, coverage: 1, pairs: [pair] };
  };
  const worse = pricesOf(1_000, { live: 1, shadow: -3 }, true);

  it('shows how far the sides are apart, and how far each is from the labels', () => {
    for (const text of [linesOf(worse, 0).join('\n'), pageOf([worse])].map(plain)) {
      expect(text.toLowerCase()).toContain('|δ| p50 / p99');
      expect(text).toContain('4 / 4');
      expect(text).toContain('1.01 / 1.01');
      expect(text).toContain('3.03 / 3.03');
      expect(text).not.toContain('no labels');
    }
  });

  it('warns of a candidate that is further from the labels, not of one that is as close', () => {
    const judged = (report: ComparisonReport) => judge(report, [report]);
    expect(judged(worse)).toMatchObject({
      mood: 'warn',
      warnings: ['v2 is further from the labels than v1: median error 3.03 against 1.01.'],
    });
    expect(judged(pricesOf(1_000, { live: 3, shadow: 1 }, true)).headline).toContain('closer to the labels');
    const close = judged(pricesOf(1_000, { live: 1, shadow: -1.05 }, true));
    expect(close).toMatchObject({ mood: 'good', warnings: [] });
    expect(close.headline).toContain('about as close to the labels');
  });

  it('concludes nothing from errors that coarse counts do not tell apart, and says how coarse they are', () => {
    const report = pricesOf(1_000, { live: 1, shadow: -3, level: 6 }, true);
    const { headline, warnings } = judge(report, [report]);
    expect(headline).toContain('about as close to the labels');
    expect(warnings).toEqual([
      'Counted coarsely (level 6): buckets are 64 times as wide, and fewer classes are told apart.',
    ]);
  });

  it('says that nobody knows who is right where there is no label', () => {
    const { headline, warnings } = judge(pricesOf(1_000, { live: 1, shadow: -3 }, false), []);
    expect(headline).toContain('no labels say who is right');
    expect(plain(warnings.join())).toBe('They disagree on 100 %; without labels nobody knows who is right.');
  });
});

describe('an incumbent that is not deterministic', () => {
  /** The incumbent's second answers are noisy, and all higher: a candidate that is scored like them cannot help that. */
  const runOf = (shadowVersion: number, bias: number): ComparisonReport => {
    const random = seeded(shadowVersion);
    const states = emptyStates();
    const noisy = (version: number, value: number): Outcome => ({
      ...{ version, error: null, scoringUs: 100, rows: 1 },
      values: [Float64Array.of(value + random() / 10)],
    });
    for (let row = 0; row < 2_000; row++) {
      const truth = 10 + random();
      addTo(states, { live: noisy(1, truth), shadow: noisy(shadowVersion, truth + bias) }, [PRICE]);
    }
    return { ...empty, coverage: 1, pairs: [pairReport({ liveVersion: 1, shadowVersion, fields: [PRICE], states })] };
  };
  const [baseline, candidate, moved] = [runOf(1, 0.3), runOf(2, 0.3), runOf(3, 2)];
  const warnings = (report: ComparisonReport, among: readonly ComparisonReport[]) => judge(report, among).warnings;

  it('has its noise blamed on no candidate that is scored as it is, once a baseline has measured it', () => {
    expect(warnings(candidate, [candidate])).toHaveLength(2);
    expect(warnings(candidate, [candidate, baseline])).toEqual([]);
    expect(warnings(moved, [moved, baseline]).join()).toContain('The distribution of price has moved');
  });

  it('is taken off every distance that is shown', () => {
    const fieldLine = (among: readonly ComparisonReport[]) =>
      comparisonLines(candidate, { top: 0, width: null, among }).find((line) => line.startsWith('price')) ?? '';
    const distances = (line: string) => line.trim().split(/\s+/).slice(-4).map(Number);
    const [gross, net] = [distances(fieldLine([candidate])), distances(fieldLine([candidate, baseline]))];
    expect(gross.filter((distance) => distance > 0.15)).toHaveLength(4);
    expect(net.filter((distance) => distance < 0.05)).toHaveLength(4);
  });
});

describe('comparisonLines', () => {
  it('shows counts, noise floor, distances and the worst disagreement', () => {
    const text = plain(linesOf(reportOf(''), 1).join('\n'));
    for (const part of [
      '9,812',
      'noise baseline',
      '0.2 %',
      '0.967',
      '0.0421',
      '4,801',
      'v4: 0 (0.91)',
      'digits.requests-2@1841',
    ]) {
      expect(text).toContain(part);
    }
    expect(linesOf(reportOf(''), 0).join('\n')).not.toContain('v4: 0');
    expect(linesOf(empty, 5).join('\n')).toContain('No pairs yet');
  });

  it('lets no control character through', () => {
    expect(linesOf(reportOf('\u001b[2J'), 1).join('')).not.toContain('\u001b');
  });
});
