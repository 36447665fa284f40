// Output: results on standard output as a table, JSON or YAML; messages on standard error.
// Invariant: standard output holds results and nothing else; in JSON a single result is one value, a stream is one object per
//            line; in YAML a stream is one document per item.

import { stringify } from 'yaml';
import { renderTable } from './core/table.ts';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** One of the process's streams. */
export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Columns of the terminal; null where there is none. */
  readonly columns: number | null;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

export interface Output {
  readonly format: Format;
  /** Whether results go to a terminal that may be redrawn. */
  readonly live: boolean;
  /** The one result of a command. `lines` are asked for in the table format only. */
  result(value: unknown, lines: (table: Tables) => readonly string[]): void;
  /** One item of a stream. */
  item(value: unknown, line: (table: Tables) => string): void;
  /** Clears the terminal, if results go to one. */
  clear(): void;
}

/** What text results are made with. */
export interface Tables {
  /** Aligned lines, header first, no wider than the terminal. */
  table(header: readonly string[], rows: readonly (readonly string[])[], right?: readonly number[]): string[];
  /** Coloured on a terminal, else as it is. */
  style(style: Style, text: string): string;
}

const SGR: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/** @param colour whether a terminal may be coloured: no NO_COLOR in the environment */
export function createOutput(sink: Sink, format: Format, colour: boolean): Output {
  const styles = tablesFor(sink, colour);
  const print = (lines: readonly string[]) => sink.write(lines.map((line) => `${line}\n`).join(''));
  return {
    format,
    live: sink.isTerminal && format === 'table',
    result: (value, lines) => {
      switch (format) {
        case 'table':
          return print(lines(styles));
        case 'json':
          return print([JSON.stringify(value, plain, 2)]);
        case 'yaml':
          return sink.write(yamlOf(value));
      }
    },
    item: (value, line) => {
      switch (format) {
        case 'table':
          return print([line(styles)]);
        case 'json':
          return print([JSON.stringify(value, plain)]);
        case 'yaml':
          return sink.write(`---\n${yamlOf(value)}`);
      }
    },
    clear: () => {
      if (sink.isTerminal) sink.write('\u001b[H\u001b[2J');
    },
  };
}

export function tablesFor(sink: Sink, colour: boolean): Tables {
  const coloured = colour && sink.isTerminal;
  const style = (name: Style, text: string) => {
    const [on, off] = SGR[name];
    return coloured && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  };
  const styleHeader = (text: string) => style('bold', text);
  return {
    style,
    table: (header, rows, right = []) => renderTable(header, rows, { width: sink.columns, right, styleHeader }),
  };
}

/** Through JSON first, so that both formats say the same. */
function yamlOf(value: unknown): string {
  return stringify(JSON.parse(JSON.stringify(value, plain)), { lineWidth: 0 });
}

/** What JSON has no form for. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
