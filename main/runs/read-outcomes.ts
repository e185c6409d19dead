import { fail, WorkbenchError } from '../contract/errors.ts';
import {
  type Cells,
  isCell,
  type ItemOutcome,
  outcomeFields,
  outcomeOf,
  type Value,
  type ValueType,
} from '../contract/outcome.ts';
import { isSamePoint, type PointName } from '../contract/sweep.ts';
import type { StoredOutcome } from '../evaluation/followed-outcome.ts';
import { openParquet, type ParquetColumns, type ParquetReader } from '../files/parquet-reader.ts';
import { isLack } from '../files/process-limits.ts';
import { isUnread } from '../files/regular-file.ts';

/** A point and its items' outcomes, in the order of the file, which is the order of the items. */
export interface PointOutcomes {
  readonly point: PointName;
  /** Experts kept per layer, according to the file. */
  readonly kept: number;
  readonly stored: readonly StoredOutcome[];
  /** The same without the stored columns that say which are right. */
  readonly outcomes: readonly ItemOutcome[];
}

/** The columns that name a point, and the rest. */
const POINT_COLUMNS = ['model', 'task', 'method', 'seed', 'factor', 'kept'] as const;
const ITEM_COLUMNS = ['item', ...Object.values(outcomeFields).flatMap(({ columns }) => Object.keys(columns))];

/** A row of a group of rows, read by column. */
class Row implements Cells {
  readonly #columns: ParquetColumns;
  readonly #at: number;

  constructor(columns: ParquetColumns, at: number) {
    this.#columns = columns;
    this.#at = at;
  }

  hasColumn(column: string): boolean {
    return this.#columns[column]?.(this.#at) !== undefined;
  }

  read<T extends ValueType>(column: string, type: T): Value<T> | null {
    const value = this.#columns[column]?.(this.#at) ?? null;
    if (value === null || isCell(value, type)) return value;
    throw this.wrong(column);
  }

  demand<T extends ValueType>(column: string, type: T): Value<T> {
    const value = this.read(column, type);
    if (value === null) throw this.wrong(column);
    return value;
  }

  wrong(column: string): TypeError {
    const value = this.#columns[column]?.(this.#at);
    return new TypeError(`the column ${column} contains ${value === undefined ? 'nothing' : JSON.stringify(value)}`);
  }
}

/** Columns that only some kinds of items fill are null for the others. */
const storedOf = (row: Row): StoredOutcome => {
  const answered = row.read('chosen', 'whole') === null ? 'text' : 'choice';
  const kind = row.read('written', 'text') === null ? answered : 'written';
  const outcome: ItemOutcome | null = outcomeOf(kind, row.demand('item', 'text'), ({ fromCells }) => fromCells(row));
  if (outcome === null) throw new Error('an outcome without a value');
  return kind === 'choice'
    ? { outcome, correct: row.demand('correct', 'truth'), correctNorm: row.demand('correct_norm', 'truth') }
    : { outcome, correct: null, correctNorm: null };
};

const pointOf = (row: Row): PointName => ({
  model: row.demand('model', 'text'),
  task: row.demand('task', 'text'),
  method: row.demand('method', 'text'),
  seed: row.read('seed', 'whole'),
  factor: row.demand('factor', 'real'),
});

const blockOf = (point: PointName, kept: number, stored: readonly StoredOutcome[]): PointOutcomes => ({
  point,
  kept,
  stored,
  outcomes: stored.map(({ outcome }) => outcome),
});

/** Limits of a run: candidates times items, and bytes of its outcomes. */
const LIMITS = { mostRows: 500_000_000, mostBytes: 2 ** 40 };

const isMissing = (cause: unknown): boolean => cause instanceof WorkbenchError && cause.code === 'missing-file';

/** The error of a file that is not what was written. What is gone (its run was moved) or unread is told as it is. */
const damaged = (file: string, cause: unknown): unknown =>
  isLack(cause) || isUnread(cause) || isMissing(cause)
    ? cause
    : fail(
        'outcomes-damaged',
        `${file} was changed or damaged after it was written.`,
        'Delete it and resume the run: its steps are kept.',
        cause,
      );

/** Rows from `start` to `end` (exclusive) of a group have the same point. */
interface Stretch {
  readonly point: PointName;
  readonly kept: number;
  readonly start: number;
  readonly end: number;
}

/** The stretches of equal points among the rows of a group, in order. */
const stretchesOf = (columns: ParquetColumns, rows: number): readonly Stretch[] => {
  const found: Stretch[] = [];
  const readers = POINT_COLUMNS.map((name) => columns[name] ?? ((): undefined => undefined));
  let start = 0;
  for (let row = 1; row <= rows; row++) {
    if (row < rows && readers.every((read) => read(row) === read(start))) continue;
    const first = new Row(columns, start);
    found.push({ point: pointOf(first), kept: first.demand('kept', 'real'), start, end: row });
    start = row;
  }
  return rows === 0 ? [] : found;
};

/**
 * Reads a file of writeOutcomes point by point in the order of the file, keeping one row group in memory at a time.
 * Row groups without a wanted point are read as far as needed to know that. Null where there is no such file.
 *
 * @throws WorkbenchError `outcomes-damaged`.
 */
export const readPointBlocks = async (
  file: string,
  isWanted: (point: PointName) => boolean = () => true,
): Promise<AsyncGenerator<PointOutcomes> | null> => {
  let reader: ParquetReader;
  try {
    reader = await openParquet(file, LIMITS);
  } catch (cause) {
    if (isMissing(cause)) return null;
    throw damaged(file, cause);
  }
  return (async function* () {
    let open: { readonly point: PointName; readonly kept: number; readonly stored: StoredOutcome[] } | null = null;
    try {
      let rowStart = 0;
      for (const rows of reader.facts.groups) {
        const names = await reader.columns(rowStart, rowStart + rows, POINT_COLUMNS);
        const stretches = stretchesOf(names, rows);
        const values = stretches.some(({ point }) => isWanted(point))
          ? await reader.columns(rowStart, rowStart + rows, ITEM_COLUMNS)
          : {};
        rowStart += rows;
        for (const { point, kept, start, end } of stretches) {
          // A point may go on in the next row group, and must have kept as many experts there.
          const goesOn = open !== null && isSamePoint(open.point, point);
          if (open !== null && goesOn && open.kept !== kept) throw new Row(names, start).wrong('kept');
          if (open !== null && !goesOn) yield blockOf(open.point, open.kept, open.stored);
          if (!goesOn) open = isWanted(point) ? { point, kept, stored: [] } : null;
          for (let row = start; row < end && open !== null; row++) open.stored.push(storedOf(new Row(values, row)));
        }
      }
    } catch (cause) {
      throw damaged(file, cause);
    } finally {
      await reader.close();
    }
    if (open !== null) yield blockOf(open.point, open.kept, open.stored);
  })();
};
