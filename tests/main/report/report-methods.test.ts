import { expect, test } from 'vitest';
import { sizeTrendDocument } from '../../../main/evaluation/size-trend/document.ts';
import { comparisonsCsv } from '../../../main/figures/compare-tables.ts';
import { reportPage } from '../../../main/report/report-page.ts';
import { readReportComparisons } from '../../../main/runs/read-run.ts';
import { readSweepDocument } from '../../../main/runs/sweep-record.ts';
import { comparedSample, sampleMethods } from '../evaluation/comparison/compare-sample.ts';
import { sampleManifest } from '../figures/sample-run.ts';
import { sourceOf } from '../runs/source-of.ts';
import { sweepOnDisk } from './sweep-on-disk.ts';

const sample = sampleMethods(
  [
    { method: 'reap', skill: 0.9 },
    { method: 'uncurl', skill: 0.5 },
    { method: 'reap+recovery', skill: 0.9 },
  ],
  [
    { task: 'sums', metric: 'acc' },
    { task: 'prose', metric: 'perplexity', items: 10 },
  ],
);
const comparison = comparedSample(sample);

test('a report ranks the methods, and gives the effect of recovery', () => {
  const sizeTrend = sizeTrendDocument(sample.document, { delta: 0.02 }, { pairs: [], missing: 0, incomparable: 0 });
  const page = reportPage({
    manifest: sampleManifest,
    document: sample.document,
    sizeTrend,
    comparisons: [comparison],
    profiles: [],
  });
  expect(page).toContain('Methods compared');
  expect(page).toContain('m at factor 2');
  for (const finding of comparison.findings) expect(page).toContain(finding);
  for (const note of comparison.notes) expect(page).toContain(note.replaceAll('\u2019', '\u2019'));
  expect(page).toContain('reap+recovery');
  expect(page.match(/<table/g)).toHaveLength(page.match(/<caption/g)?.length ?? 0);
  expect(reportPage({ manifest: sampleManifest, document: sample.document, sizeTrend, profiles: [] })).not.toContain(
    'Methods compared',
  );
});

test('the data are a table, a line per method and task', () => {
  const [header, ...lines] = comparisonsCsv([comparison, comparison], sampleManifest).trimEnd().split('\n');
  expect(lines).toHaveLength(2 * 6);
  expect(new Set([header, ...lines].map((line) => line?.split(',').length))).toEqual(new Set([30]));
});

test('a sweep of one method has nothing to compare', async () => {
  const { workspace, run } = await sweepOnDisk();
  const document = await readSweepDocument(workspace.runs.folder(run));
  if (document === null) throw new Error('a sweep with results');
  expect(await readReportComparisons(await sourceOf(workspace), document)).toEqual([]);
});
