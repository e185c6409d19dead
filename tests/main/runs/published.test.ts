import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { publishedDifferences } from '../../../main/evaluation/experiment/document.ts';
import { readPublishedTable } from '../../../main/runs/experiment-record.ts';

const resources = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../resources');

it("gives the counts of the paper's own table from its accuracies", async () => {
  const { rows, tasks } = publishedDifferences(await readPublishedTable(resources));
  expect(tasks).toEqual(['RTE', 'BoolQ', 'COPA', 'CB', 'ReCoRD', 'WSC']);
  const counts = rows
    .filter(({ method }) => method === 'UNCURL')
    .map(({ experts, kept, factor, above, of }) => [experts, kept, factor, `${String(above)} of ${String(of)}`]);
  expect(counts).toEqual([
    [32, 8, 4, '5 of 6'],
    [64, 8, 8, '1 of 6'],
    [64, 32, 2, '5 of 6'],
    [128, 8, 16, '0 of 6'],
    [128, 32, 4, '1 of 6'],
    [128, 64, 2, '5 of 6'],
  ]);
  expect(rows.filter(({ method }) => method === 'frequency').map(({ above }) => above)).toEqual([0, 0, 0]);
  expect(rows[0]?.differences).toEqual([0.45, 1.78, 0.56, -0.22, 1.17, 1.7]);
});
