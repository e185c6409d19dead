import { type SweepDocument, type Threshold, UNPRUNED } from '../../../main/contract/sweep.ts';
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

/** A task with the thresholds of its answers; those of its written twin stand in the same row. */
export interface TaskRow extends MeasuredTask {
  readonly written: readonly Threshold[];
}

/** A row per task: what was measured with chosen and with written answers of the same items is one. */
export const taskRows = (tasks: readonly MeasuredTask[]): readonly TaskRow[] => {
  const named = new Map(tasks.map((task) => [task.task, task]));
  const twinIn = ({ task }: MeasuredTask): boolean =>
    task.endsWith(TWIN_SUFFIX) && named.has(task.slice(0, -TWIN_SUFFIX.length));
  return tasks
    .filter((task) => !twinIn(task))
    .map((task) => ({ ...task, written: named.get(`${task.task}${TWIN_SUFFIX}`)?.thresholds ?? [] }));
};

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
      thresholds: document.thresholds.filter((threshold) => threshold.model === model && threshold.task === task),
    }))
    .sort((left, right) => orderOf(left.task) - orderOf(right.task) || left.task.localeCompare(right.task));
};
