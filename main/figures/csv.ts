import { csvFormatRows } from 'd3-dsv';
import type { Cell, Columns } from './columns.ts';
import { escapeControls } from './escape.ts';
import { type FigureManifest, figureHeading } from './figure-manifest.ts';

/** The column of a saved table that names the run. */
export const RUN_COLUMN = 'run';

/**
 * Prefixes a text that a spreadsheet would read as a formula with an apostrophe, which makes it text, and escapes what
 * a terminal would obey.
 */
export const spreadsheetText = (text: string): string => escapeControls(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const written = (cells: readonly Cell[]): string[] =>
  cells.map((cell) => (cell === null ? '' : typeof cell === 'string' ? spreadsheetText(cell) : String(cell)));

/**
 * A CSV file: column names, then RFC 4180 rows with numbers in full precision, null empty, texts that begin a formula
 * prefixed by an apostrophe, and line feeds as line ends. `pandas.read_csv(file)` and `polars.read_csv(file)` read it
 * without options. The manifest is a file beside it.
 */
export const csvFile = (columns: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  `${csvFormatRows([columns, ...rows].map(written))}\n`;

/** The column of a saved table that says why its numbers were not measured here; absent where they were. */
const PROVENANCE_COLUMN = 'provenance';

/** The same from columns that have values, with the run of the manifest in the first column, by which it is found. */
export const csvTable = <T>(manifest: FigureManifest, columns: Columns<T>, rows: readonly T[]): string => {
  const present = columns.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  const heading = figureHeading(manifest);
  const run = 'id' in manifest && present.every(({ name }) => name !== RUN_COLUMN) ? [manifest.id] : [];
  const said = heading === null ? [] : [heading];
  return csvFile(
    [...run.map(() => RUN_COLUMN), ...said.map(() => PROVENANCE_COLUMN), ...present.map(({ name }) => name)],
    rows.map((row) => [...run, ...said, ...present.map(({ value }) => value(row))]),
  );
};
