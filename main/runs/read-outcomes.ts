import { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import { openParquet, type ParquetReader } from '../files/parquet-reader.ts';
import type { ItemOutcome } from '../contract/outcome.ts';

/** Names the candidate and task of a row. */
const pointRow = z.object({
  model: z.string(),
  task: z.string(),
  method: z.string(),
  seed: z.number().nullable(),
  factor: z.number(),
});
export type OutcomePoint = z.infer<typeof pointRow>;

const choiceRow = z.object({
  item: z.string(),
  answer: z.number(),
  chosen: z.number(),
  chosen_norm: z.number(),
  logprobs: z.array(z.number()),
  truncated_tokens: z.number(),
  /** Absent in files of old. */
  item_group: z.string().nullish(),
});
const textRow = z.object({ item: z.string(), answer: z.null(), logprob: z.number(), tokens: z.number() });
const writtenRow = z.object({
  item: z.string(),
  answer: z.null(),
  written: z.string(),
  filtered: z.string(),
  correct: z.boolean(),
  tokens: z.number(),
  stopped: z.enum(['until', 'end', 'length']),
  truncated_tokens: z.number(),
});
const outcomeRow = z.union([choiceRow, writtenRow, textRow]);

const COLUMNS = [
  ...['model', 'task', 'method', 'seed', 'factor', 'item', 'answer', 'chosen', 'chosen_norm'],
  ...['logprobs', 'truncated_tokens', 'logprob', 'tokens', 'correct', 'written', 'filtered', 'stopped', 'item_group'],
];

const outcomeOf = (row: z.infer<typeof outcomeRow>): ItemOutcome => {
  if ('written' in row) {
    const { item: id, written: text, filtered, correct, tokens, stopped, truncated_tokens: truncatedTokens } = row;
    return { kind: 'written', id, text, filtered, correct, tokens, stopped, truncatedTokens };
  }
  if (!('chosen' in row)) return { kind: 'text', id: row.item, logprob: row.logprob, tokens: row.tokens };
  const outcome: ItemOutcome = {
    kind: 'choice',
    id: row.item,
    logprobs: row.logprobs,
    chosen: row.chosen,
    chosenNorm: row.chosen_norm,
    answer: row.answer,
    truncatedTokens: row.truncated_tokens,
  };
  return typeof row.item_group === 'string' ? { ...outcome, group: row.item_group } : outcome;
};

type Row = Record<string, unknown>;

/** A run measures at most so many candidates times items, and its outcomes hold so much. */
const LIMITS = { mostRows: 500_000_000, mostBytes: 2 ** 40 };

/** Rows of the file, row group by row group; null where there is no such file. */
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
      // Files of earlier versions lack the columns of what is written.
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

const damaged = (file: string, cause: unknown): WorkbenchError =>
  new WorkbenchError(
    'outcomes-damaged',
    'failed',
    `${file} is not what was written there.`,
    'Delete it and resume the run: its steps are kept.',
    { cause },
  );

/**
 * Reads what writeOutcomes wrote, row group by row group: `visit` is told of every row whose point `isWanted`, in the
 * order of the file, which is that of the items within a point. False where there is no such file.
 */
export const readOutcomes = async (
  file: string,
  isWanted: (point: OutcomePoint) => boolean,
  visit: (point: OutcomePoint, outcome: ItemOutcome) => void,
): Promise<boolean> => {
  const groups = await openRowGroups(file);
  if (groups === null) return false;
  try {
    for await (const rows of groups) {
      for (const row of rows) {
        const point = pointRow.parse(row);
        if (isWanted(point)) visit(point, outcomeOf(outcomeRow.parse(row)));
      }
    }
    return true;
  } catch (cause) {
    throw damaged(file, cause);
  }
};

const isSamePoint = (left: OutcomePoint, right: OutcomePoint): boolean =>
  left.model === right.model &&
  left.task === right.task &&
  left.method === right.method &&
  left.seed === right.seed &&
  left.factor === right.factor;

/** A point and its items' outcomes, in the order of the file. */
export interface PointOutcomes {
  readonly point: OutcomePoint;
  readonly outcomes: readonly ItemOutcome[];
}

/** Reads the file point by point, holding one row group at a time; null where there is no such file. */
export const readPointBlocks = async (file: string): Promise<AsyncGenerator<PointOutcomes> | null> => {
  const groups = await openRowGroups(file);
  if (groups === null) return null;
  return (async function* () {
    let open: { readonly point: OutcomePoint; readonly outcomes: ItemOutcome[] } | null = null;
    try {
      for await (const rows of groups) {
        for (const row of rows) {
          const point = pointRow.parse(row);
          if (open !== null && !isSamePoint(open.point, point)) {
            yield open;
            open = null;
          }
          open ??= { point, outcomes: [] };
          open.outcomes.push(outcomeOf(outcomeRow.parse(row)));
        }
      }
    } catch (cause) {
      throw damaged(file, cause);
    }
    if (open !== null) yield open;
  })();
};
