import { expect, test } from 'vitest';
import { inTaskTitles, withTaskTitles } from '../../../main/words/task-titles.ts';

const titles: Readonly<Record<string, string>> = { add: 'Sums', 'add-written': 'Sums, written', 'a.b (c)': 'ABC' };
const named = (sentence: string): string =>
  withTaskTitles(sentence, Object.keys(titles), (task) => titles[task] ?? task);

test('task names in sentences are replaced by listed names, whole names only', () => {
  expect(named('The largest threshold is 8 (uncurl-16 on add-written, by frequency).')).toBe(
    'The largest threshold is 8 (uncurl-16 on Sums, written, by frequency).',
  );
  expect(named('m on add: 60 items are too few.')).toBe('m on Sums: 60 items are too few.');
  expect(named('e on a.b (c).')).toBe('e on ABC.');
  expect(named('based on address, and on adding; add more')).toBe('based on address, and on adding; add more');
  expect(withTaskTitles('on add', [], () => 'x')).toBe('on add');
});

test('all tasks of a list are replaced, up to the end of the list', () => {
  expect(named('On add, a.b (c) and add-written one sweep asked more.')).toBe(
    'On Sums, ABC and Sums, written one sweep asked more.',
  );
  expect(named('on add, and add more')).toBe('on Sums, and add more');
  expect(inTaskTitles('The model was not profiled on add yet.', [{ name: 'add', title: 'Sums' }])).toBe(
    'The model was not profiled on Sums yet.',
  );
});
