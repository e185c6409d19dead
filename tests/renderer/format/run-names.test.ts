import { expect, test } from 'vitest';
import { filterRuns, NO_LABEL, sortRuns } from '../../../main/contract/run.ts';
import { shownRunName, shownRunText } from '../../../renderer/format/run-names.ts';
import { runOf } from '../../main/contract/run-of.ts';

const tasks = [
  { name: 'add', title: 'Sums' },
  { name: 'brackets', title: 'Brackets' },
];
const added = { name: 'add', path: '/add', hash: 'a' };
const small = runOf({ id: 'sweep-1', title: 'Sweep of m on add', tasks: [added] });
const large = runOf({ id: 'sweep-2', title: 'Sweep of m on 18 tasks', tasks: [added] });
const named = runOf({ id: 'sweep-3', title: 'Sweep of m on add', label: { ...NO_LABEL, name: 'A night on add' } });

test('a run has the user’s name, or a title with the listed task names', () => {
  expect([small, large, named].map((run) => shownRunName(run, tasks))).toEqual([
    'Sweep of m on Sums',
    'Sweep of m on 18 tasks',
    'A night on add',
  ]);
});

test('runs are found by displayed names and by file names, and sorted by displayed names', () => {
  const found = (text: string) =>
    filterRuns([small, large, named], { text, tags: [], archived: false }, (run) => shownRunText(run, tasks)).map(
      ({ id }) => id,
    );
  expect(found('on Sums')).toEqual(['sweep-1', 'sweep-2']);
  expect(found('add')).toEqual(['sweep-1', 'sweep-2', 'sweep-3']);
  const sorted = sortRuns([small, large, named], 'name', (run) => shownRunName(run, tasks));
  expect(sorted.map(({ id }) => id)).toEqual(['sweep-3', 'sweep-2', 'sweep-1']);
});
