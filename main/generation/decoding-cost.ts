/** What decoding will take, told before it starts. */
export interface DecodingCost {
  /** Whether every step opens all blocks anew, one at a time. */
  readonly streamed: boolean;
  /** Steps where every row writes the most that it may: each takes all rows that write through all blocks. */
  readonly mostSteps: number;
  /** Most rows that write side by side. */
  readonly rowsAtOnce: number;
  readonly rows: number;
}
