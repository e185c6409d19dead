import type { DifferingSetting } from '../../main/contract/compare.ts';
import { settingsOf } from '../../main/contract/setting.ts';
import { describedSweepSettings } from '../../main/contract/sweep.ts';
import { titleList } from '../../main/words/task-titles.ts';

const ITEMS_OF = 'items of ';

/** Settings under their names in the form of a sweep. */
const LABELS = new Map(settingsOf(describedSweepSettings).map(({ name, label }) => [name, label]));

/**
 * A setting that differs between sweeps, with display names of tasks instead of the file names that the engine uses,
 * and named as in the form of a sweep.
 */
export const shownSetting = (setting: DifferingSetting, title: (task: string) => string): DifferingSetting => {
  const { key, values } = setting;
  if (key === 'tasks') return { key, values: values.map((names) => titleList(names.split(', ').map(title))) };
  if (key.startsWith(ITEMS_OF)) return { key: `${ITEMS_OF}${title(key.slice(ITEMS_OF.length))}`, values };
  return { key: LABELS.get(key) ?? key, values };
};
