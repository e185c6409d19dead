import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvFile } from '../../../main/figures/csv.ts';
import { profileCsv } from '../../../main/figures/profile-table.ts';
import { resultsCsv, thresholdsCsv, thresholdsMarkdown } from '../../../main/figures/tables.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { sampleManifest, sampleProfile, sampleSweep } from './sample-run.ts';

/** Parses RFC 4180. */
const parseCsv = (text: string): string[][] => {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n"]*))(,|\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\n') rows.push([]);
  }
  return rows.slice(0, -1);
};

const sweep = sampleSweep();

describe('csvFile', () => {
  it('keeps every cell, with texts that begin a formula prefixed by an apostrophe', () => {
    const shown = (cell: string | number): string =>
      typeof cell === 'string' && '=+-@\t\r'.includes(cell[0] ?? ' ') ? `'${cell}` : String(cell);
    const cells = fc.array(fc.tuple(fc.string(), fc.string(), fc.double({ noNaN: true })), { minLength: 1 });
    fc.assert(
      fc.property(cells, (rows) => {
        const parsed = parseCsv(csvFile(['a', 'b', 'c'], rows));
        expect(parsed).toEqual([['a', 'b', 'c'], ...rows.map((row) => row.map(shown))]);
      }),
    );
  });
});

describe('sweep tables', () => {
  it('contain every result in full precision', () => {
    const [columns = [], ...rows] = parseCsv(resultsCsv(sweep, sampleManifest));
    expect(rows).toHaveLength(sweep.results.length);
    sweep.results.forEach((result, index) => {
      const cell = (name: string): string | undefined => rows[index]?.[columns.indexOf(name)];
      expect(Number(cell('low_one_sided'))).toBe(result.lowOneSided);
      expect(Number(cell('value'))).toBe(result.value);
      expect(cell('p')).toBe(result.p === null ? '' : String(result.p));
      expect([cell('task'), cell('metric'), cell('n')]).toEqual([result.task, result.metric, String(result.n)]);
    });
  });

  it('list every threshold, as CSV and as Markdown with the rule', () => {
    const [columns = [], ...rows] = parseCsv(thresholdsCsv(sweep, sampleManifest));
    expect(rows.map((row) => row[columns.indexOf('verdict')])).toEqual(sweep.thresholds.map(({ verdict }) => verdict));
    const markdown = thresholdsMarkdown(sweep, sampleManifest);
    const lines = markdown.split('\n').filter((line) => line.startsWith('|'));
    expect(lines).toHaveLength(2 + sweep.thresholds.length);
    const cells = lines.map((line) => line.split(/(?<!\\)\|/).length);
    expect(new Set(cells).size).toBe(1);
    expect(markdown).toContain(sweep.rule);
    expect(markdown).toContain('| small | reap |  | ? |  |  |  | 60 | cannot tell: too few items |');
    expect(markdown).toContain('| sums | random | every draw |');
  });

  it('say where the quality is worse, what a test could have shown, and at which level', () => {
    const read = withThresholds(sweep, { delta: 0.02, familywise: true });
    const [columns = [], ...rows] = parseCsv(thresholdsCsv(read, sampleManifest));
    const column = (name: string) => rows.map((row) => row[columns.indexOf(name)]);
    const cells = (numbers: readonly (number | null | undefined)[]) => numbers.map((number) => String(number ?? ''));
    expect(column('first_worse')).toEqual(cells(read.thresholds.map(({ firstWorse }) => firstWorse)));
    expect(new Set(column('first_worse')).size).toBeGreaterThan(1);
    expect(column('items_for_80_percent')).toEqual(cells(read.thresholds.map(({ power }) => power?.itemsForWanted)));
    const results = parseCsv(resultsCsv(read, sampleManifest));
    const verdicts = results.slice(1).map((row) => row[(results[0] ?? []).indexOf('verdict')]);
    expect(verdicts).toEqual(read.results.map(({ verdict }) => verdict ?? ''));
    expect(new Set(verdicts)).toContain('worse');
    expect(thresholdsMarkdown(read, sampleManifest)).toContain(read.multiplicity?.sentence ?? 'no sentence');
  });

  it('escapes names that Markdown would read', () => {
    const thresholds = sweep.thresholds.slice(0, 1).map((one) => ({ ...one, task: 'a|b *c*\nd' }));
    expect(thresholdsMarkdown({ ...sweep, thresholds }, sampleManifest)).toContain('| a\\|b \\*c\\* d |');
  });
});

describe('profileCsv', () => {
  it('has a line per expert, with counts, sums and metrics; empty where there is no value', () => {
    const profile = sampleProfile('sums', 3, 5);
    const [columns = [], ...rows] = parseCsv(profileCsv('e16', profile, sampleManifest));
    expect(rows).toHaveLength(15);
    const [layer, expert] = [columns.indexOf('layer'), columns.indexOf('expert')];
    const row = rows.find((cells) => cells[layer] === '1' && cells[expert] === '4');
    const cell = (name: string): number => Number(row?.[columns.indexOf(name)]);
    expect(cell('share')).toBe((profile.counts[1]?.[4] ?? Number.NaN) / 1000);
    expect(cell('reap')).toBe(cell('reap_sum') / cell('count'));
    expect(rows.find((cells) => cells[layer] === '1' && cells[expert] === '2')?.[columns.indexOf('reap')]).toBe('');
  });
});
