import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { runManifest } from '../../../main/contract/run.ts';
import { engineVersions } from '../../../main/engine/machine.ts';
import { experimentDocument } from '../../../main/evaluation/experiment/document.ts';
import { requireExperimentRecord } from '../../../main/runs/experiment-record.ts';
import { RECORDED_EXPERIMENT, recordedExperimentFolder } from '../../../main/sample/recorded-experiment.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { bundledModels, bundledTasks } from '../../../main/workspace/library.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const shipped = recordedExperimentFolder(resources);
const STALE =
  'the recorded experiment is not of these models, tasks or numbers: record it again with "node ' +
  'resources/experiment/make.mjs" (resources/experiment/README.md)';

const manifest = async () => runManifest.parse(JSON.parse(await readFile(join(shipped, 'manifest.json'), 'utf8')));

it('is of the bundled models and tasks as they are, and of the numbers that this version computes', async () => {
  const { id, kind, state, models, tasks, versions, commandLine } = await manifest();
  expect({ id, kind, state }).toEqual({ id: RECORDED_EXPERIMENT, kind: 'experiment', state: 'done' });
  const [folders, paths] = [await bundledModels(resources), await bundledTasks(resources)];
  for (const { name, path, fingerprint } of models) {
    expect(path).toBe(`bundled:${name}`);
    expect((await openCheckpoint(folders.get(name) ?? '')).fingerprint, STALE).toBe(fingerprint);
  }
  for (const { name, path, hash } of tasks) {
    expect(path).toBe(`bundled:${name}`);
    expect((await loadTask(paths.get(name) ?? '')).hash, STALE).toBe(hash);
  }
  expect(versions['numerics'], STALE).toBe((await engineVersions())['numerics']);
  expect(commandLine).not.toMatch(/(^|[\s=])\//);
});

it('holds every arm of every pair of sizes, item by item, in less than a megabyte', async () => {
  const record = await requireExperimentRecord(shipped, await manifest());
  const { models, tasks, settings, arms } = record;
  const pairs = (models.length * (models.length - 1)) / 2;
  const own = 1 + Number(settings.treatments.includes('tuned'));
  const each = models.length * own + pairs * settings.methods.length * settings.treatments.length;
  expect(arms).toHaveLength(tasks.length * each);
  for (const { task, right, treatment, training } of arms) {
    expect(right).toHaveLength(tasks.find(({ name }) => name === task)?.n ?? Number.NaN);
    expect(training === null).toBe(treatment !== 'tuned');
  }
  for (const { pairs: told } of experimentDocument(record).answers)
    expect(told).toHaveLength(tasks.length * pairs * settings.methods.length * settings.treatments.length);
  const sizes = await Promise.all((await readdir(shipped)).map(async (name) => (await stat(join(shipped, name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1e6);
});
