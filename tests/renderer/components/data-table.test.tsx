import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import type { SizePair } from '../../../main/contract/size-trend.ts';
import { pick } from '../../../main/figures/columns.ts';
import * as compareTables from '../../../main/figures/compare-tables.ts';
import * as experimentTables from '../../../main/figures/experiment-tables.ts';
import * as sizeTables from '../../../main/figures/size-tables.ts';
import * as sweepTables from '../../../main/figures/tables.ts';
import { DataTable, shownColumns, useSortedTable } from '../../../renderer/components/data-table.tsx';
import { definitions } from '../../../renderer/definitions/definitions.ts';

const pair = (task: string, seed: number | null, difference: number): SizePair => ({
  task,
  method: 'random',
  seed,
  large: 'large',
  small: 'small',
  largeExperts: 32,
  experts: 8,
  factor: 4,
  pastThreshold: true,
  metric: 'acc',
  n: 300,
  pruned: 0.5 + difference,
  scratch: 0.5,
  difference,
  low: difference - 0.02,
  high: difference + 0.02,
  p: 0.5,
  lost: 3,
  gained: 1,
  reading: 'undecided',
});

const tableOf = (rows: readonly SizePair[], selectedKey: string | null = null): string =>
  renderToStaticMarkup(
    <DataTable
      caption="pairs"
      rows={rows}
      rowKey={({ task, seed }) => `${task} ${String(seed)}`}
      foldBy={({ task }) => task}
      selectedKey={selectedKey}
      onRow={() => undefined}
      columns={shownColumns(pick(sizeTables.pairColumns, sizeTables.PAIR_SHOWN), rows, (task) => task.toUpperCase())}
    />,
  );
const rowsIn = (table: string): number => table.match(/<tr/g)?.length ?? 0;

test('draws are folded under one row with their spread, unless one of them is selected', () => {
  const rows = [pair('sums', 0, -0.03), pair('sums', 1, -0.01), pair('sums', 2, -0.02)];
  const table = tableOf(rows);
  expect(rowsIn(table)).toBe(2);
  for (const text of [
    'SUMS',
    '>3 draws<',
    '>\u22123.0 to \u22121.0<',
    '>[\u22125.0, +1.0]<',
    '>47.0 to 49.0<',
    '>50.0<',
  ])
    expect(table).toContain(text);
  expect(table).toContain('aria-expanded="false"');
  const open = tableOf(rows, 'sums 1');
  expect(rowsIn(open)).toBe(5);
  expect(open).toContain('aria-expanded="true"');
});

test('a long table begins with a page, which reaches to the selected row', () => {
  const rows = Array.from({ length: 120 }, (_, index) => pair(`task ${String(index)}`, null, 0));
  expect(rowsIn(tableOf(rows))).toBe(1 + 25);
  expect(tableOf(rows)).toContain('Show all 120 rows');
  expect(rowsIn(tableOf(rows, 'task 99 null'))).toBe(1 + 100);
  expect(tableOf(rows.slice(0, 40))).not.toContain('Show all');
  // No draws, hence no column of seeds.
  expect(tableOf(rows)).not.toContain('>Seed<');
});

test('a table is sorted by every column, and searched where it is long', () => {
  const short = tableOf([pair('sums', null, 0)]);
  expect(short).toContain('aria-label="Sort by Difference"');
  expect(short).toContain('aria-label="Copy as tab-separated text: pairs"');
  expect(short).not.toContain('type="search"');
  const rows = Array.from({ length: 13 }, (_, index) => pair(`task ${String(index)}`, null, 0));
  expect(tableOf(rows)).toContain('aria-label="Filter: pairs"');
});

test('every definition that a column names exists, and no two columns of a document have a name', () => {
  const documents = [compareTables, experimentTables, sizeTables, sweepTables].flatMap((file) =>
    Object.values<unknown>(file).flatMap((value) => (Array.isArray(value) ? [value as readonly unknown[][]] : [])),
  );
  expect(documents.length).toBeGreaterThan(10);
  for (const columns of documents) {
    const names = columns.map(([name]) => name);
    expect(new Set(names).size, names.join(' ')).toBe(names.length);
    for (const [, , shown] of columns) {
      const { definition } = (shown ?? {}) as { readonly definition?: string };
      if (definition !== undefined) expect(Object.keys(definitions)).toContain(definition);
    }
  }
});

test('a table with cells of its own has headings that sort, a copy button, and a filter where it is long', () => {
  const Matrix = ({ rows }: { readonly rows: readonly string[] }) => {
    const column = { key: 'task', title: 'Task', words: 'task', order: (task: string) => task, text: String };
    const { sorted, headings, tools } = useSortedTable('matrix', [column], rows);
    return (
      <>
        {tools}
        <table>
          <thead>
            <tr>{headings}</tr>
          </thead>
          <tbody>
            <tr>
              <td>{sorted.join(' ')}</td>
            </tr>
          </tbody>
        </table>
      </>
    );
  };
  const markup = renderToStaticMarkup(<Matrix rows={['sums', 'plurals']} />);
  expect(markup).toContain('aria-label="Sort by task"');
  expect(markup).toContain('aria-label="Copy as tab-separated text: matrix"');
  expect(markup).toContain('sums plurals');
  expect(markup).not.toContain('type="search"');
  const long = Array.from({ length: 13 }, (_, index) => `task ${String(index)}`);
  expect(renderToStaticMarkup(<Matrix rows={long} />)).toContain('aria-label="Filter: matrix"');
});
