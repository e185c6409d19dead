import { type SweepDocument, type Threshold, UNPRUNED } from '../../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../../main/contract/task.ts';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';
import { compareMethodLabels } from '../../../main/words/methods.ts';

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

/**
 * Curves of a sweep in a stable order: methods in their usual order, each before its recovered twin, then others by
 * name.
 */
export const sweepMethods = (document: SweepDocument): readonly string[] =>
  distinct([...document.results, ...(document.curtailed ?? [])].map(({ method }) => method))
    .filter((method) => method !== UNPRUNED)
    .sort(compareMethodLabels);

/** A measured task of a model, and its thresholds by all methods. */
export interface MeasuredTask {
  readonly task: string;
  readonly n: number;
  readonly thresholds: readonly Threshold[];
}

/** The measured tasks of a model, in `taskOrder`, then others by name. */
export const measuredTasks = (
  document: SweepDocument,
  model: string,
  taskOrder: readonly string[],
): readonly MeasuredTask[] => {
  const results = document.results.filter((result) => result.model === model);
  const orderOf = (task: string): number => (taskOrder.includes(task) ? taskOrder.indexOf(task) : taskOrder.length);
  return distinct(results.map(({ task }) => task))
    .map((task) => ({
      task,
      n: results.find((result) => result.task === task)?.n ?? 0,
      thresholds: document.thresholds.filter((one) => one.model === model && one.task === task),
    }))
    .sort((left, right) => orderOf(left.task) - orderOf(right.task) || left.task.localeCompare(right.task));
};

/** The task with the same items but written instead of chosen answers, or the reverse. */
export const twinOf = (task: TaskEntry, tasks: readonly TaskEntry[]): TaskEntry | null => {
  const isWritten = answersOf(task) === 'written';
  const name = isWritten ? task.name.slice(0, -TWIN_SUFFIX.length) : `${task.name}${TWIN_SUFFIX}`;
  if (isWritten && !task.name.endsWith(TWIN_SUFFIX)) return null;
  return (
    tasks.find(
      (other) =>
        other.name === name &&
        answersOf(other) !== answersOf(task) &&
        other.items.test === task.items.test &&
        other.error === null,
    ) ?? null
  );
};
