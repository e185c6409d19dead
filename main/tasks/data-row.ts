/** One record of a data file. */
export interface DataRow {
  /** File and line (JSONL) or row (Parquet), for refusals. */
  readonly place: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** More items than any published benchmark; their outcomes must be held per candidate. */
export const MAX_ITEMS = 1_000_000;
