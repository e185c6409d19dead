import { refuse } from '../contract/errors.ts';
import { seededRandom } from '../statistics/random.ts';
import type { ChoiceItem } from '../contract/task.ts';
import { isBlank } from './python/python-value.ts';

/** lm-evaluation-harness's default seed for few-shot examples. */
export const DEFAULT_SEED = 1234;
/** Published tasks use at most 64. */
export const MAX_EXAMPLES = 128;

/** Number and selection of the examples before every item. */
export interface FewShot {
  readonly count: number;
  readonly seed: number;
  /** Drawn by the seed without replacement, or the first ones of the split. */
  readonly order: 'drawn' | 'first';
}

export interface DrawnExamples<T> {
  readonly examples: readonly T[];
  /** The split without the examples: an example must not also be profiled, or it would be read after its own answer. */
  readonly rest: readonly T[];
}

/**
 * Draws the examples of a task, the same for all its items. Refuses if the split, named by `location`, has no other
 * items.
 */
export const drawExamples = <T>(pool: readonly T[], fewShot: FewShot, location: string): DrawnExamples<T> => {
  const { count, seed, order } = fewShot;
  if (count === 0) return { examples: [], rest: pool };
  if (count > MAX_EXAMPLES)
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked for (limit ${String(MAX_EXAMPLES)}).`,
      'Ask for fewer.',
    );
  if (count > pool.length) {
    throw refuse(
      'bad-task',
      `${location}: ${String(count)} few-shot examples are asked for, and their split has ` +
        `${String(pool.length)} items.`,
      'Ask for fewer, or give the split more items.',
    );
  }
  const examples = order === 'first' ? pool.slice(0, count) : seededRandom(seed).shuffle(pool).slice(0, count);
  const taken = new Set(examples);
  return { examples, rest: pool.filter((item) => !taken.has(item)) };
};

/** Describes the examples for the task's description. */
export const describeFewShot = ({ count, seed, order }: FewShot, splitName: string): string =>
  count === 0
    ? ''
    : `${String(count)}-shot: every item follows the same examples of ${splitName} ` +
      `(${order === 'first' ? 'its first' : `drawn with seed ${String(seed)}`}), which are not items themselves.`;

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

/** A question in lm-evaluation-harness's parts, before it becomes an item. */
export interface Question {
  readonly id: string;
  readonly text: string;
  readonly choices: readonly string[];
  readonly answer: number;
  /** Identifies the passage that it shares with other questions. */
  readonly group?: string | undefined;
}

/** Whether the delimiter may move to the end of the context. White space there belongs to the choice anyway. */
export const delimiterMoves = (context: string, delimiter: string): boolean => isBlank(delimiter) && !isBlank(context);

/**
 * Makes the item that scores like lm-evaluation-harness's pair (head + text, delimiter + choice). A delimiter of white
 * space moves to the end of the context: tokens stay the same, and acc_norm counts only the choice's characters.
 */
export const assembleItem = (
  { id, text, choices, answer, group }: Question,
  head: string,
  delimiter: string,
): ChoiceItem => {
  const context = head + text;
  const item: ChoiceItem = delimiterMoves(context, delimiter)
    ? { id, context: context + delimiter, choices: [...choices], answer }
    : { id, context, choices: choices.map((choice) => delimiter + choice), answer };
  return group === undefined ? item : { ...item, group };
};
