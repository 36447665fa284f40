// Parse: what users type as weights, times, sources and headers, as values. Each refuses what it does not know.

import { MillraceError } from '../../../shared/domain/errors.ts';
import { parseSource, type Source } from '../../../shared/domain/record.ts';
import { WEIGHT_BP_ALL } from '../../../shared/domain/route-plan.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION_MS_MAX = 366 * 86_400_000;

/** `250ms`, `60s`, `5m`, `1h`, `7d`; milliseconds. @throws USAGE */
export function parseDuration(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  const ms = Math.round(Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ''] ?? Number.NaN));
  if (Number.isNaN(ms) || ms > DURATION_MS_MAX) {
    throw usage(`'${text}' is no time: write 500ms, 60s, 5m, 1h or 7d (at most 366d)`);
  }
  return ms;
}

/** A date of ISO 8601, or how long before `nowMs`; milliseconds since the epoch. @throws USAGE */
export function parseMoment(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?[a-z]+$/.test(text)) return Math.max(0, nowMs - parseDuration(text));
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw usage(`'${text}' is no time: write 2026-01-31T12:00:00Z, or 1h for an hour ago`);
  return ms;
}

/** `1000` basis points or `10%`, up to two decimals; 0..10000. @throws USAGE */
export function parseWeight(text: string): number {
  const percent = /^(\d{1,3})(?:\.(\d{1,2}))?%$/.exec(text);
  const whole = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  const weightBp =
    percent === null ? whole : Number(percent[1]) * 100 + Number((percent[2] ?? '').padEnd(2, '0').slice(0, 2));
  if (Number.isNaN(weightBp) || weightBp > WEIGHT_BP_ALL) {
    throw usage(`'${text}' is no weight: write basis points 0..10000 or a percentage like 12.5%`);
  }
  return weightBp;
}

/** `12.50%` */
export function formatWeight(weightBp: number): string {
  return `${(weightBp / 100).toFixed(2)}%`;
}

/** A whole number of 1..`max`. @throws USAGE */
export function parseCount(text: string, max: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) throw usage(`'${text}' is no whole number of 1..${max}`);
  return count;
}

/** `partition@offset` @throws USAGE */
export function parseSourceText(text: string): Source {
  const source = parseSource(text);
  if (source === null) throw usage(`'${text}' is no source: write partition@offset, like 2@1841`);
  return source;
}

/** `name=value`; the value may hold more `=`. @throws USAGE */
export function parseHeaderText(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw usage(`'${text}' is no header: write name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** A typed line as arguments: blanks separate, quotes of either kind hold together, a backslash takes the next as it is. */
export function parseCommandLine(line: string): string[] {
  const found = line.match(/(?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? [];
  return found.map((word) =>
    word.replace(/"((?:\\.|[^"])*)"|'([^']*)'|\\(.)/g, (_whole, double, single, escaped) =>
      double === undefined ? (single ?? escaped) : double.replace(/\\(.)/g, '$1'),
    ),
  );
}

function usage(detail: string): MillraceError {
  return new MillraceError('USAGE', { detail });
}
