import type { RunManifest } from '../contract/run.ts';

export type Cell = string | number | null;

/** RFC 4180: quoted where a comma, quote or line break asks for it; numbers in full precision, null empty. */
const written = (cell: Cell): string => {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/**
 * A CSV file whose first line is `# manifest: ` and the run's manifest as JSON, the second the column names. Read it
 * with `pandas.read_csv(file, skiprows=1)` or `polars.read_csv(file, skip_rows=1)`.
 */
export const csvFile = (
  manifest: RunManifest,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): string =>
  [`# manifest: ${JSON.stringify(manifest)}`, ...[columns, ...rows].map((row) => row.map(written).join(','))]
    .map((line) => `${line}\n`)
    .join('');
