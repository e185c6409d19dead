const escaped = (name: string): string => name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/**
 * A sentence of the engine with tasks under the names that the lists show: the engine names a task as its file does,
 * always after "on".
 */
export const withTaskTitles = (sentence: string, tasks: readonly string[], title: (task: string) => string): string => {
  if (tasks.length === 0) return sentence;
  const names = [...tasks].sort((left, right) => right.length - left.length).map(escaped);
  return sentence.replaceAll(
    new RegExp(`\\bon (${names.join('|')})(?=[,.:;)]|\\s|$)`, 'gu'),
    (_, task: string) => `on ${title(task)}`,
  );
};
