// Part `comparator`: how fast pairs are joined and folded, and what memory that takes, without any bus.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, type Verdict } from '../report.ts';

const PAIRS_PER_SECOND_MIN = 50_000;
const PENDING_BYTES_MAX = 200;
/** Above chance, five bytes for each answer; request ids that are never let go make it 50 %. */
const GROWTH_PERCENT_MAX = 5;

export type Kind = 'fold-avro' | 'fold-json' | 'pending' | 'pending-own-ids' | 'absent';

/** A figure that was taken once per repeat. */
export interface Figure {
  readonly words: string;
  readonly values: readonly number[];
  /** Behind the point, in tables. */
  readonly digits: number;
  readonly bar: string;
  readonly verdict: Verdict | null;
}

interface Row {
  readonly kind: Kind;
  readonly words: string;
  readonly digits: number;
  /** Null: a figure without a bar. */
  readonly bar: { readonly words: string; readonly isMet: (figure: number) => boolean } | null;
}

const atMost = (max: number) => ({
  words: `≤ ${max}`,
  isMet: (figure: number) => figure <= max,
});

const ROWS: readonly Row[] = [
  {
    kind: 'fold-avro',
    words: 'pairs per CPU-second, Avro',
    digits: 0,
    bar: { words: `≥ ${PAIRS_PER_SECOND_MIN}`, isMet: (figure) => figure >= PAIRS_PER_SECOND_MIN },
  },
  { kind: 'fold-json', words: 'pairs per CPU-second, JSON', digits: 0, bar: null },
  {
    kind: 'pending',
    words: 'resident bytes of a waiting answer, without its outputs',
    digits: 0,
    bar: atMost(PENDING_BYTES_MAX),
  },
  {
    kind: 'pending-own-ids',
    words: 'the same, with a request id of its own',
    digits: 0,
    bar: atMost(PENDING_BYTES_MAX),
  },
  {
    kind: 'absent',
    words: 'growth of memory while the shadow is away for an hour, %',
    digits: 1,
    bar: atMost(GROWTH_PERCENT_MAX),
  },
];

/** @param say told after each repeat */
export async function comparatorPart(repeats: number, say: (line: string) => void): Promise<Figure[]> {
  const taken = ROWS.map((row) => ({ row, values: [] as number[] }));
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const { row, values } of taken) values.push(await figureOf(row.kind));
    say(`repeat ${repeat}: ${taken.map(({ row, values }) => values.at(-1)?.toFixed(row.digits)).join(', ')}`);
  }
  return taken.map(({ row, values }) => ({
    words: row.words,
    values,
    digits: row.digits,
    bar: row.bar?.words ?? '–',
    verdict: row.bar === null ? null : row.bar.isMet(median(values)) ? 'met' : 'missed',
  }));
}

/** A markdown table. */
export function renderFigures(part: string, figures: readonly Figure[]): string {
  const rows = figures.map(({ words, values, digits, bar, verdict }) => {
    const range = `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
    return `| ${words} | ${median(values).toFixed(digits)} | ${range} | ${bar} | ${verdict === 'missed' ? '**missed**' : (verdict ?? '')} |`;
  });
  return [`| ${part} | median | range | bar | |`, '|---|---:|---:|---:|---|', ...rows, ''].join('\n');
}

async function figureOf(kind: Kind): Promise<number> {
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [kind], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const messages: { figure: number }[] = [];
  child.on('message', (message: { figure: number }) => messages.push(message));
  await once(child, 'close');
  return messages[0]?.figure ?? Number.NaN;
}
