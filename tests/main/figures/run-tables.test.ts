import { expect, test } from 'vitest';
import type { RunManifest } from '../../../main/contract/run.ts';
import { pick, PLAIN_NAMES, shownCell } from '../../../main/figures/columns.ts';
import { COMPARE_SHOWN, recoveryTaskColumns } from '../../../main/figures/compare-tables.ts';
import {
  runColumns,
  runEntry,
  runRows,
  RUNS_OFFERED,
  RUNS_SHOWN,
  runsCsv,
  type RunsOrder,
} from '../../../main/figures/run-tables.ts';
import { PAIR_SHOWN } from '../../../main/figures/size-tables.ts';
import { sliceColumns } from '../../../main/figures/slice-table.ts';
import { nextSort, rowsWith, sortedBy, tableTsv, tsvText } from '../../../main/figures/table-rows.ts';
import { resultColumns } from '../../../main/figures/tables.ts';
import { sampleManifest, sampleSweep } from './sample-run.ts';

const document = sampleSweep();
const entryOf = (id: string, change: Partial<RunManifest> = {}) =>
  runEntry({ ...sampleManifest, id, ...change }, `run ${id}`, document);
const profile = runEntry(
  { ...sampleManifest, id: 'profile-1', kind: 'profile', spec: {}, finishedAt: null },
  'a profile',
  null,
);
const sweep = entryOf('sweep-1');
const PLAIN: RunsOrder = { sort: null, group: null, pinned: [], unfolded: [] };
const keysOf = (entries: Parameters<typeof runRows>[0], order: Partial<RunsOrder>) =>
  runRows(entries, { ...PLAIN, ...order }, PLAIN_NAMES).map((row) => (row.is === 'group' ? row.title : row.key));
const textOf = (name: string, line: (typeof sweep)['line']) => {
  const [column] = pick(runColumns, name);
  return column === undefined ? null : shownCell(column, line, PLAIN_NAMES);
};

test('has every column of a point, once, and those that it begins with', () => {
  const names = runColumns.map(([name]) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(resultColumns.map(([name]) => name)));
  expect(names).toEqual(expect.arrayContaining([...RUNS_SHOWN]));
  expect(RUNS_SHOWN.join(' ')).toBe(
    'name difference interval verdict threshold model method factor task n unpruned chance bytes duration_ms tags ' +
      'command',
  );
});

test('a run says the spread of its points, and a point its own numbers', () => {
  const pruned = document.results.filter(({ factor }) => factor > 1);
  expect(sweep.points).toHaveLength(pruned.length);
  const factors = pruned.map(({ factor }) => factor);
  expect(textOf('factor', sweep.line)).toBe(`${Math.min(...factors)} to ${Math.max(...factors)}`);
  expect(textOf('method', sweep.line)).toBe([...new Set(pruned.map(({ method }) => method))].join(', '));
  const counts = pruned.reduce<Record<string, number>>(
    (known, { verdict }) => ({ ...known, [verdict ?? 'none']: (known[verdict ?? 'none'] ?? 0) + 1 }),
    {},
  );
  if (counts['safe'] !== undefined) expect(textOf('verdict', sweep.line)).toContain(`${counts['safe']} safe`);
  pruned.forEach((result, index) => {
    const point = sweep.points[index];
    if (point === undefined) throw new Error('a point is missing');
    for (const column of resultColumns) {
      if (column[1] === null) continue;
      const [lifted] = pick(runColumns, column[0]);
      expect(lifted?.[1]?.(point), column[0]).toEqual(column[1](result));
    }
    const unpruned = document.results.find(
      ({ factor, model, task }) => factor === 1 && model === result.model && task === result.task,
    );
    expect(pick(runColumns, 'unpruned')[0]?.[1]?.(point)).toBe(unpruned?.value);
  });
});

test('a run says the command that makes it, its tags and its duration', () => {
  const finishedAt = new Date(Date.parse(sampleManifest.createdAt) + 61_000).toISOString();
  const label = { name: null, note: '', tags: ['paper', 'odd'], archived: false };
  const spec = { methods: ['reap'], factors: [1, 2], seeds: [0], gates: 'renormalised' };
  const { line } = entryOf('sweep-5', { finishedAt, label, spec });
  expect(textOf('command', line)).toBe(
    'uncurl sweep /models/e16 --method reap --factors 1,2 --gates renormalised --seeds 0',
  );
  expect([textOf('tags', line), textOf('duration_ms', line)]).toEqual(['paper odd', '61\u202fs']);
});

test('a run that has measured nothing says what it was asked for', () => {
  const asked = runEntry({ ...sampleManifest, id: 'sweep-2' }, 'asked', null);
  expect(textOf('model', asked.line)).toBe(sampleManifest.models.map(({ name }) => name).join(', '));
  expect(textOf('difference', asked.line)).toBeNull();
  expect(textOf('method', profile.line)).toBeNull();
  expect(textOf('duration_ms', profile.line)).toBeNull();
});

test('runs are sorted by their extreme point, empty ones last, and pinned ones stay on top', () => {
  const harmless = runEntry({ ...sampleManifest, id: 'sweep-3' }, 'harmless', {
    ...document,
    results: document.results.map((result) => ({ ...result, difference: 99 })),
  });
  const entries = [profile, harmless, sweep];
  const by = (descending: boolean) => ({ sort: { column: 'difference', descending } });
  expect(keysOf(entries, by(false))).toEqual(['sweep-1', 'sweep-3', 'profile-1']);
  expect(keysOf(entries, by(true))).toEqual(['sweep-3', 'sweep-1', 'profile-1']);
  expect(keysOf(entries, { ...by(true), pinned: ['profile-1'] })).toEqual(['profile-1', 'sweep-3', 'sweep-1']);
  expect(keysOf(entries, {})).toEqual(['profile-1', 'sweep-3', 'sweep-1']);
});

