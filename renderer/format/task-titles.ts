const escaped = (name: string): string => name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/**
 * A sentence of the engine with tasks under the names that the lists show: the engine names a task as its file does,
 * always after "on", several as a list.
 */
export const withTaskTitles = (sentence: string, tasks: readonly string[], title: (task: string) => string): string => {
  if (tasks.length === 0) return sentence;
  const names = [...tasks].sort((left, right) => right.length - left.length).map(escaped);
  const name = `(?:${names.join('|')})(?=[,.:;)]|\\s|$)`;
  return sentence.replaceAll(
    new RegExp(`\\b([Oo]n) (${name}(?:(?:, | and )${name})*)`, 'gu'),
    (_, on: string, list: string) => `${on} ${list.replaceAll(new RegExp(name, 'gu'), title)}`,
  );
};

export type NamedTasks = readonly { readonly name: string; readonly title: string }[];

/** What the lists call a task, by its name; one that they do not hold keeps its name. */
export const titlesOf =
  (tasks: NamedTasks) =>
  (task: string): string =>
    tasks.find(({ name }) => name === task)?.title ?? task;

/** The same of `withTaskTitles` for the tasks that the lists hold. */
export const inTaskTitles = (sentence: string, tasks: NamedTasks): string =>
  withTaskTitles(
    sentence,
    tasks.map(({ name }) => name),
    titlesOf(tasks),
  );
