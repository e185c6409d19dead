import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { experimentSettings } from '../../../main/contract/experiment.ts';
import { createEngine, type Engine } from '../../../main/engine/engine.ts';
import { packExperiment } from '../../../main/sample/pack-experiment.ts';
import { addRecordedExperiment, RECORDED_EXPERIMENT } from '../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const openEngine = async (workspace: string, commandLine = 'uncurl experiment switch-8 switch-32'): Promise<Engine> => {
  const engine = await createEngine({ workspace, resources, commandLine, threads: 1 });
  onTestFinished(() => engine.dispose());
  return engine;
};

test('a finished experiment on bundled models and tasks becomes the recorded one; other runs are refused', async () => {
  const folder = await temporaryFolder();
  const engine = await openEngine(join(folder, 'workspace'));
  const { run } = await engine.call('experiment.start', {
    models: ['switch-32', 'switch-8'].map((name) => engine.grantPath(join(resources, 'models', name))),
    tasks: [engine.grantPath(join(resources, 'tasks', 'capital'))],
    settings: experimentSettings.parse({ treatments: ['as-is'], training: {}, limit: 10 }),
  });
  await engine.finished(run);
  const workspace = await openWorkspace(join(folder, 'workspace'));
  const target = join(folder, 'resources');
  const sizeBytes = await packExperiment(workspace, run, target);
  expect(sizeBytes).toBeLessThan(10_000);
  // A second time: it replaces the one before.
  expect(await packExperiment(workspace, run, target)).toBe(sizeBytes);

  const other = await openWorkspace(join(folder, 'other'));
  expect(await addRecordedExperiment(other, target)).toBe(true);
  expect(await addRecordedExperiment(other, target)).toBe(false);
  const second = await openEngine(join(folder, 'other'));
  const [before, after] = [
    await engine.call('experiment.read', { run }),
    await second.call('experiment.read', { run: RECORDED_EXPERIMENT }),
  ];
  // A seal is of one user's engine: a packed record has none, and is that of the package only once it is compiled in.
  expect(before.provenance).toEqual({ state: 'here', reason: null, files: [] });
  expect(after).toEqual({
    ...before,
    run: RECORDED_EXPERIMENT,
    provenance: { state: 'elsewhere', reason: 'no-seal', files: [] },
  });
  expect(before.models.map(({ name }) => name)).toEqual(['switch-8', 'switch-32']);

  const manifest = await workspace.runs.read(run);
  const refused = { code: 'not-a-sample' };
  await workspace.runs.write({ ...manifest, spec: { ...manifest.spec, python: '/somewhere/python' } });
  await expect(packExperiment(workspace, run, target)).rejects.toMatchObject(refused);
  await workspace.runs.write({ ...manifest, commandLine: 'uncurl experiment --workspace /somewhere' });
  await expect(packExperiment(workspace, run, target)).rejects.toMatchObject(refused);
  await workspace.runs.write({ ...manifest, state: 'cancelled' });
  await expect(packExperiment(workspace, run, target)).rejects.toMatchObject(refused);
});
