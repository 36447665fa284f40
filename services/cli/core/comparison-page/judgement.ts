// Judgement: what to think of a comparison, in one sentence and a list of warnings.
// Flow: ComparisonReport → [judge] → text table, HTML page.
// Invariant: a warning names the numbers behind it; no missing partner and no null is ever read as agreement.

import type { ComparisonReport, FieldReport, PairReport, SideReport } from '../../../../shared/comparison/report.ts';
import { countText, numberText, plural, shareText } from './numbers.ts';

export interface Judgement {
  /** `none`: there is no candidate to judge. */
  readonly mood: 'good' | 'warn' | 'none';
  readonly headline: string;
  readonly warnings: readonly string[];
}

const PAIRS_FEW = 300;
/** A hundredth that was not compared may be another kind of request than the rest. */
const COVERAGE_MIN = 0.99;
/** Disagreement above the noise floor that needs labels to be understood. */
const DISAGREEMENT_MAX = 0.05;
/** Population stability index: above this the distribution has moved. */
const PSI_MAX = 0.25;
/** Standard errors beyond which a difference is no chance. */
const Z_MIN = 2;
/** Quantiles of label errors are those of buckets, which are so wide at level 0. */
const BUCKET_WIDTH = 0.02;
/** Relative standard error of the ratio of two medians of n errors, times √n, where the errors are normal: √2 · 1.17. */
const MEDIAN_RATIO_SE = 1.65;

/** An incumbent that was scored twice. */
export function isBaseline({ live, shadow }: PairReport): boolean {
  return shadow !== null && shadow.version === live.version;
}

/** The pair with the most pairs that compares two versions. */
export function candidatePair({ pairs }: ComparisonReport): PairReport | null {
  return pairs.find((pair) => pair.shadow !== null && !isBaseline(pair) && pair.pairs > 0) ?? null;
}

/** Share of pairs that agree: by class where all fields have one, else within tolerance. */
export function agreementOf({ fields, agreement }: PairReport): number | null {
  const shares = fields.map(({ sameClass }) => sameClass);
  const known = shares.filter((share) => share !== null);
  return known.length > 0 && known.length === shares.length ? Math.min(...known) : agreement;
}

/** Disagreement of the incumbent with itself: what is noise in a disagreement of `pair`; null when it was not measured. */
export function noiseFloor(pair: PairReport, reports: readonly ComparisonReport[]): number | null {
  const baseline = baselineOf(pair, reports);
  return disagreement(baseline === undefined ? null : agreementOf(baseline));
}

/** A report whose distances are net of the incumbent's own: what people and programs see. */
export function netReport(report: ComparisonReport, reports: readonly ComparisonReport[]): ComparisonReport {
  return { ...report, pairs: report.pairs.map((pair) => ({ ...pair, fields: netFields(pair, reports) })) };
}

/**
 * The fields of a pair, their distances less those of the incumbent from itself, at least 0. JS, KS and W1 obey the triangle
 * inequality: what is left is about the distance from the incumbent's second answers, or less. Only about, for two reasons: what
 * chance makes has been taken off both distances before, and the baseline may be of other requests than the pair.
 */
export function netFields(pair: PairReport, reports: readonly ComparisonReport[]): readonly FieldReport[] {
  const baseline = isBaseline(pair) ? undefined : baselineOf(pair, reports);
  return pair.fields.map((field) => {
    const noise = baseline?.fields.find(({ name }) => name === field.name);
    if (noise === undefined) return field;
    const { drift, mix } = field;
    return {
      ...field,
      mix: { ...mix, psi: net(mix.psi, noise.mix.psi), js: net(mix.js, noise.mix.js) },
      drift: {
        psi: net(drift.psi, noise.drift.psi),
        js: net(drift.js, noise.drift.js),
        ks: net(drift.ks, noise.drift.ks),
        w1: net(drift.w1, noise.drift.w1),
      },
    };
  });
}

function net(distance: number | null, noise: number | null): number | null {
  return distance === null ? null : Math.max(0, distance - (noise ?? 0));
}

function baselineOf(pair: PairReport, reports: readonly ComparisonReport[]): PairReport | undefined {
  const baselines = reports.flatMap(({ pairs }) => pairs).filter((each) => isBaseline(each) && each.pairs > 0);
  return baselines.find(({ live }) => live.version === pair.live.version);
}

export function disagreement(agreement: number | null): number | null {
  return agreement === null ? null : 1 - agreement;
}

export function errorCount({ errors }: SideReport): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0);
}

/** @param reports of the same endpoint, in which the noise baseline may be */
export function judge(report: ComparisonReport, reports: readonly ComparisonReport[]): Judgement {
  const pair = candidatePair(report);
  if (pair?.shadow == null) {
    const baseline = report.pairs.find((each) => isBaseline(each) && each.pairs > 0);
    const headline =
      baseline === undefined
        ? 'No pairs yet: nothing was compared, so nothing can be said about a candidate.'
        : `Noise baseline: v${baseline.live.version} disagrees with itself on ${shareText(disagreement(agreementOf(baseline)))} of ${plural(baseline.pairs, 'pair')}.`;
    return { mood: 'none', headline, warnings: [] };
  }
  const shadow = pair.shadow;
  const warnings = [...warningsOf(report, pair, shadow), ...answerWarnings(pair, shadow, reports)];
  const headline = `v${shadow.version} agrees with v${pair.live.version} on ${shareText(agreementOf(pair))} of ${plural(pair.pairs, 'pair')}, coverage ${shareText(report.coverage)}; ${accuracyText(pair, shadow)}.`;
  return { mood: warnings.length > 0 ? 'warn' : 'good', headline, warnings };
}

