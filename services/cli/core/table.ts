// Table: rows of text as aligned columns.
// Invariant: every line has the same columns; a table that is wider than the terminal gives way in its widest columns.

import { shownLength } from './printable.ts';

export interface TableOptions {
  /** Columns of the terminal; null: as wide as it needs to be. */
  readonly width: number | null;
  /** Indices of columns that hold numbers. */
  readonly right?: readonly number[];
  readonly styleHeader?: (text: string) => string;
}

const GAP = '  ';
/** A column is not squeezed below this. */
const COLUMN_CHARS_MIN = 8;

/** Lines of the table, header first. Cells are printable; colours in them do not count. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string[] {
  const natural = header.map((title, column) =>
    Math.max(shownLength(title), ...rows.map((row) => shownLength(row[column] ?? ''))),
  );
  const widths = squeeze(natural, options.width);
  const right = new Set(options.right ?? []);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0, right.has(column)))
      .join(GAP)
      .trimEnd();
  return [(options.styleHeader ?? ((text) => text))(line(header)), ...rows.map(line)];
}

/** Takes from the widest column until all fit or none has anything to give. */
function squeeze(natural: readonly number[], width: number | null): number[] {
  const widths = [...natural];
  if (width === null) return widths;
  let excess = widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1) - width;
  for (; excess > 0; excess--) {
    const widest = Math.max(...widths);
    if (widest <= COLUMN_CHARS_MIN) break;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
  return widths;
}

function pad(cell: string, width: number, right: boolean): string {
  const length = shownLength(cell);
  if (length > width) return `${[...cell].slice(0, Math.max(0, width - 1)).join('')}…`;
  const blank = ' '.repeat(width - length);
  return right ? blank + cell : cell + blank;
}
