import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine, bundled } from '../open-engine.ts';

test('a pruned copy and its source recognise each other, and experts can be ordered by similarity', async () => {
  const folder = await temporaryFolder();
  const workspace = join(folder, 'workspace');
  const engine = await openEngine(workspace, { threads: 2 });
  const { model, task } = await bundled(engine, 'uncurl-8', 'add');
  expect(await engine.call('models.pruned', { model })).toEqual({ copies: [], source: null });
  expect(await engine.call('profile.likeness', { model, task })).toEqual({ order: null });

  const kept = [
    [0, 2, 3, 7],
    [1, 2, 4, 5],
    [0, 1, 6, 7],
  ];
  const out = join(folder, 'out');
  await mkdir(out);
  const { run } = await engine.call('export.start', {
    model,
    plan: { kept },
    into: engine.grantPath(out),
    name: 'half',
  });
  await engine.finished(run);
  const copy = (await engine.call('models.openMade', { run })).handle;
  expect(await engine.call('models.pruned', { model })).toEqual({
    copies: [{ model: copy, standsFor: kept }],
    source: null,
  });
  expect(await engine.call('models.pruned', { model: copy })).toEqual({
    copies: [],
    source: { model, standsFor: kept },
  });

  const planFile = join(out, 'half', 'uncurl-plan.json');
  const plan = await readFile(planFile, 'utf8');
  await writeFile(planFile, 'no plan');
  expect(await engine.call('models.pruned', { model })).toEqual({ copies: [], source: null });
  await writeFile(planFile, plan);

  await engine.finished((await engine.call('profile.start', { model, tasks: [task] })).run);
  const { order } = await engine.call('profile.likeness', { model, task });
  expect(order?.map((layer) => [...layer].sort((a, b) => a - b))).toEqual(
    kept.map(() => Array.from({ length: 8 }, (_, expert) => expert)),
  );
});
