import type { SweepDocument, SweepResult, Threshold } from '../contract/sweep.ts';
import { answersOf } from '../contract/task.ts';
import { headlineThresholds } from './threshold.ts';

/** How far a model can be pruned for a task by one method: with multiple-choice answers, and with generated ones. */
export interface ChoiceAndWriting {
  readonly model: string;
  /** The multiple-choice task, and its generated twin. */
  readonly task: string;
  readonly writtenTask: string;
  readonly method: string;
  readonly choice: Threshold;
  readonly writing: Threshold;
}

/** Suffix of a task that asks the items of another one for a generated answer. */
export const TWIN_SUFFIX = '-written';

/** Names of a sweep's tasks with generated answers. */
export const writtenTasks = (results: readonly SweepResult[]): ReadonlySet<string> =>
  new Set(results.filter((result) => answersOf(result) === 'written').map(({ task }) => task));

/**
 * Thresholds of tasks that a sweep measured both ways, in the order of the thresholds: a written task is the twin of
 * the task that it is named after (`plural-written` of `plural`) where both have the same number of items.
 */
export const choiceAndWriting = ({
  results,
  thresholds,
}: Pick<SweepDocument, 'results' | 'thresholds'>): ChoiceAndWriting[] => {
  const written = writtenTasks(results);
  const headlines = headlineThresholds(thresholds);
  return headlines.flatMap((choice) => {
    const { model, task, method, n } = choice;
    const writtenTask = `${task}${TWIN_SUFFIX}`;
    if (written.has(task) || !written.has(writtenTask)) return [];
    const writing = headlines.find(
      (headline) =>
        headline.model === model && headline.task === writtenTask && headline.method === method && headline.n === n,
    );
    return writing === undefined ? [] : [{ model, task, writtenTask, method, choice, writing }];
  });
};

/** How often the threshold of written answers is the lower one, in one sentence; null without pairs. */
export const reachSummary = (pairs: readonly ChoiceAndWriting[]): string | null => {
  const known = pairs.flatMap(({ choice, writing }) =>
    choice.lastSafe === null || writing.lastSafe === null ? [] : [writing.lastSafe - choice.lastSafe],
  );
  if (known.length === 0) return null;
  const none = pairs.filter(({ choice, writing }) => choice.lastSafe === 1 && writing.lastSafe === 1).length;
  const neither = none === 0 ? '' : ` (in ${none} of these no factor is safe either way)`;
  const count = (side: number): string => String(known.filter((difference) => Math.sign(difference) === side).length);
  return (
    `Of ${known.length} thresholds that were determined both ways, the one for answers that the model writes ` +
    `is lower than the one for answers that it chooses in ${count(-1)}, the same in ${count(0)}${neither} and higher ` +
    `in ${count(1)}.`
  );
};