function warningsOf({ coverage, counts }: ComparisonReport, pair: PairReport, shadow: SideReport): string[] {
  const warnings: string[] = [];
  if (pair.pairs < PAIRS_FEW) warnings.push(`Only ${plural(pair.pairs, 'pair')}: too few to conclude from.`);
  if (pair.level > 0) {
    warnings.push(
      `Counted coarsely (level ${pair.level}): buckets are ${2 ** pair.level} times as wide, and fewer classes are told apart.`,
    );
  }
  if (coverage === null || coverage <= COVERAGE_MIN) {
    warnings.push(
      `Coverage is ${shareText(coverage)}: ${countText(counts.missingShadow)} without the shadow, ${countText(counts.missingLive)} without the live answer, ${countText(counts.skipped)} skipped by the shadow.`,
    );
  }
  const rate = (side: SideReport) => errorCount(side) / Math.max(1, side.answers);
  if (rate(shadow) > rate(pair.live)) {
    warnings.push(
      `v${shadow.version} fails more often: ${shareText(rate(shadow))} against ${shareText(rate(pair.live))}.`,
    );
  }
  // A shadow runs at the lowest priority and in batches of its own: its times are shown, and say little of a live version's.
  return warnings;
}

function answerWarnings(pair: PairReport, shadow: SideReport, reports: readonly ComparisonReport[]): string[] {
  const warnings: string[] = [];
  const excess = (disagreement(agreementOf(pair)) ?? 1) - (noiseFloor(pair, reports) ?? 0);
  if (pair.labelledRows === 0 && excess > DISAGREEMENT_MAX) {
    warnings.push(
      `They disagree on ${shareText(disagreement(agreementOf(pair)))}; without labels nobody knows who is right.`,
    );
  }
  if (accuracySign(pair, shadow) < 0)
    warnings.push(`v${shadow.version} is right less often than v${pair.live.version}.`);
  if (closenessSign(pair, shadow) < 0) {
    warnings.push(
      `v${shadow.version} is further from the labels than v${pair.live.version}: ${closenessText(pair, shadow)}.`,
    );
  }
  for (const { name, drift, mix } of netFields(pair, reports)) {
    if ((mix.psi ?? 0) > PSI_MAX) warnings.push(`The mix of classes of ${name} has moved: PSI ${mix.psi?.toFixed(2)}.`);
    if ((drift.psi ?? 0) > PSI_MAX)
      warnings.push(`The distribution of ${name} has moved: PSI ${drift.psi?.toFixed(2)}.`);
  }
  return warnings;
}

/** 1 better, −1 worse, 0 within chance. Both answer the same requests, so only disagreements can tell them apart. */
function accuracySign(pair: PairReport, shadow: SideReport): number {
  if (pair.live.accuracy === null || shadow.accuracy === null || pair.labelledRows === 0) return 0;
  const difference = shadow.accuracy - pair.live.accuracy;
  const discordant = Math.max(disagreement(agreementOf(pair)) ?? 1, Math.abs(difference));
  return Math.abs(difference) > Z_MIN * Math.sqrt(discordant / pair.labelledRows) ? Math.sign(difference) : 0;
}

/** 1 closer to the labels, −1 further away, 0 within chance, by the median error of numbers. */
function closenessSign({ live, labelledRows, level }: PairReport, shadow: SideReport): number {
  const [ours, theirs] = [live.labelError.p50, shadow.labelError.p50];
  if (ours === null || theirs === null) return 0;
  const chance = BUCKET_WIDTH * 2 ** level + (Z_MIN * MEDIAN_RATIO_SE) / Math.sqrt(labelledRows);
  return Math.abs(theirs - ours) > chance * Math.max(ours, theirs) ? Math.sign(ours - theirs) : 0;
}

function closenessText({ live }: PairReport, shadow: SideReport): string {
  return `median error ${numberText(shadow.labelError.p50)} against ${numberText(live.labelError.p50)}`;
}

function accuracyText(pair: PairReport, shadow: SideReport): string {
  if (pair.labelledRows === 0) return 'no labels say who is right';
  const said = (words: readonly string[], sign: number) => words[sign + 1] ?? '';
  if (pair.live.accuracy === null || shadow.accuracy === null) {
    const isHeld = pair.live.labelError.p50 !== null && shadow.labelError.p50 !== null;
    if (!isHeld) return 'no label has an answer of both to be held against';
    const word = said(['further from', 'about as close to', 'closer to'], closenessSign(pair, shadow));
    return `it is ${word} the labels: ${closenessText(pair, shadow)}`;
  }
  const word = said(
    ['is right less often', 'is right about as often', 'is right more often'],
    accuracySign(pair, shadow),
  );
  return `with labels it ${word}: ${shareText(shadow.accuracy)} against ${shareText(pair.live.accuracy)}`;
}
