import type { RunManifest } from '../contract/run.ts';
import type { TaskItem } from '../contract/task.ts';
import type { ItemRule } from '../evaluation/followed-outcome.ts';
import { judge, type Judging } from '../tasks/generation/judging.ts';
import { isChoiceItem, isTextItem, type Task } from '../tasks/task.ts';

/** The rules that judge answers to a task's items, by item. */
export type ItemRules = ReadonlyMap<string, ItemRule>;

/** The rules of a run's task by its name; null where the task is not available unchanged. */
export type FindRules = (
  task: string,
) => Promise<{ readonly metric: Task['metric']; readonly rules: ItemRules } | null>;

const ruleOf = (item: TaskItem, judging: Judging | undefined): ItemRule | null => {
  if (isTextItem(item)) return { kind: 'text' };
  if (isChoiceItem(item)) {
    const { answer, choices, group } = item;
    return { kind: 'choice', answer, characters: choices.map((choice) => Array.from(choice).length), group };
  }
  if (judging === undefined) return null;
  return {
    kind: 'written',
    judge: (text, hasEnded) => {
      const [first] = judge(judging, item, text, hasEnded);
      if (first === undefined) throw new Error('a rule without pipelines');
      return { filtered: first.filtered, correct: first.correct };
    },
  };
};

const rulesOf = ({ test, judging }: Task): ItemRules =>
  new Map(
    test.flatMap((item): [string, ItemRule][] => {
      const rule = ruleOf(item, judging);
      return rule === null ? [] : [[item.id, rule]];
    }),
  );

/**
 * Finds the rules of a run's tasks. `open` returns the task with this hash, or null: it decides which folders are read,
 * since the run may come from a stranger.
 */
export const findRulesOf = (
  { tasks }: Pick<RunManifest, 'tasks'>,
  open: (task: RunManifest['tasks'][number]) => Promise<Task | null>,
): FindRules => {
  const known = new Map<string, ReturnType<FindRules>>();
  const find = async (name: string): ReturnType<FindRules> => {
    const recorded = tasks.find((task) => task.name === name);
    const task = recorded === undefined ? null : await open(recorded);
    return task === null ? null : { metric: task.metric, rules: rulesOf(task) };
  };
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const found = find(name);
    known.set(name, found);
    return found;
  };
};
