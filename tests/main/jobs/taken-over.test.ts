import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

test('an engine that loses its run in mid-sweep leaves results and tables to the new holder', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const engine = await openEngine(workspace);
  const { runs } = await openWorkspace(workspace);
  const theirs: Promise<readonly string[]>[] = [];
  /** Another engine takes the run over, ends it, and releases the lock. */
  const takeOver = async (run: string): Promise<readonly string[]> => {
    const lock = await runs.lock(run, true);
    for (const name of ['results.json', 'points.json', 'plans.json'])
      await writeFile(join(runs.folder(run), name), `theirs: ${name}`);
    await runs.write({ ...(await runs.read(run)), state: 'done', title: 'Theirs' });
    await lock.release();
    return readdir(runs.folder(run));
  };
  engine.subscribe((event) => {
    if (event.type === 'sweep.changed' && event.change.what === 'point' && theirs.length === 0)
      theirs.push(takeOver(event.run));
  });
  const model = engine.grantPath(join(resources, 'models', 'uncurl-8'));
  const task = engine.grantPath(join(resources, 'tasks', 'capital'));
  const { run } = await engine.call('sweep.start', {
    models: [model],
    tasks: [task],
    settings: { methods: ['frequency', 'reap'], factors: [1, 8 / 7, 8 / 6, 2, 4], limit: 30 },
  });
  await expect(engine.finished(run)).rejects.toMatchObject({ code: 'taken-over' });
  const [left] = await Promise.all(theirs);
  for (const name of ['results.json', 'points.json', 'plans.json'])
    expect(await readFile(join(runs.folder(run), name), 'utf8')).toBe(`theirs: ${name}`);
  expect(await readdir(runs.folder(run))).toEqual(left);
  expect(await runs.read(run)).toMatchObject({ state: 'done', title: 'Theirs' });
});
