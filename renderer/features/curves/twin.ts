import { answersOf, type TaskEntry } from '../../../main/contract/task.ts';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';

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
