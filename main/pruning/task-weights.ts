import { refuse } from '../contract/errors.ts';

/**
 * Shares of several tasks, summing to 1; equal where none are given.
 *
 * @throws WorkbenchError `task-weights-invalid` where there is not one per task, or one is negative, or all are 0.
 */
export const taskShares = (weights: readonly number[] | undefined, tasks: number): readonly number[] => {
  if (weights === undefined) return Array.from({ length: tasks }, () => 1 / tasks);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const unfit = weights.find((weight) => !(Number.isFinite(weight) && weight >= 0));
  if (weights.length === tasks && unfit === undefined && total > 0) return weights.map((weight) => weight / total);
  throw refuse(
    'task-weights-invalid',
    `The weights ${weights.join(', ')} do not fit ${tasks} task${tasks === 1 ? '' : 's'}.`,
    'Give one number per task, none negative and not all 0.',
  );
};
