import { present } from '../contract/errors.ts';
import type { MetricName } from '../contract/task.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import {
  counted,
  bareFactor,
  formatCount,
  formatDifference,
  formatFixed,
  formatInterval,
  formatPercent,
  formatProbability,
  formatValue,
} from '../words/numbers.ts';

export type Cell = string | number | null;

/** How tasks and methods are called: by their names, or by their titles. */
export interface Names {
  readonly task: (name: string) => string;
  readonly method: (label: string) => string;
}

export const PLAIN_NAMES: Names = { task: (name) => name, method: (label) => label };

/** A column for readers: in the window, in reports and in the terminal. */
export interface Shown<T> {
  /** In lower case; the window begins it with a capital. */
  readonly title: string;
  /** Name of the definition that the window shows with the title. */
  readonly definition?: string;
  /** Aligns numbers right. */
  readonly numeric?: boolean;
  /** The cell in words, null where there is nothing to say; by default the value itself. */
  readonly text?: (row: T, names: Names) => Cell;
  /** The cell of several rows that differ in it; by default `spreadCell`'s. */
  readonly spread?: (rows: readonly T[]) => Cell;
}

/**
 * A column of a document: its name and values in CSV, in full precision (null: it is not in CSV), and how it is shown
 * (absent: it is in CSV only).
 */
export type Column<T> = readonly [name: string, value: ((row: T) => Cell) | null, shown?: Shown<T>];
export type Columns<T> = readonly Column<T>[];

/** A column whose shown part takes several lines. */
export const column = <T>(name: string, value: ((row: T) => Cell) | null, shown: Shown<T>): Column<T> => [
  name,
  value,
  shown,
];

/** A right-aligned column. */
export const amount = <T>(title: string, text?: (row: T, names: Names) => Cell, definition?: string): Shown<T> => ({
  title,
  numeric: true,
  ...(text === undefined ? {} : { text }),
  ...(definition === undefined ? {} : { definition }),
});

/** A column of numbers: in full precision in CSV, formatted for readers, empty where there is none. */
export const number = <T>(
  name: string,
  value: (row: T) => number | null | undefined,
  title: string,
  format: (value: number, row: NoInfer<T>) => Cell,
  definition?: string,
): Column<T> => {
  const text = (row: T): Cell => {
    const found = value(row);
    return found === null || found === undefined ? null : format(found, row);
  };
  return [name, (row) => value(row) ?? null, amount(title, text, definition)];
};

/** `number` of a field of the row, under its name in snake case. */
export const field = <Name extends string, Row = object>(
  name: Name,
  title: string,
  format: (value: number, row: Row) => Cell,
  definition?: string,
): Column<Row & Readonly<Record<Name, number | null | undefined>>> =>
  number(snakeCase(name), (row) => row[name], title, format, definition);

export const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Columns of CSV alone, each a field under its name in snake case. */
export const plain = <Name extends string>(...names: readonly Name[]): Columns<Readonly<Record<Name, Cell>>> =>
  names.map((name) => [snakeCase(name), (row) => row[name]]);

/** Columns of CSV alone, each a field of a part of the row under `prefix` and its name; empty without the part. */
export const plainParts = <T, Name extends string>(
  prefix: string,
  partOf: (row: T) => Readonly<Record<Name, Cell>> | undefined,
  ...names: readonly Name[]
): Columns<T> => names.map((name) => [`${prefix}_${snakeCase(name)}`, (row) => partOf(row)?.[name] ?? null]);

interface Measured {
  readonly metric: MetricName;
}
/** Formats of `number` in the units of the row's metric. */
export const inUnits = (value: number, { metric }: Measured): string => formatValue(value, metric);
export const asDifference = (value: number, { metric }: Measured): string => formatDifference(value, metric);
export const inPercent = (share: number): string => formatPercent(share);
export const inThousandths = (value: number): string => formatFixed(value, 3);

