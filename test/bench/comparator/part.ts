// Part `comparator`: how fast pairs are joined and folded, and what a waiting answer costs, without any bus.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, type Verdict } from '../report.ts';
import type { AnswerFormat } from './answers.ts';

const PAIRS_PER_SECOND_MIN = 50_000;
const PENDING_BYTES_MAX = 200;

/** A figure that was taken once per repeat. */
export interface Figure {
  readonly words: string;
  readonly values: readonly number[];
  /** Behind the point, in tables. */
  readonly digits: number;
  readonly bar: string;
  readonly verdict: Verdict | null;
}

/** @param say told after each repeat */
export async function comparatorPart(repeats: number, say: (line: string) => void): Promise<Figure[]> {
  const [avro, json, bytes]: [number[], number[], number[]] = [[], [], []];
  for (let repeat = 1; repeat <= repeats; repeat++) {
    avro.push(await figureOf('fold', 'avro'));
    json.push(await figureOf('fold', 'json'));
    bytes.push(await figureOf('pending', 'avro'));
    say(`repeat ${repeat}: ${[avro, json, bytes].map((all) => all.at(-1)?.toFixed(0)).join(', ')}`);
  }
  return [
    {
      words: 'pairs per CPU-second, Avro',
      values: avro,
      digits: 0,
      bar: `≥ ${PAIRS_PER_SECOND_MIN}`,
      verdict: median(avro) >= PAIRS_PER_SECOND_MIN ? 'met' : 'missed',
    },
    { words: 'pairs per CPU-second, JSON', values: json, digits: 0, bar: '–', verdict: null },
    {
      words: 'resident bytes of a waiting answer, without its outputs',
      values: bytes,
      digits: 0,
      bar: `≤ ${PENDING_BYTES_MAX}`,
      verdict: median(bytes) <= PENDING_BYTES_MAX ? 'met' : 'missed',
    },
  ];
}

/** A markdown table. */
export function renderFigures(part: string, figures: readonly Figure[]): string {
  const rows = figures.map(({ words, values, digits, bar, verdict }) => {
    const range = `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
    return `| ${words} | ${median(values).toFixed(digits)} | ${range} | ${bar} | ${verdict === 'missed' ? '**missed**' : (verdict ?? '')} |`;
  });
  return [`| ${part} | median | range | bar | |`, '|---|---:|---:|---:|---|', ...rows, ''].join('\n');
}

async function figureOf(kind: 'fold' | 'pending', format: AnswerFormat): Promise<number> {
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [kind, format], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const messages: { figure: number }[] = [];
  child.on('message', (message: { figure: number }) => messages.push(message));
  await once(child, 'close');
  return messages[0]?.figure ?? Number.NaN;
}
