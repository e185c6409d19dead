import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { addSample } from '../../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../../main/workspace/open-workspace.ts';
import { sweepOnDisk } from '../../report/sweep-on-disk.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

test('items of a point of the sample: its lost and gained, with questions, choices and log-probabilities', async () => {
  const workspace = await openWorkspace(await temporaryFolder());
  await addSample(workspace, resources);
  const engine = await openEngine(workspace.path);
  const { results } = await engine.call('sweep.read', { run: 'sample' });
  const result = results.find(({ model, task, lost }) => model === 'uncurl-16' && task === 'french' && lost > 3);
  if (result === undefined) expect.fail('no point that lost items');
  const { model, task, method, seed, factor } = result;
  const point = { run: 'sample', model, task, method, seed, factor };
  const lost = await engine.call('outcomes.read', { ...point, show: 'lost', count: 500 });
  expect(lost).toMatchObject({
    metric: 'acc',
    counts: { lost: result.lost, gained: result.gained, same: result.n - result.lost - result.gained },
    total: result.lost,
    note: null,
  });
  expect(lost.items).toHaveLength(result.lost);
  for (const { asked, unpruned, candidate, change } of lost.items) {
    if (unpruned.kind !== 'choice' || candidate.kind !== 'choice' || asked === null) expect.fail('no choice');
    expect(change).toBe('lost');
    expect(asked.choices).toHaveLength(candidate.logprobs.length);
    expect(asked.right).toEqual([asked.choices[unpruned.chosen]]);
    expect(candidate.chosen).toBe(candidate.logprobs.indexOf(Math.max(...candidate.logprobs)));
    expect(candidate.chosen).not.toBe(unpruned.chosen);
  }
  const page = await engine.call('outcomes.read', { ...point, show: 'lost', from: 1, count: 2 });
  expect([page.from, page.total, page.items]).toEqual([1, result.lost, lost.items.slice(1, 3)]);
  const all = await engine.call('outcomes.read', point);
  expect([all.total, all.items.length]).toEqual([result.n, 100]);
  await expect(engine.call('outcomes.read', { ...point, factor: 3 })).rejects.toMatchObject({ code: 'no-such-point' });
  await expect(engine.call('outcomes.read', { ...point, run: '../x' })).rejects.toThrow();
});

test('if the task of a run is gone, answers are shown without questions, with the reason', async () => {
  const { workspace, run } = await sweepOnDisk();
  const engine = await openEngine(workspace.path);
  const { results } = await engine.call('sweep.read', { run });
  const result = results.find(({ factor }) => factor > 1);
  if (result === undefined) expect.fail('no pruned point');
  const { model, task, method, seed, factor } = result;
  const document = await engine.call('outcomes.read', { run, model, task, method, seed, factor });
  expect(document.items.length).toBeGreaterThan(0);
  expect(document.items.every(({ asked }) => asked === null)).toBe(true);
  expect(document.note).toMatch(/^Questions and right answers are not shown: /);
});
