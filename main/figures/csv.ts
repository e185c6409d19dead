import { csvFormatRows } from 'd3-dsv';
import type { Cell, Columns } from './columns.ts';
import { type FigureManifest, manifestJson } from './figure-manifest.ts';

/** Prefixes a text that a spreadsheet would read as a formula with an apostrophe, which makes it text. */
export const spreadsheetText = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const written = (cells: readonly Cell[]): string[] =>
  cells.map((cell) => (cell === null ? '' : typeof cell === 'string' ? spreadsheetText(cell) : String(cell)));

/**
 * A CSV file. The first line is `# manifest: ` and the manifest as JSON, the second the column names; then RFC 4180
 * rows with numbers in full precision, null empty, texts that begin a formula prefixed by an apostrophe, and line feeds
 * as line ends. Read it with `pandas.read_csv(file, skiprows=1)` or `polars.read_csv(file, skip_rows=1)`.
 */
export const csvFile = (
  manifest: FigureManifest,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): string => `# manifest: ${manifestJson(manifest)}\n${csvFormatRows([columns, ...rows].map(written))}\n`;

/** The same from columns that have values. */
export const csvTable = <T>(manifest: FigureManifest, columns: Columns<T>, rows: readonly T[]): string => {
  const written = columns.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  return csvFile(
    manifest,
    written.map(({ name }) => name),
    rows.map((row) => written.map(({ value }) => value(row))),
  );
};
