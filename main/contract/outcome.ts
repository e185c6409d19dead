/** What a model answered to one multiple-choice item, by log-likelihood as lm-evaluation-harness defines it. */
export interface ChoiceOutcome {
  readonly kind: 'choice';
  readonly id: string;
  /** Sum of log-probabilities (natural log, float32) of each choice. */
  readonly logprobs: readonly number[];
  /** Choice with the largest sum, and with the largest sum / characters (ties: the lower index). */
  readonly chosen: number;
  readonly chosenNorm: number;
  readonly answer: number;
  /** Tokens cut from the left of the context to fit the model's positions. */
  readonly truncatedTokens: number;
  /** The item's group, where it has one. */
  readonly group?: string | undefined;
}

/** Rolling log-likelihood of one text. */
export interface TextOutcome {
  readonly kind: 'text';
  readonly id: string;
  readonly logprob: number;
  readonly tokens: number;
}

export type ItemOutcome = ChoiceOutcome | TextOutcome;
