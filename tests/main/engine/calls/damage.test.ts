import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pairedInterval } from '../../../../main/statistics/exact-paired-test.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine, bundled } from '../open-engine.ts';

test('each expert of a layer is measured alone, with the steps of a sweep and the interval of its counts', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(workspace, { threads: 2 });
  const { model, task } = await bundled(engine, 'uncurl-8', 'add');

  const one = await engine.call('damage.start', { model, task, layer: 1, experts: [5, 5] });
  await engine.finished(one.run);
  const single = await engine.call('damage.read', one);
  expect(single.results.map(({ expert }) => expert)).toEqual([5]);

  const all = await engine.call('damage.start', { model, task, layer: 1 });
  await engine.finished(all.run);
  const layer = await engine.call('damage.read', all);
  expect(layer).toMatchObject({ model: 'uncurl-8', task: 'add', layer: 1, experts: 8, metric: 'acc' });
  expect(layer.results.map(({ expert }) => expert)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(layer.results[5]).toEqual(single.results[0]);
  for (const { value, difference, low, high, lost, gained } of layer.results) {
    expect(difference).toBeCloseTo((gained - lost) / layer.n, 12);
    expect(value - layer.unpruned).toBeCloseTo(difference, 12);
    expect({ low, high }).toEqual(pairedInterval({ gained, lost, n: layer.n }));
  }
  // A layer of a trained model in which no expert matters would make the test meaningless.
  expect(layer.results.some(({ lost }) => lost > 0)).toBe(true);
  const runs = await engine.call('runs.list', {});
  expect(runs.find(({ id }) => id === all.run)).toMatchObject({
    kind: 'damage',
    state: 'done',
    title: 'Damage of each expert of layer 1 of uncurl-8 on add',
  });

  const cancelled = await engine.call('damage.start', { model, task, layer: 2, experts: [1] });
  await engine.call('jobs.cancel', cancelled);
  await expect(engine.finished(cancelled.run)).rejects.toMatchObject({ kind: 'cancelled' });
  await expect(engine.call('damage.read', cancelled)).rejects.toMatchObject({ code: 'no-damage' });

  // A changed file is refused, and is not read as an answer.
  const file = join(workspace, 'runs', one.run, 'damage.json');
  await writeFile(file, (await readFile(file, 'utf8')).slice(0, -20));
  await expect(engine.call('damage.read', one)).rejects.toMatchObject({ code: 'results-edited' });
  await engine.call('jobs.resume', cancelled);
  await engine.finished(cancelled.run);
  expect((await engine.call('damage.read', cancelled)).results.map(({ expert }) => expert)).toEqual([1]);

  await expect(engine.call('damage.start', { model, task, layer: 3 })).rejects.toMatchObject({ code: 'no-such-layer' });
  await expect(engine.call('damage.start', { model, task, layer: 0, experts: [8] })).rejects.toMatchObject({
    code: 'no-such-expert',
  });
});
