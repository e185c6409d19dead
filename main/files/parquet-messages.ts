import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';

/** The engine's questions to the process that reads Parquet, one at a time. */
export const parquetQuestion = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('open'), file: boundedText, mostRows: z.number(), mostBytes: z.number() }),
  z.object({
    ask: z.literal('rows'),
    columns: boundedList(boundedText).optional(),
    rowStart: z.number(),
    rowEnd: z.number(),
  }),
  /** The next part of the requested rows. */
  z.object({ ask: z.literal('more') }),
  /** The same rows by column. */
  z.object({ ask: z.literal('columns'), columns: boundedList(boundedText), rowStart: z.number(), rowEnd: z.number() }),
]);
export type ParquetQuestion = z.infer<typeof parquetQuestion>;

export const parquetFacts = z.object({
  rows: z.number(),
  /** Rows of each row group, in order. */
  groups: boundedList(z.number()),
  /** Names of all columns, those within columns included. */
  names: boundedList(boundedText),
});
export type ParquetFacts = z.infer<typeof parquetFacts>;

/**
 * The values of a column, in a form that passes between threads at once: texts as numbers of the different ones (-1 for
 * null), lists of numbers one behind the other with their lengths (-1 for null).
 */
export type ParquetColumn =
  | { readonly kind: 'nulls' }
  | { readonly kind: 'numbers'; readonly values: Float64Array<ArrayBuffer> }
  | { readonly kind: 'texts'; readonly texts: readonly string[]; readonly numbers: Int32Array<ArrayBuffer> }
  | {
      readonly kind: 'lists';
      readonly lengths: Int32Array<ArrayBuffer>;
      readonly values: Float64Array<ArrayBuffer>;
    }
  | { readonly kind: 'values'; readonly values: readonly unknown[] };

export const parquetAnswer = z.discriminatedUnion('answer', [
  z.object({ answer: z.literal('facts'), facts: parquetFacts }),
  z.object({
    answer: z.literal('rows'),
    rows: z.custom<readonly Record<string, unknown>[]>(Array.isArray),
    isLast: z.boolean(),
  }),
  z.object({
    answer: z.literal('columns'),
    columns: z.custom<ReadonlyMap<string, ParquetColumn>>((value) => value instanceof Map),
  }),
  /** `system`: the system's code of a file error. `code`: of a refusal that the receiver puts into words. */
  z.object({
    answer: z.literal('error'),
    message: boundedText,
    system: boundedText.nullable(),
    code: z.enum(['damaged', 'too-large', 'compression']),
  }),
]);
export type ParquetAnswer = z.infer<typeof parquetAnswer>;
