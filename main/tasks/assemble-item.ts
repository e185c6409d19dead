import type { ChoiceItem } from '../contract/task.ts';
import { isBlank } from './python/python-value.ts';

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
