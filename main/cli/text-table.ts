import { maxOf } from '../statistics/extremes.ts';

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

/** Names and values, one pair a line. */
export const textList = (entries: readonly (readonly [string, string | number])[]): string => {
  const width = maxOf(entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${String(value)}`).join('\n');
};
