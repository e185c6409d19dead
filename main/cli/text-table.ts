/** Columns padded with spaces; numbers (and headings over them) to the right. */
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
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0)),
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

/** Names and values, one a line. */
export const textList = (entries: readonly (readonly [string, string | number])[]): string => {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${String(value)}`).join('\n');
};

/** 1234567 -> "1,234,567". */
export const printedCount = (count: number): string => Math.round(count).toLocaleString('en-US');

export const printedBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${String(Number((bytes / 1000 ** power).toPrecision(3)))} ${units[power] ?? ''}`;
};

export const printedShare = (share: number): string => `${(100 * share).toFixed(1)} %`;
