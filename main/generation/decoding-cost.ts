/** Cost of decoding, known before it starts. */
export interface DecodingCost {
  /** Whether every step opens all blocks again, one at a time. */
  readonly streamed: boolean;
  /** Steps if every row reaches its maximum length: each takes all running rows through all blocks. */
  readonly mostSteps: number;
  /** Maximum number of rows written together. */
  readonly rowsAtOnce: number;
  readonly rows: number;
}
