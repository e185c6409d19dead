import { z } from 'zod';

/** The engine's questions to the process that reads Parquet, one at a time. */
export const parquetQuestion = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('open'), file: z.string(), mostRows: z.number(), mostBytes: z.number() }),
  z.object({
    ask: z.literal('rows'),
    columns: z.array(z.string()).optional(),
    rowStart: z.number(),
    rowEnd: z.number(),
  }),
  /** The next part of the requested rows. */
  z.object({ ask: z.literal('more') }),
]);
export type ParquetQuestion = z.infer<typeof parquetQuestion>;

export const parquetFacts = z.object({
  rows: z.number(),
  /** Rows of each row group, in order. */
  groups: z.array(z.number()),
  /** Names of all columns, those within columns included. */
  names: z.array(z.string()),
  /** Columns that contain floats; their integers are floats too. */
  decimalColumns: z.array(z.string()),
});
export type ParquetFacts = z.infer<typeof parquetFacts>;

export const parquetAnswer = z.discriminatedUnion('answer', [
  z.object({ answer: z.literal('facts'), facts: parquetFacts }),
  z.object({
    answer: z.literal('rows'),
    rows: z.custom<readonly Record<string, unknown>[]>(Array.isArray),
    isLast: z.boolean(),
  }),
  /** `system`: the system's code of a file error. `code`: of a refusal that the receiver puts into words. */
  z.object({
    answer: z.literal('error'),
    message: z.string(),
    system: z.string().nullable(),
    code: z.enum(['damaged', 'too-large', 'compression']),
  }),
]);
export type ParquetAnswer = z.infer<typeof parquetAnswer>;
