/** Cost of decoding, known before it starts. */
export interface DecodingCost {
  /** Whether every step reopens all blocks, one at a time. */
  readonly streamed: boolean;
  /** Steps if every row decodes to its full length: each takes all decoding rows through all blocks. */
  readonly mostSteps: number;
  /** Most rows that decode side by side. */
  readonly rowsAtOnce: number;
  readonly rows: number;
}
