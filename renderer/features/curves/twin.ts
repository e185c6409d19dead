import type { TaskEntry } from '../../../main/contract/task.ts';

const SUFFIX = '-written';

/** The task with the same items whose answers are written where these are chosen, or the other way round. */
export const twinOf = (task: TaskEntry, tasks: readonly TaskEntry[]): TaskEntry | null => {
  const isWritten = task.metric === 'exact_match';
  const name = isWritten ? task.name.slice(0, -SUFFIX.length) : `${task.name}${SUFFIX}`;
  if (isWritten && !task.name.endsWith(SUFFIX)) return null;
  return (
    tasks.find(
      (other) =>
        other.name === name &&
        (other.metric === 'exact_match') !== isWritten &&
        other.items.test === task.items.test &&
        other.error === null,
    ) ?? null
  );
};
