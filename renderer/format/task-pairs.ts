import type { TaskProfile } from '../../main/contract/profile.ts';
import { type AnswerKind, answersOf, type TaskEntry } from '../../main/contract/task.ts';
import { TWIN_SUFFIX } from '../../main/evaluation/choice-and-writing.ts';

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

/** What lists show as one task: its items answered by choice, by writing, or both. */
export interface TaskPair {
  /** The task that gives the pair its name: with chosen answers where there are both. */
  readonly task: TaskEntry;
  /** The same items with written answers; null where `task` is all. */
  readonly written: TaskEntry | null;
}

/** The tasks in their order, those with the same items as one. */
export const taskPairs = (tasks: readonly TaskEntry[]): readonly TaskPair[] =>
  tasks.flatMap((task): readonly TaskPair[] => {
    const twin = twinOf(task, tasks);
    if (twin === null || twinOf(twin, tasks) !== task) return [{ task, written: null }];
    return answersOf(task) === 'chosen' ? [{ task, written: twin }] : [];
  });

export const membersOf = ({ task, written }: TaskPair): readonly TaskEntry[] =>
  written === null ? [task] : [task, written];

/** The member of a pair with this kind of answers; its first one where it has no such member. */
export const memberOf = (pair: TaskPair, answers: AnswerKind): TaskEntry =>
  membersOf(pair).find((member) => answersOf(member) === answers) ?? pair.task;

const isSameRouting = (left: TaskProfile, right: TaskProfile): boolean =>
  left.tokens === right.tokens &&
  left.counts.length === right.counts.length &&
  left.counts.every((row, layer) => row.every((count, expert) => count === right.counts[layer]?.[expert]));

/** The profiled tasks; a written twin only where it uses other experts than its task, since their maps are alike. */
export const profiledOnce = (
  tasks: readonly TaskEntry[],
  profileOf: (task: TaskEntry) => TaskProfile | undefined,
): readonly { readonly task: TaskEntry; readonly profile: TaskProfile }[] =>
  taskPairs(tasks).flatMap((pair) => {
    const profiled = membersOf(pair).flatMap((task) => {
      const profile = profileOf(task);
      return profile === undefined ? [] : [{ task, profile }];
    });
    const [first, twin] = profiled;
    return first !== undefined && twin !== undefined && isSameRouting(first.profile, twin.profile) ? [first] : profiled;
  });

/** Whether two tasks have the same items. */
export const isSameTask = (left: TaskEntry, right: TaskEntry | null, tasks: readonly TaskEntry[]): boolean =>
  right !== null && (left.handle === right.handle || twinOf(left, tasks)?.handle === right.handle);
