import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { isTrained } from '../../../main/contract/experiment.ts';
import { runManifest } from '../../../main/contract/run.ts';
import { engineVersions } from '../../../main/engine/machine.ts';
import { experimentDocument } from '../../../main/evaluation/experiment/document.ts';
import { armKey, armsOf, byExperts } from '../../../main/jobs/experiment-arms.ts';
import { requireExperimentRecord } from '../../../main/runs/experiment-record.ts';
import { RECORDED_EXPERIMENT, recordedExperimentFolder } from '../../../main/sample/sample-run.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { bundledModels, bundledTasks } from '../../../main/workspace/library.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const STALE =
  'the recorded experiment is not of these models, tasks or numbers: record it again with "node ' +
  'resources/experiment/make.mjs" (resources/experiment/README.md)';

describe('the recorded experiment', () => {
  const shipped = recordedExperimentFolder(resources);
  const manifest = async () => runManifest.parse(JSON.parse(await readFile(join(shipped, 'manifest.json'), 'utf8')));

  it('matches the current bundled models and tasks, and the numbers that this version computes', async () => {
    const { id, kind, state, models, tasks, versions, commandLine } = await manifest();
    expect({ id, kind, state }).toEqual({ id: RECORDED_EXPERIMENT, kind: 'experiment', state: 'done' });
    const [folders, paths] = [await bundledModels(resources), await bundledTasks(resources)];
    for (const model of models) {
      expect(model.path).toBe(`bundled:${model.name}`);
      expect((await openCheckpoint(folders.get(model.name) ?? '')).fingerprint, STALE).toBe(model.fingerprint);
    }
    for (const task of tasks) {
      expect(task.path).toBe(`bundled:${task.name}`);
      expect((await loadTask(paths.get(task.name) ?? '')).hash, STALE).toBe(task.hash);
    }
    expect(versions['numerics'], STALE).toBe((await engineVersions())['numerics']);
    expect(commandLine).not.toMatch(/(^|[\s=])\//);
  });

  it('contains every draw of every arm of every pair of sizes, item by item, in less than a megabyte', async () => {
    const record = await requireExperimentRecord(shipped, await manifest());
    const { models, tasks, settings, arms } = record;
    const folders = await bundledModels(resources);
    const members = byExperts(
      await Promise.all(
        models.map(async (model) => ({
          name: model.name,
          checkpoint: await openCheckpoint(folders.get(model.name) ?? ''),
        })),
      ),
    );
    const asked = tasks.flatMap((task) =>
      members.flatMap((member, index) => {
        const smaller = members.slice(0, index).map(({ checkpoint }) => checkpoint.info.experts);
        return armsOf(member, smaller, task.name, settings);
      }),
    );
    expect(settings.seeds).toEqual([0, 1, 2, 3, 4]);
    expect(arms.map(armKey).toSorted()).toEqual(asked.map(armKey).toSorted());
    for (const { task, right, treatment, training } of arms) {
      expect(right).toHaveLength(tasks.find((one) => one.name === task)?.n ?? Number.NaN);
      expect(training === null).toBe(!isTrained(treatment));
    }
    for (const { pairs } of experimentDocument(record).answers)
      expect(pairs).toHaveLength(arms.filter(({ method }) => method !== null).length);
    const sizes = await Promise.all(
      (await readdir(shipped)).map(async (file) => (await stat(join(shipped, file))).size),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1e6);
  });
});
