const escaped = (name: string): string => name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/**
 * Replaces task names in an engine sentence by their display names. The engine always writes task names after "on",
 * several as a list.
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

/** Maps task names to display names; unknown names stay as they are. */
export const titlesOf =
  (tasks: NamedTasks) =>
  (task: string): string =>
    tasks.find(({ name }) => name === task)?.title ?? task;

/** Titles in a line; some contain commas. */
export const titleList = (titles: readonly string[]): string =>
  titles.join(titles.some((title) => title.includes(',')) ? '; ' : ', ');

/** `withTaskTitles` for all listed tasks. */
export const inTaskTitles = (sentence: string, tasks: NamedTasks): string =>
  withTaskTitles(
    sentence,
    tasks.map(({ name }) => name),
    titlesOf(tasks),
  );
