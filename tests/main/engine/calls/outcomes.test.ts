import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { SweepResult } from '../../../../main/contract/sweep.ts';
import type { Engine } from '../../../../main/engine/engine.ts';
import { addSample } from '../../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../../main/workspace/open-workspace.ts';
import { sweepOnDisk } from '../../report/sweep-on-disk.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

/**
 * Two points of the sample slice by slice: the slices of each kind hold every item once, their lost items add up, and
 * against the unpruned model they are the comparison of the sweep itself.
 */
const expectSlices = async (engine: Engine, results: readonly SweepResult[]): Promise<void> => {
  const found = results.filter(
    ({ model, task, method }) => model === 'uncurl-16' && task === 'french' && method === 'reap',
  );
  const [mild, strong] = [2, 4].map((factor) => found.find((one) => one.factor === factor));
  if (mild === undefined || strong === undefined) expect.fail('the sample has no such points');
  const { model, task, method, seed } = mild;
  const ends = { first: { method, seed, factor: 2 }, second: { method, seed, factor: 4 } };
  const asked = { run: 'sample', model, task, ...ends };
  const document = await engine.call('outcomes.compare', asked);
  const [all, ...slices] = document.slices;
  expect(all).toMatchObject({ by: 'all', n: mild.n, first: mild.value, second: strong.value });
  expect(document.total).toBe(all?.lost);
  for (const by of ['length', 'class', 'token'] as const) {
    const own = slices.filter((slice) => slice.by === by);
    if (own.length === 0) continue;
    const sum = (count: 'n' | 'lost' | 'gained'): number => own.reduce((total, slice) => total + slice[count], 0);
    expect([by, sum('n'), sum('lost'), sum('gained')]).toEqual([by, all?.n, all?.lost, all?.gained]);
  }
  expect(new Set(slices.map(({ by }) => by))).toEqual(new Set(['length', 'token']));
  expect(slices[0]?.name).toMatch(/^up to \d+ tokens$/);

  // Against the unpruned model it is the comparison of the sweep itself.
  const plain = { ...asked, first: { method: 'unpruned', seed: null, factor: 1 }, second: ends.second };
  const [whole] = (await engine.call('outcomes.compare', plain)).slices;
  const { difference, low, high, p, lost, gained } = strong;
  expect(whole).toMatchObject({ difference, low, high, p, lost, gained });

  // The items of one slice are the changed ones of all that belong to it.
  const token = slices.filter(({ by }) => by === 'token').find((slice) => slice.lost > 0);
  if (token === undefined) expect.fail('no token lost an item');
  const { items, total } = await engine.call('outcomes.compare', {
    ...asked,
    slice: { by: 'token', name: token.name },
  });
  expect([total, items.length]).toEqual([token.lost, token.lost]);
  for (const { asked: question, change } of items) {
    expect(change).toBe('lost');
    expect(question?.right[0]?.trimStart().startsWith(token.name.trimStart())).toBe(true);
  }
  await expect(
    engine.call('outcomes.compare', { ...asked, slice: { by: 'token', name: 'no such token' } }),
  ).rejects.toMatchObject({ code: 'no-such-slice' });
};

test('items of a point of the sample: lost and gained, with questions and log-probabilities, and slices', async () => {
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
  await expectSlices(engine, results);
});

test('if the task of a run is gone, answers are shown without questions and slices, with the reason', async () => {
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
  const first = { method: 'unpruned', seed: null, factor: 1 };
  const sliced = await engine.call('outcomes.compare', { run, model, task, first, second: { method, seed, factor } });
  expect(sliced.slices.map(({ by }) => by)).toEqual(['all']);
  expect(sliced.notes.join(' ')).toMatch(/Slices and questions are not shown: /);
});
