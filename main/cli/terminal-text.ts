import type { MetricName } from '../contract/task.ts';
import {
  bareFactor,
  formatBytes,
  formatCount,
  formatDifference,
  formatInterval,
  formatPercent,
  formatValue,
} from '../words/numbers.ts';
import { type Columns, filledColumns, PLAIN_NAMES, shownCell } from '../figures/columns.ts';
import { maxOf } from '../statistics/extremes.ts';

/** Rewrites words and numbers of charts and reports in characters that every terminal has and scripts can read. */
export const terminalText = (text: string): string =>
  text
    .replaceAll(/(?<=\d)\u202f(?=\d)/g, ',')
    .replaceAll('\u202f', ' ')
    .replaceAll(/[\u2212\u2013]/g, '-')
    .replaceAll('\u2265', '>=')
    .replaceAll('\u00d7', 'x')
    .replaceAll('\u2192', 'to')
    .replaceAll('\u03b4', 'delta')
    .replaceAll('\u2026', '...');

/** 1234567 -> "1,234,567". */
export const printedCount = (count: number): string => terminalText(formatCount(count));
export const printedBytes = (bytes: number): string => terminalText(formatBytes(bytes));
export const printedShare = (share: number): string => terminalText(formatPercent(share));
export const printedFactor = (factor: number): string => bareFactor(factor);
export const printedValue = (value: number, metric: MetricName): string => terminalText(formatValue(value, metric));
export const printedDifference = (value: number, metric: MetricName): string =>
  terminalText(formatDifference(value, metric));
export const printedInterval = (
  interval: { readonly low: number; readonly high: number },
  metric: MetricName,
): string => terminalText(formatInterval(interval, metric));

/** A moment of a file, as the clock of no place: "2026-12-04 22:17:48 UTC". */
export const printedMoment = (iso: string): string => `${iso.slice(0, 19).replace('T', ' ')} UTC`;

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
