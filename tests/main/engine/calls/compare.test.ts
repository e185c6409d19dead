import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { addSample } from '../../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../../main/workspace/open-workspace.ts';
import { sweepOnDisk } from '../../report/sweep-on-disk.ts';
import { recordedResults } from '../../sample/recorded.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

test(
  'compares the methods of the sample: against the ' + 'unpruned model with the very numbers of its results',
  async () => {
    const workspace = await openWorkspace(await temporaryFolder());
    await addSample(workspace, resources);
    const engine = await openEngine(workspace.path);
    const { results } = await recordedResults('sample');
    for (const model of ['uncurl-8', 'uncurl-64']) {
      const document = await engine.call('sweep.compare', { run: 'sample', model, reference: 'unpruned' });
      expect(document.tasks.map(({ rows }) => rows.length)).toEqual(Array.from({ length: 9 }, () => 4));
      for (const { task, rows, unpruned } of document.tasks) {
        expect(unpruned).toBe(
          results.find((one) => one.model === model && one.task === task && one.factor === 1)?.value,
        );
        for (const { method, paired, value } of rows) {
          const draws = results.filter(
            (one) =>
              one.model === model && one.task === task && one.method === method && one.factor === document.factor,
          );
          expect(draws).toHaveLength(['random', 'uncurl'].includes(method) ? 5 : 1);
          expect(value).toBeCloseTo(draws.reduce((sum, draw) => sum + draw.value, 0) / draws.length, 12);
          expect(paired?.difference).toBeCloseTo(
            draws.reduce((sum, draw) => sum + draw.difference, 0) / draws.length,
            12,
          );
          expect(paired?.pairs.map(({ seed, low, high }) => ({ seed, low, high }))).toEqual(
            draws.map(({ seed, low, high }) => ({ seed, low, high })),
          );
        }
      }
    }
    const byDefault = await engine.call('sweep.compare', { run: 'sample' });
    expect([byDefault.model, byDefault.factors, byDefault.factor, byDefault.reference]).toEqual([
      'uncurl-8',
      [2, 4],
      2,
      'best',
    ]);
    expect(byDefault.thresholds.every(({ model }) => model === 'uncurl-8')).toBe(true);
  },
);

test('reads a sweep from its steps if its outcomes are not written yet, and refuses other runs', async () => {
  const { workspace, run } = await sweepOnDisk();
  const engine = await openEngine(workspace.path);
  expect(await engine.call('sweep.compare', { run, model: 'e16', factor: 4 })).toMatchObject({
    methods: ['frequency'],
    factor: 4,
    comparisons: { count: 0 },
  });
  await expect(engine.call('sweep.compare', { run: 'sweep-gone' })).rejects.toMatchObject({ code: 'no-such-run' });
});
