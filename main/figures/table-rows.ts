import { tsvFormatRows } from 'd3-dsv';
import { type Cell, type Column, type Columns, heading, type Names, shownCell } from './columns.ts';
import { spreadsheetText } from './csv.ts';

// Sorting, filtering and copying, for every table of the window.

export interface TableSort {
  readonly column: string;
  readonly descending: boolean;
}

/** The sort after a choice of a column's heading: ascending, then descending, then the table's own order. */
export const nextSort = (sort: TableSort | null, column: string): TableSort | null => {
  if (sort?.column !== column) return { column, descending: false };
  return sort.descending ? null : { column, descending: true };
};

const collator = new Intl.Collator('en', { numeric: true });

/** Orders two cells that are not empty: numbers by size and before texts; texts by alphabet, digits in them by size. */
const compareFilled = (left: string | number, right: string | number): number => {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'number') return -1;
  return typeof right === 'number' ? 1 : collator.compare(left, right);
};

const isEmpty = (cell: Cell): cell is null | '' => cell === null || cell === '' || Number.isNaN(cell);

/** Sorts rows by a cell of each. Empty cells come last in both directions; equal rows keep their order. */
export const sortedBy = <T>(rows: readonly T[], cellOf: (row: T) => Cell, descending: boolean): readonly T[] =>
  rows
    .map((row) => ({ row, cell: cellOf(row) }))
    .sort((left, right) => {
      if (isEmpty(left.cell)) return isEmpty(right.cell) ? 0 : 1;
      if (isEmpty(right.cell)) return -1;
      const order = compareFilled(left.cell, right.cell);
      return descending ? -order : order;
    })
    .map(({ row }) => row);

/** The cell by which a column is sorted: its value, or its text where it has only that. */
export const sortCell = <T>(column: Column<T>, row: T, names: Names): Cell =>
  column[1] === null ? shownCell(column, row, names) : column[1](row);

/** The rows in which every word of a text occurs in some cell, whatever its case. */
export const rowsWith = <T>(
  rows: readonly T[],
  text: string,
  cellsOf: (row: T) => readonly (string | number | null)[],
): readonly T[] => {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const found = cellsOf(row).join('\n').toLowerCase();
    return words.every((word) => found.includes(word));
  });
};

/** Rows as tab-separated text for a spreadsheet; texts that begin a formula are made plain, as in CSV files. */
export const tsvText = (rows: readonly (readonly Cell[])[]): string =>
  `${tsvFormatRows(
    rows.map((cells) => cells.map((cell) => (typeof cell === 'string' ? spreadsheetText(cell) : String(cell ?? '')))),
  )}\n`;

/** A table as it is shown, with numbers in full precision, as tab-separated text. */
export const tableTsv = <T>(columns: Columns<T>, rows: readonly T[], names: Names): string =>
  tsvText([
    columns.map(([name, , shown]) => heading(shown?.title ?? name)),
    ...rows.map((row) =>
      columns.map((column) => {
        const value = column[1]?.(row) ?? null;
        return typeof value === 'number' ? value : shownCell(column, row, names);
      }),
    ),
  ]);
