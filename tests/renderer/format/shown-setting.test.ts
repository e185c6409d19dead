import { expect, test } from 'vitest';
import { shownSetting } from '../../../renderer/format/shown-setting.ts';

const title = (task: string): string => (task === 'add' ? 'Sums' : task);

test.each([
  ['tasks', ['add', 'add, mine'], 'tasks', ['Sums', 'Sums, mine']],
  ['items of add', ['12', '\u2013'], 'items of Sums', ['12', '\u2013']],
  ['items of mine', ['12', '34'], 'items of mine', ['12', '34']],
  ['methods', ['add', 'reap'], 'methods', ['add', 'reap']],
  ['limit', ['40', '30'], 'Item limit', ['40', '30']],
])('the setting "%s" names tasks as the lists do', (key, values, shownKey, shownValues) => {
  expect(shownSetting({ key, values }, title)).toEqual({ key: shownKey, values: shownValues });
});
