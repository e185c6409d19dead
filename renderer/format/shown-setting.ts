import type { DifferingSetting } from '../../main/contract/compare-sweeps.ts';

const ITEMS_OF = 'items of ';

/**
 * A setting that differs between sweeps, with display names of tasks instead of the file names that the engine uses.
 */
export const shownSetting = (setting: DifferingSetting, title: (task: string) => string): DifferingSetting => {
  const { key, values } = setting;
  if (key === 'tasks') return { key, values: values.map((names) => names.split(', ').map(title).join(', ')) };
  return key.startsWith(ITEMS_OF) ? { key: `${ITEMS_OF}${title(key.slice(ITEMS_OF.length))}`, values } : setting;
};
