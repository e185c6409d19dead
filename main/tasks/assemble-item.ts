import type { ChoiceItem } from '../contract/task.ts';
import { isBlank } from './python/python-value.ts';

/** One question as lm-evaluation-harness builds it, before it becomes an item. */
export interface Question {
  readonly id: string;
  readonly text: string;
  readonly choices: readonly string[];
  readonly answer: number;
  /** The passage that it shares with others. */
  readonly group?: string | undefined;
}

/** Whether the delimiter can stand at the end of the context: white space there counts to the choice anyway. */
export const delimiterMoves = (context: string, delimiter: string): boolean => isBlank(delimiter) && !isBlank(context);

/**
 * The item that scores as lm-evaluation-harness's pair (head + text, delimiter + choice). A delimiter of white space is
 * put at the end of the context, which gives the same tokens and leaves acc_norm the choice's own characters to count.
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
