import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import type { ItemOutcome } from '../inference/model-runner.ts';
import { fileErrorCode } from './file-errors.ts';

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
});
const textRow = z.object({ item: z.string(), answer: z.null(), logprob: z.number(), tokens: z.number() });
const outcomeRow = z.union([choiceRow, textRow]);

const COLUMNS = [
  ...['model', 'task', 'method', 'seed', 'factor', 'item', 'answer', 'chosen', 'chosen_norm'],
  ...['logprobs', 'truncated_tokens', 'logprob', 'tokens'],
];

const outcomeOf = (row: z.infer<typeof outcomeRow>): ItemOutcome =>
  'chosen' in row
    ? {
        kind: 'choice',
        id: row.item,
        logprobs: row.logprobs,
        chosen: row.chosen,
        chosenNorm: row.chosen_norm,
        answer: row.answer,
        truncatedTokens: row.truncated_tokens,
      }
    : { kind: 'text', id: row.item, logprob: row.logprob, tokens: row.tokens };

/**
 * Reads what writeOutcomes wrote, row group by row group: `visit` is told of every row whose point `isWanted`, in the
 * order of the file, which is that of the items within a point. False where there is no such file.
 */
export const readOutcomes = async (
  file: string,
  isWanted: (point: OutcomePoint) => boolean,
  visit: (point: OutcomePoint, outcome: ItemOutcome) => void,
): Promise<boolean> => {
  try {
    const buffer = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(buffer);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const rows = await parquetReadObjects({ file: buffer, metadata, columns: COLUMNS, rowStart, rowEnd });
      for (const row of rows) {
        const point = pointRow.parse(row);
        if (isWanted(point)) visit(point, outcomeOf(outcomeRow.parse(row)));
      }
      rowStart = rowEnd;
    }
    return true;
  } catch (cause) {
    if (fileErrorCode(cause) === 'ENOENT') return false;
    throw new WorkbenchError('outcomes-damaged', 'failed', `${file} is not what was written there.`, 'Delete it and resume the run: its steps are kept.', { cause });
  }
};
