/** A few-shot example: the user's question and the right answer. */
export interface ExampleTurn {
  readonly question: string;
  readonly answer: string;
}

/** The parts of a prompt before it becomes one text, which a chat template formats differently. */
export interface PromptTurns {
  /** Description before everything else; '' if there is none. */
  readonly system: string;
  readonly examples: readonly ExampleTurn[];
  readonly question: string;
  /** Choices of a multiple-choice item, or answers of a written one, without a delimiter. */
  readonly replies: readonly string[];
}

/** Turns of every item of a task, in the order of its splits. */
export interface TaskTurns {
  readonly calibration: readonly PromptTurns[];
  readonly test: readonly PromptTurns[];
}

/**
 * The plain text before the question. As in lm-evaluation-harness, an example without an answer has no delimiters
 * either.
 */
export const plainHead = (
  { system, examples }: PromptTurns,
  targetDelimiter: string,
  exampleDelimiter: string,
): string =>
  system +
  examples
    .map(({ question, answer }) => (answer === '' ? question : question + targetDelimiter + answer + exampleDelimiter))
    .join('');
