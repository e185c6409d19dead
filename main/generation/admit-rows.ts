import { bytesOfRows, type CacheBytes } from './cache-budget.ts';

/** Rows of one run of a block: enough for large products, few enough that a cancel is noticed soon. */
export const ROWS_AT_ONCE = 512;
/** Part of the rows that must be free before others join a resident model: prompts run in products of some size. */
const JOINING_SHARE = 0.25;

/** What a row needs of memory. */
export interface RowSize {
  readonly mostColumns: number;
  /** Tokens of its prompt that run. */
  readonly prompt: { readonly length: number };
}

export interface Room {
  readonly bytes: CacheBytes;
  /** Bytes for rows, beside weights and prefixes. */
  readonly spareBytes: number;
  /**
   * A streamed model reads all its blocks per step, so as many rows as memory allows write at once, and join at once.
   */
  readonly streaming: boolean;
}

/**
 * How many of the waiting rows, from the first on, join those that write: as memory has room for, were all to write the
 * most they may; in a resident model at most `ROWS_AT_ONCE` together, and only once some can join. Where none writes,
 * one joins: that it fits was made sure of before (`candidatesAtOnce`).
 */
export const admittedRows = (
  waiting: readonly RowSize[],
  writing: readonly RowSize[],
  { bytes, spareBytes, streaming }: Room,
): number => {
  let columns = writing.reduce((most, row) => Math.max(most, row.mostColumns), 0);
  let prompt = 0;
  let count = 0;
  for (const row of waiting) {
    columns = Math.max(columns, row.mostColumns);
    prompt = Math.max(prompt, row.prompt.length);
    const rows = writing.length + count + 1;
    if ((!streaming && rows > ROWS_AT_ONCE) || bytesOfRows(bytes, rows, columns, prompt) > spareBytes) break;
    count += 1;
  }
  const few = Math.min(waiting.length, Math.ceil(JOINING_SHARE * (writing.length + count)));
  if (writing.length === 0) return Math.max(count, Math.min(1, waiting.length));
  return !streaming && count < few ? 0 : count;
};