/** Whether so many of the unpruned model's texts ran out of tokens that truncation was measured. */
export const truncationColumn = <T>(isTruncated: (row: T) => boolean): Column<T> => [
  'truncation_measured',
  (row) => String(isTruncated(row)),
  { title: 'truncation measured', text: (row) => (isTruncated(row) ? 'yes' : null) },
];

/** The columns with these names (separated by spaces), in this order. */
export const pick = <T>(columns: Columns<T>, names: string): Columns<T> =>
  names.split(' ').map((wanted) =>
    present(
      columns.find(([name]) => name === wanted),
      `there is no column ${wanted}`,
    ),
  );

/** A cell for readers; null where there is nothing to say. */
export const shownCell = <T>([, value, shown]: Column<T>, row: T, names: Names): Cell =>
  shown?.text === undefined ? (value?.(row) ?? null) : shown.text(row, names);

/** The columns for readers that are not empty in at least one of these rows. */
export const filledColumns = <T>(columns: Columns<T>, rows: readonly T[]): Columns<T> =>
  columns.filter(
    (column) => column[2] !== undefined && rows.some((row) => (shownCell(column, row, PLAIN_NAMES) ?? '') !== ''),
  );

/** A title as a heading: "task" becomes "Task"; symbols such as n and p stay. */
export const heading = (title: string): string => title.replace(/^[a-z](?=[a-z])/, (letter) => letter.toUpperCase());

/**
 * The cell of several rows: what they have in common, else their spread, from the text of the smallest value to that of
 * the largest; null where they have none.
 */
export const spreadCell = <T>(column: Column<T>, rows: readonly T[], names: Names): Cell => {
  const [, value, shown] = column;
  const texts = rows.map((row) => shownCell(column, row, names));
  const [first = null] = texts;
  if (texts.every((text) => text === first)) return first;
  if (shown?.spread !== undefined) return shown.spread(rows);
  const numbers = rows.flatMap((row, index) => {
    const number = value?.(row);
    return typeof number === 'number' ? [{ number, text: texts[index] }] : [];
  });
  const [least, ...others] = numbers.sort((left, right) => left.number - right.number);
  const most = others.at(-1);
  return least === undefined || most === undefined ? null : `${String(least.text)} to ${String(most.text)}`;
};

export const modelColumn: Column<{ readonly model: string }> = ['model', ({ model }) => model, { title: 'model' }];
export const taskColumn: Column<{ readonly task: string }> = [
  'task',
  ({ task }) => task,
  { title: 'task', text: ({ task }, names) => names.task(task) },
];
export const methodColumn: Column<{ readonly method: string }> = [
  'method',
  ({ method }) => method,
  { title: 'method', text: ({ method }, names) => names.method(method) },
];
export const seedColumn: Column<{ readonly seed: number | null }> = [
  'seed',
  ({ seed }) => seed,
  { title: 'seed', numeric: true, definition: 'seed', spread: (rows) => counted(rows.length, 'draw') },
];
export const factorColumn = field('factor', 'factor', bareFactor, 'factor');
export const keptColumn = field('kept', 'kept', bareFactor, 'keptExperts');
export const itemsColumn = field('n', 'n', formatCount, 'items');
export const pColumn = field('p', 'p', formatProbability, 'mcnemar');

export const lostGainedColumns: Columns<{ readonly lost: number; readonly gained: number }> = [
  ['lost', ({ lost }) => lost, amount('lost', undefined, 'lostGained')],
  ['gained', ({ gained }) => gained, amount('gained', undefined, 'lostGained')],
];

interface Difference extends Measured {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/** A difference and its two-sided interval in one cell; of several draws the interval that spans those of all. */
export const differenceColumns = (definition: string): Columns<Difference> => [
  field('difference', 'difference', asDifference, definition),
  column('interval', null, {
    ...amount<Difference>('95 % interval', (row) => formatInterval(row, row.metric), definition),
    spread: (rows) => {
      const [low, high] = [minOf(rows.map((row) => row.low)), maxOf(rows.map((row) => row.high))];
      return formatInterval({ low, high }, rows[0]?.metric ?? 'acc');
    },
  }),
  ...plain('low', 'high'),
];
