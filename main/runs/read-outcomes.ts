import { WorkbenchError } from '../contract/errors.ts';
import {
  byFidelityField,
  fidelityFields,
  type ItemFidelity,
  type ItemOutcome,
  type ScoredOutcome,
  tokenClasses,
  type WrittenOutcome,
} from '../contract/outcome.ts';
import { isSamePoint, type PointName } from '../contract/sweep.ts';
import type { StoredOutcome } from '../evaluation/followed-outcome.ts';
import { openParquet, type ParquetColumns, type ParquetReader } from '../files/parquet-reader.ts';
import { isLack } from '../files/process-limits.ts';

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
const ITEM_COLUMNS = [
  ...[
    'item',
    'answer',
    'also_right',
    'chosen',
    'chosen_norm',
    'correct',
    'correct_norm',
    'logprobs',
    'truncated_tokens',
  ],
  ...['logprob', 'tokens', 'written', 'filtered', 'stopped', 'item_group'],
  ...['loop_token', 'loop_character', 'loop_period'],
  ...Object.values(fidelityFields).map(({ column }) => column),
  ...['class_positions', 'class_kl', 'class_changed'],
];

/** A row of a group of rows, read by column. */
class Row {
  readonly #columns: ParquetColumns;
  readonly #at: number;

  constructor(columns: ParquetColumns, at: number) {
    this.#columns = columns;
    this.#at = at;
  }

  get(column: string): unknown {
    return this.#columns[column]?.(this.#at);
  }
}

const wrong = (row: Row, column: string): TypeError =>
  new TypeError(
    `the column ${column} contains ${row.get(column) === undefined ? 'nothing' : JSON.stringify(row.get(column))}`,
  );

const text = (row: Row, column: string): string => {
  const value = row.get(column);
  if (typeof value === 'string') return value;
  throw wrong(row, column);
};
const number = (row: Row, column: string): number => {
  const value = row.get(column);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw wrong(row, column);
};
const truth = (row: Row, column: string): boolean => {
  const value = row.get(column);
  if (typeof value === 'boolean') return value;
  throw wrong(row, column);
};
const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'number' && Number.isFinite(entry));
const numbers = (row: Row, column: string): readonly number[] => {
  const value = row.get(column);
  if (isNumbers(value) && value.length > 0) return value;
  throw wrong(row, column);
};

const ENDINGS: ReadonlySet<string> = new Set<WrittenOutcome['stopped']>(['until', 'end', 'length']);
const isEnding = (value: string): value is WrittenOutcome['stopped'] => ENDINGS.has(value);
const ending = (row: Row): WrittenOutcome['stopped'] => {
  const value = text(row, 'stopped');
  if (isEnding(value)) return value;
  throw wrong(row, 'stopped');
};

/** Earlier versions recorded no loops: the columns are absent, or the first is -1. */
const loopIn = (row: Row): Pick<WrittenOutcome, 'loop'> => {
  const first = row.get('loop_token');
  if (first === undefined || first === -1) return {};
  if (first === null) return { loop: null };
  const period = row.get('loop_period');
  const loop = { token: number(row, 'loop_token'), character: number(row, 'loop_character') };
  return { loop: { ...loop, period: isEmpty(period) ? null : number(row, 'loop_period') } };
};

/** Absent where the sweep did not measure it, and in files of earlier versions. */
const fidelityIn = (row: Row): Pick<ScoredOutcome, 'fidelity'> =>
  isEmpty(row.get('scored_positions'))
    ? {}
    : {
        fidelity: {
          ...byFidelityField((name) => number(row, fidelityFields[name].column)),
          ...classesIn(row),
        },
      };

/** Absent in files of earlier versions. */
const classesIn = (row: Row): Pick<ItemFidelity, 'classes'> => {
  if (isEmpty(row.get('class_positions'))) return {};
  const [positions, kl, changed] = [
    numbers(row, 'class_positions'),
    numbers(row, 'class_kl'),
    numbers(row, 'class_changed'),
  ];
  const found = tokenClasses.flatMap((name, index) => {
    const count = positions[index] ?? 0;
    return count === 0
      ? []
      : [[name, { positions: count, kl: kl[index] ?? NaN, changed: changed[index] ?? NaN }] as const];
  });
  return { classes: Object.fromEntries(found) };
};

const isEmpty = (value: unknown): boolean => value === null || value === undefined;

/** Columns that only some kinds of items fill are null for the others. */
const storedOf = (row: Row): StoredOutcome => {
  const id = text(row, 'item');
  if (!isEmpty(row.get('written'))) {
    const outcome: ItemOutcome = {
      kind: 'written',
      id,
      text: text(row, 'written'),
      filtered: text(row, 'filtered'),
      correct: truth(row, 'correct'),
      tokens: number(row, 'tokens'),
      stopped: ending(row),
      ...loopIn(row),
      truncatedTokens: number(row, 'truncated_tokens'),
      ...(isEmpty(row.get('item_group')) ? {} : { group: text(row, 'item_group') }),
      ...fidelityIn(row),
    };
    return { outcome, correct: null, correctNorm: null };
  }
  if (isEmpty(row.get('chosen'))) {
    const outcome: ItemOutcome = {
      kind: 'text',
      id,
      logprob: number(row, 'logprob'),
      tokens: number(row, 'tokens'),
      ...fidelityIn(row),
    };
    return { outcome, correct: null, correctNorm: null };
  }
  const outcome: ItemOutcome = {
    kind: 'choice',
    id,
    logprobs: numbers(row, 'logprobs'),
    chosen: number(row, 'chosen'),
    chosenNorm: number(row, 'chosen_norm'),
    answer: number(row, 'answer'),
    ...(isEmpty(row.get('also_right')) ? {} : { alsoRight: numbers(row, 'also_right') }),
    truncatedTokens: number(row, 'truncated_tokens'),
    // Absent in files of earlier versions.
    ...(isEmpty(row.get('item_group')) ? {} : { group: text(row, 'item_group') }),
    ...fidelityIn(row),
  };
  return { outcome, correct: truth(row, 'correct'), correctNorm: truth(row, 'correct_norm') };
};

const pointOf = (row: Row): PointName => ({
  model: text(row, 'model'),
  task: text(row, 'task'),
  method: text(row, 'method'),
  seed: isEmpty(row.get('seed')) ? null : number(row, 'seed'),
  factor: number(row, 'factor'),
});

const blockOf = (point: PointName, kept: number, stored: readonly StoredOutcome[]): PointOutcomes => ({
  point,
  kept,
  stored,
  outcomes: stored.map(({ outcome }) => outcome),
});

/** Limits of a run: candidates times items, and bytes of its outcomes. */
const LIMITS = { mostRows: 500_000_000, mostBytes: 2 ** 40 };

/** The error of a file that is not what was written; a lack of files, memory or threads is told as it is. */
const damaged = (file: string, cause: unknown): unknown =>
  isLack(cause)
    ? cause
    : new WorkbenchError(
        'outcomes-damaged',
        'failed',
        `${file} was changed or damaged after it was written.`,
        'Delete it and resume the run: its steps are kept.',
        { cause },
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
    found.push({ point: pointOf(first), kept: number(first, 'kept'), start, end: row });
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
    if (cause instanceof WorkbenchError && cause.code === 'missing-file') return null;
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
          if (open !== null && goesOn && open.kept !== kept) throw wrong(new Row(names, start), 'kept');
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
