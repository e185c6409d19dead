import { refuse } from '../contract/errors.ts';
import { seededRandom } from '../statistics/random.ts';
import type { ChoiceItem } from '../contract/task.ts';
import { isBlank } from './python/python-text.ts';

/** lm-evaluation-harness's default seed for few-shot examples. */
export const DEFAULT_SEED = 1234;
/** Published tasks use at most 64. */
export const MAX_EXAMPLES = 128;

/** Number and selection of the examples before every item. */
export interface FewShot {
  readonly count: number;
  readonly seed: number;
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
  const { count, seed } = fewShot;
  if (count > MAX_EXAMPLES)
    throw refuse(
      'bad-task',
      `${location}: ${count} few-shot examples are asked for (limit ${MAX_EXAMPLES}).`,
      'Ask for fewer.',
    );
  if (count > pool.length) {
    throw refuse(
      'bad-task',
      `${location}: ${count} few-shot examples are asked for, and their split has ${pool.length} items.`,
      'Ask for fewer, or give the split more items.',
    );
  }
  const examples = seededRandom(seed).shuffle(pool).slice(0, count);
  const taken = new Set(examples);
  return { examples, rest: pool.filter((item) => !taken.has(item)) };
};

/** Describes the examples for the task's description. */
export const describeFewShot = ({ count, seed }: FewShot): string =>
  `${count}-shot: every item follows the same examples of the calibration split (drawn with seed ${seed}), which are ` +
  'not items themselves.';

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

/** A question in lm-evaluation-harness's parts, before it becomes an item. */
export interface Question {
  readonly id: string;
  readonly text: string;
  readonly choices: readonly string[];
  readonly answer: number;
  /** Identifies the passage that it shares with other questions. */
  readonly group?: string | undefined;
}

/**
 * Makes the item that scores like lm-evaluation-harness's pair (text, " " + choice): the delimiter moves to the end of
 * the context, where tokens stay the same and acc_norm counts only the choice's characters. White space there belongs
 * to the choice anyway.
 */
export const assembleItem = ({ id, text, choices, answer, group }: Question): ChoiceItem => {
  const item: ChoiceItem = isBlank(text)
    ? { id, context: text, choices: choices.map((choice) => ` ${choice}`), answer }
    : { id, context: `${text} `, choices: [...choices], answer };
  return group === undefined ? item : { ...item, group };
};
