import { type Columns, filledColumns, PLAIN_NAMES, shownCell } from '../figures/columns.ts';
import { maxOf } from '../statistics/extremes.ts';
import { terminalText } from './terminal-text.ts';

/** Columns padded with spaces; numbers and their headings are right-aligned. */
export const textTable = (
  headings: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string => {
  const cells = rows.map((row) => row.map((cell) => (cell === null ? '-' : String(cell))));
  const isNumeric = headings.map((_, column) =>
    rows.every(
      (row) =>
        row[column] === null ||
        typeof row[column] === 'number' ||
        /^[-+]?[\d.,]+(?:e[-+]?\d+)?$/.test(String(row[column])),
    ),
  );
  const widths = headings.map((heading, column) =>
    maxOf([heading.length, ...cells.map((row) => row[column]?.length ?? 0)]),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(headings), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
};

/** The columns of a document that have something to say about its rows. */
export const columnsTable = <T>(columns: Columns<T>, rows: readonly T[]): string => {
  const filled = filledColumns(columns, rows);
  return textTable(
    filled.map(([, , shown]) => terminalText(shown?.title ?? '')),
    rows.map((row) =>
      filled.map((column) => {
        const cell = shownCell(column, row, PLAIN_NAMES);
        return cell === null || column[2]?.text === undefined ? cell : terminalText(String(cell));
      }),
    ),
  );
};

/** Names and values, one pair a line. */
export const textList = (entries: readonly (readonly [string, string | number])[]): string => {
  const width = maxOf(entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${String(value)}`).join('\n');
};
