import { z } from 'zod';

/** What the engine asks the process that reads Parquet, one question at a time. */
export const parquetQuestion = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('open'), file: z.string(), mostRows: z.number(), mostBytes: z.number() }),
  z.object({
    ask: z.literal('rows'),
    columns: z.array(z.string()).optional(),
    rowStart: z.number(),
    rowEnd: z.number(),
  }),
  /** The next part of the rows that were asked for. */
  z.object({ ask: z.literal('more') }),
]);
export type ParquetQuestion = z.infer<typeof parquetQuestion>;

/** What a file holds. */
export const parquetFacts = z.object({
  rows: z.number(),
  /** Rows of each row group, in order. */
  groups: z.array(z.number()),
  /** Names of all columns, those within columns included. */
  names: z.array(z.string()),
  /** Columns that hold floats, whose whole numbers are floats too. */
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
  /** `system`: the system's name of a file error. `code`: of a refusal that the other side words. */
  z.object({
    answer: z.literal('error'),
    message: z.string(),
    system: z.string().nullable(),
    code: z.enum(['damaged', 'too-large', 'compression']),
  }),
]);
export type ParquetAnswer = z.infer<typeof parquetAnswer>;
