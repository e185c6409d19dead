import { bytesOfRows, type CacheBytes } from './cache-budget.ts';

/** Maximum number of rows in one run of a block: enough for large products, few enough to notice a cancel soon. */
export const ROWS_AT_ONCE = 512;
/** Share of the rows that must be free before others join in a resident model, so that prompts run in large batches. */
const JOINING_SHARE = 0.25;

/** Memory needs of a row. */
export interface RowSize {
  readonly mostColumns: number;
  /** Tokens of its prompt that must be run. */
  readonly prompt: { readonly length: number };
}

export interface Room {
  readonly bytes: CacheBytes;
  /** Bytes for rows, in addition to weights and prefixes. */
  readonly spareBytes: number;
  /**
   * A streamed model reads all blocks per step, so it writes as many rows as memory allows, and new ones join at once.
   */
  readonly streaming: boolean;
}

/**
 * Number of waiting rows, from the first on, that join the running ones: as memory allows if all were written to their
 * maximum length; in a resident model at most `ROWS_AT_ONCE` together, and only once a share is free. If none is
 * running, one joins: `candidatesAtOnce` has checked that it fits.
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
