import { expect, test } from 'vitest';
import { findingTables } from '../../../main/figures/finding-tables.ts';
import { sampleSizeTrend } from '../evaluation/size-trend/sample-size-trend.ts';

const { sizeTrend } = sampleSizeTrend({
  sizes: [8, 16, 32],
  tasks: ['french', 'sort'],
  methods: ['frequency', 'reap'],
  limit: (experts) => experts / 16,
});

/** A table by the titles of its columns, a record per row. */
const rowsOf = (chart: string, document = sizeTrend): readonly Readonly<Record<string, string>>[] =>
  findingTables(document)
    .filter((table) => table.chart === chart)
    .flatMap(({ columns, rows }) =>
      rows.map((row) => Object.fromEntries(columns.map(({ title }, index) => [title, row[index] ?? '']))),
    );

test('a question of the view is answered in numbers, a row per method', () => {
  expect(rowsOf('thresholds')).toEqual(
    ['Frequency', 'REAP'].map((method) => ({
      method,
      'safe above ×1': '2',
      'at no tested factor': '4',
      'cannot tell': '0',
      cases: '6',
      'furthest in': '2',
      'largest threshold': '×2',
    })),
  );
  expect(rowsOf('safe-tasks')[0]).toEqual({ method: 'Frequency', 'E 8': '0 of 2', 'E 16': '0 of 2', 'E 32': '2 of 2' });
  expect(rowsOf('threshold-over-experts')[0]).toMatchObject({ rises: '2', falls: '0', tasks: '2' });
  expect(rowsOf('pruned-against-scratch')[1]).toMatchObject({ method: 'REAP', worse: '4', pairs: '4' });
});

test('answers that the model writes have rows of their own; what cannot be told is counted as such', () => {
  const [first, ...others] = sizeTrend.thresholds;
  if (first === undefined) expect.fail('no thresholds');
  const changed = { ...sizeTrend, written: ['sort'], thresholds: [{ ...first, lastSafe: null }, ...others] };
  const rows = rowsOf('thresholds', changed);
  expect(rows.map(({ answers }) => answers)).toEqual(['chosen', 'chosen', 'written', 'written']);
  expect(rows.map((row) => row['cannot tell'])).toEqual(['1', '0', '0', '0']);
  expect(rows[0]).toMatchObject({ 'safe above ×1': '1', 'at no tested factor': '1', cases: '3' });
});

test('a threshold at the largest tested factor may be higher, and one of nothing safe is none', () => {
  const open = sizeTrend.thresholds.map((threshold) =>
    threshold.method === 'reap'
      ? { ...threshold, lastSafe: threshold.lastSafe === null ? null : 1 }
      : { ...threshold, firstUnsafe: (threshold.lastSafe ?? 1) > 1 ? null : threshold.firstUnsafe },
  );
  const rows = rowsOf('thresholds', { ...sizeTrend, thresholds: open });
  expect(rows.map((row) => row['largest threshold'])).toEqual(['≥ ×2', '–']);
  expect(rows.map((row) => row['furthest in'])).toEqual(['2', '0']);
});