test('an unfolded run has its points under it, sorted alike', () => {
  const rows = runRows(
    [sweep, profile],
    { ...PLAIN, sort: { column: 'difference', descending: true }, unfolded: ['sweep-1'] },
    PLAIN_NAMES,
  );
  expect(rows[0]).toMatchObject({ is: 'run', isOpen: true });
  const differences = rows.flatMap((row) => (row.is === 'point' ? (row.line.points[0]?.result.difference ?? []) : []));
  expect(differences).toHaveLength(sweep.points.length);
  expect(differences).toEqual([...differences].sort((left, right) => right - left));
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
});

test('groups are headed by what their runs share', () => {
  const tagged = entryOf('sweep-4', { label: { name: null, note: '', tags: ['paper'], archived: false } });
  expect(keysOf([sweep, tagged, profile], { group: 'kind' })).toEqual([
    'sweep',
    'sweep-1',
    'sweep-4',
    'profile',
    'profile-1',
  ]);
  expect(keysOf([sweep, tagged], { group: 'tags' })).toEqual(['no tag', 'sweep-1', 'paper', 'sweep-4']);
});

test('the file of several runs has a line for each point and each run without one, with its run', () => {
  const lines = runsCsv([sweep, profile], { runs: [sweep.line.run, profile.line.run] })
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(1 + sweep.points.length + 1);
  expect(lines[0]?.startsWith('run,name,')).toBe(true);
  expect(lines[1]?.startsWith('sweep-1,')).toBe(true);
  expect(lines.at(-1)?.startsWith('profile-1,')).toBe(true);
});

test('cells are ordered by size and by alphabet, with empty ones last', () => {
  const sorted = (cells: readonly (string | number | null)[], descending: boolean) =>
    sortedBy(cells, (cell) => cell, descending);
  expect(sorted([null, 10, 9, Number.NaN, -1], false)).toEqual([-1, 9, 10, null, Number.NaN]);
  expect(sorted([null, 10, 9, -1], true)).toEqual([10, 9, -1, null]);
  expect(sorted(['run 10', '', 'run 9', 'Run 1'], false)).toEqual(['Run 1', 'run 9', 'run 10', '']);
  expect(nextSort(nextSort(nextSort(null, 'n'), 'n'), 'n')).toBeNull();
  expect(nextSort({ column: 'n', descending: true }, 'p')).toEqual({ column: 'p', descending: false });
});

test('rows are found by words in any cell, and copied for a spreadsheet', () => {
  const rows = [
    ['Sorting', 'REAP', 2],
    ['Sums', 'EAN', 4],
  ] as const;
  expect(rowsWith(rows, 'reap SORT', (row) => row)).toEqual([rows[0]]);
  expect(rowsWith(rows, 'reap sums', (row) => row)).toEqual([]);
  expect(rowsWith(rows, ' ', (row) => row)).toBe(rows);
  expect(tsvText([['a\tb', '=1+1', null, 0.125]])).toBe('"a\tb"\t\'=1+1\t\t0.125\n');
  const columns = pick(runColumns, 'name factor');
  expect(tableTsv(columns, [profile.line], PLAIN_NAMES)).toBe('Run\tFactor\na profile\t\n');
  const [point] = sweep.points;
  if (point === undefined) throw new Error('the sample holds no point');
  const { difference } = point.points[0]?.result ?? {};
  expect(tableTsv(pick(runColumns, 'difference'), [point], PLAIN_NAMES)).toBe(`Difference\n${String(difference)}\n`);
});

test('the columns on offer begin with those shown, so that chosen ones keep the answer in front', () => {
  const offered = RUNS_OFFERED.map(([name]) => name);
  expect(offered.slice(0, RUNS_SHOWN.length)).toEqual(RUNS_SHOWN);
  expect(offered).toHaveLength(runColumns.filter(([, , shown]) => shown !== undefined).length);
  expect(new Set(offered).size).toBe(offered.length);
});

/** Columns of tables that are wider than a narrow window, with what follows the difference in them. */
const wide: readonly (readonly [table: string, columns: readonly string[], reading: string])[] = [
  ['runs', RUNS_SHOWN, 'verdict'],
  ['methods compared', COMPARE_SHOWN.split(' '), 'reading'],
  ['recovered plans', recoveryTaskColumns.map(([name]) => name), 'reading'],
  ['against models from scratch', PAIR_SHOWN.split(' '), 'past_threshold'],
  ['slices', sliceColumns.map(([name]) => name).filter((name) => !['low', 'high'].includes(name)), 'reading'],
];

test.each(wide)(
  'in the table of %s difference, interval and reading come before all other numbers',
  (_, columns, reading) => {
    const at = columns.indexOf('difference');
    expect(columns.slice(at, at + 3)).toEqual(['difference', 'interval', reading]);
    const numbers = ['n', 'value', 'p', 'bare', 'recovered', 'pruned', 'scratch', 'first', 'unpruned'];
    for (const name of numbers.filter((one) => columns.includes(one)))
      expect(columns.indexOf(name), name).toBeGreaterThan(at);
  },
);
