/** A few-shot example: what the user asks, and the right answer. */
export interface ExampleTurn {
  readonly question: string;
  readonly answer: string;
}

/** What a prompt is made of, before it is one text: a chat template makes another text of the same. */
export interface PromptTurns {
  /** What stands before everything; '' where there is nothing. */
  readonly system: string;
  readonly examples: readonly ExampleTurn[];
  readonly question: string;
  /** Choices of a multiple-choice item, or answers of a written one, as they stand without a delimiter. */
  readonly replies: readonly string[];
}

/** Turns of every item of a task, in the order of its splits. */
export interface TaskTurns {
  readonly calibration: readonly PromptTurns[];
  readonly test: readonly PromptTurns[];
}

/**
 * What stands before the question as plain text: as lm-evaluation-harness joins it, an example without an answer has no
 * delimiters either.
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
