import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { refuse } from '../contract/errors.ts';
import { noCalibration } from '../contract/start-rules.ts';
import { encodeRequest } from '../inference/encode-item.ts';
import { isTextItem, profiledText, type Task } from '../tasks/task.ts';

/** An item's tokens, and how many of them are context, which is not learnt. */
export type TrainingSequence = readonly [tokens: readonly number[], context: number];

/** A context and its continuation, cut on the left to `length` tokens. */
export const pairSequence = (
  tokenizer: TextTokenizer,
  id: string,
  context: string,
  continuation: string,
  length: number,
): TrainingSequence => {
  const { contextTokens, continuationTokens } = encodeRequest(tokenizer, id, context, continuation);
  const tokens = [...contextTokens, ...continuationTokens].slice(-length);
  return [tokens, Math.max(1, tokens.length - continuationTokens.length)];
};

/**
 * The training data: every calibration item of the tasks, the context followed by the right answer, cut on the left to
 * `length` tokens. A text is learnt whole except for its first token. Test items are never included.
 *
 * @throws WorkbenchError refused: `no-calibration`, `no-answer` (a prompt alone), `test-item-in-training` (an item of
 * one task is a test item of another).
 */
export const trainingSequences = (
  tasks: readonly Task[],
  tokenizer: TextTokenizer,
  length: number,
): readonly TrainingSequence[] => {
  const tested = new Map(
    tasks.flatMap((task) => task.test.map((item) => [profiledText(item), `${task.name} "${item.id}"`] as const)),
  );
  return tasks.flatMap((task) => {
    if (task.calibration.length === 0) throw noCalibration(task.path, 'learn from');
    return task.calibration.map((item): TrainingSequence => {
      const twin = tested.get(profiledText(item));
      if (twin !== undefined) {
        throw refuse(
          'test-item-in-training',
          `Calibration item "${item.id}" of ${task.name} has the text of test item ${twin}.`,
          'Leave one of the two tasks out.',
        );
      }
      if (isTextItem(item)) return [tokenizer.encode(item.text, true).slice(0, length), 1];
      const continuation = profiledText(item).slice(item.context.length);
      if (continuation === '')
        throw refuse(
          'no-answer',
          `Calibration item "${item.id}" of ${task.name} is a prompt alone: it has no answer to learn.`,
          'Train on a task with right answers.',
        );
      return pairSequence(tokenizer, item.id, item.context, continuation, length);
    });
  });
};
