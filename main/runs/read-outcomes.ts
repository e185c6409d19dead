import { WorkbenchError } from '../contract/errors.ts';
import type { ItemOutcome, WrittenOutcome } from '../contract/outcome.ts';
import type { StoredOutcome } from '../evaluation/followed-outcome.ts';
import { openParquet, type ParquetReader } from '../files/parquet-reader.ts';

/** Names the candidate and task of a row. */
export interface OutcomePoint {
  readonly model: string;
  readonly task: string;
  readonly method: string;
  readonly seed: number | null;
  readonly factor: number;
}

/** A point and its items' outcomes, in the order of the file, which is the order of the items. */
export interface PointOutcomes {
  readonly point: OutcomePoint;
  /** Experts kept per layer, according to the file. */
  readonly kept: number;
  readonly stored: readonly StoredOutcome[];
  /** The same without the stored columns that say which are right. */
  readonly outcomes: readonly ItemOutcome[];
}

const COLUMNS = [
  ...['model', 'task', 'method', 'seed', 'factor', 'kept', 'item', 'answer', 'chosen', 'chosen_norm', 'correct'],
  ...['correct_norm', 'logprobs', 'truncated_tokens', 'logprob', 'tokens', 'written', 'filtered', 'stopped'],
  'item_group',
];

type Row = Record<string, unknown>;

const wrong = (row: Row, column: string): TypeError =>
  new TypeError(`the column ${column} contains ${row[column] === undefined ? 'nothing' : JSON.stringify(row[column])}`);

const text = (row: Row, column: string): string => {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw wrong(row, column);
};
const number = (row: Row, column: string): number => {
  const value = row[column];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw wrong(row, column);
};
const truth = (row: Row, column: string): boolean => {
  const value = row[column];
  if (typeof value === 'boolean') return value;
  throw wrong(row, column);
};
const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'number' && Number.isFinite(one));
const numbers = (row: Row, column: string): readonly number[] => {
  const value = row[column];
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

const isEmpty = (value: unknown): boolean => value === null || value === undefined;

/** Columns that only some kinds of items fill are null for the others. */
const storedOf = (row: Row): StoredOutcome => {
  const id = text(row, 'item');
  if (!isEmpty(row['written'])) {
    const outcome: ItemOutcome = {
      kind: 'written',
      id,
      text: text(row, 'written'),
      filtered: text(row, 'filtered'),
      correct: truth(row, 'correct'),
      tokens: number(row, 'tokens'),
      stopped: ending(row),
      truncatedTokens: number(row, 'truncated_tokens'),
    };
    return { outcome, correct: null, correctNorm: null };
  }
  if (isEmpty(row['chosen'])) {
    const outcome: ItemOutcome = { kind: 'text', id, logprob: number(row, 'logprob'), tokens: number(row, 'tokens') };
    return { outcome, correct: null, correctNorm: null };
  }
  const outcome: ItemOutcome = {
    kind: 'choice',
    id,
    logprobs: numbers(row, 'logprobs'),
    chosen: number(row, 'chosen'),
    chosenNorm: number(row, 'chosen_norm'),
    answer: number(row, 'answer'),
    truncatedTokens: number(row, 'truncated_tokens'),
    // Absent in files of earlier versions.
    ...(isEmpty(row['item_group']) ? {} : { group: text(row, 'item_group') }),
  };
  return { outcome, correct: truth(row, 'correct'), correctNorm: truth(row, 'correct_norm') };
};

const pointOf = (row: Row): OutcomePoint => ({
  model: text(row, 'model'),
  task: text(row, 'task'),
  method: text(row, 'method'),
  seed: isEmpty(row['seed']) ? null : number(row, 'seed'),
  factor: number(row, 'factor'),
});

const isOf = (row: Row, point: OutcomePoint): boolean =>
  row['factor'] === point.factor &&
  row['method'] === point.method &&
  row['task'] === point.task &&
  row['model'] === point.model &&
  (row['seed'] ?? null) === point.seed;

const blockOf = (point: OutcomePoint, kept: number, stored: readonly StoredOutcome[]): PointOutcomes => ({
  point,
  kept,
  stored,
  outcomes: stored.map(({ outcome }) => outcome),
});

/** Limits of a run: candidates times items, and bytes of its outcomes. */
const LIMITS = { mostRows: 500_000_000, mostBytes: 2 ** 40 };

const damaged = (file: string, cause: unknown): WorkbenchError =>
  new WorkbenchError(
    'outcomes-damaged',
    'failed',
    `${file} is not what was written there.`,
    'Delete it and resume the run: its steps are kept.',
    { cause },
  );

/** Rows of the file by row group; null where there is no such file. */
const openRowGroups = async (file: string): Promise<AsyncGenerator<readonly Row[]> | null> => {
  let reader: ParquetReader;
  try {
    reader = await openParquet(file, LIMITS);
  } catch (cause) {
    if (cause instanceof WorkbenchError && cause.code === 'missing-file') return null;
    throw damaged(file, cause);
  }
  return (async function* () {
    try {
      // Files of earlier versions lack the columns of written answers.
      const names = new Set(reader.facts.names);
      const columns = COLUMNS.filter((name) => names.has(name));
      let rowStart = 0;
      for (const rows of reader.facts.groups) {
        yield await reader.rows(rowStart, rowStart + rows, columns);
        rowStart += rows;
      }
    } finally {
      await reader.close();
    }
  })();
};

/**
 * Reads a file of writeOutcomes point by point in the order of the file, keeping one row group in memory at a time;
 * unwanted points are skipped. Null where there is no such file.
 *
 * @throws WorkbenchError `outcomes-damaged`.
 */
export const readPointBlocks = async (
  file: string,
  isWanted: (point: OutcomePoint) => boolean = () => true,
): Promise<AsyncGenerator<PointOutcomes> | null> => {
  const groups = await openRowGroups(file);
  if (groups === null) return null;
  return (async function* () {
    let open: { readonly point: OutcomePoint; readonly kept: number; readonly stored: StoredOutcome[] | null } | null =
      null;
    try {
      for await (const rows of groups) {
        for (const row of rows) {
          if (open !== null && !isOf(row, open.point)) {
            const { point, kept, stored } = open;
            open = null;
            if (stored !== null) yield blockOf(point, kept, stored);
          }
          if (open === null) {
            const point = pointOf(row);
            open = { point, kept: number(row, 'kept'), stored: isWanted(point) ? [] : null };
          }
          if (row['kept'] !== open.kept) throw wrong(row, 'kept');
          open.stored?.push(storedOf(row));
        }
      }
    } catch (cause) {
      throw damaged(file, cause);
    }
    if (open?.stored) yield blockOf(open.point, open.kept, open.stored);
  })();
};
