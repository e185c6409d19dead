import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { runManifest, type RunManifest } from '../../../main/contract/run.ts';
import { sweepSettings, type Threshold } from '../../../main/contract/sweep.ts';
import { engineVersions } from '../../../main/engine/machine.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import type { ItemOutcome } from '../../../main/contract/outcome.ts';
import { validatePlan } from '../../../main/pruning/validate-plan.ts';
import { readCheckedSweep } from '../../../main/runs/checked-sweep.ts';
import { createKnownChecks } from '../../../main/runs/known-checks.ts';
import { readPointBlocks } from '../../../main/runs/read-outcomes.ts';
import { readRunProfiles } from '../../../main/runs/read-run.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { readPointIndex, readRunPlans, readSweepDocument } from '../../../main/runs/sweep-record.ts';
import { addSample, SAMPLE_RUN, sampleFolder } from '../../../main/sample/sample-run.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { bundledModels, bundledTasks, pairedTasks } from '../../../main/workspace/library.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { sourceOf } from '../runs/source-of.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const shipped = sampleFolder(resources);

/** Explanation shown with every failure of a stale sample. */
const STALE =
  'the sample sweep is not of these models, tasks or numbers: make it again with "node ' +
  'resources/sample/make.mjs" (resources/sample/README.md)';

/** The sample covers the models in Mixtral's layout; the second family has no bundled sweep. */
const sweptModels = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([...(await bundledModels(resources))].filter(([name]) => name.startsWith('uncurl-')));

const keyOf = (point: {
  readonly model: string;
  readonly task: string;
  readonly method: string;
  readonly seed: number | null;
  readonly factor: number;
}): string => JSON.stringify([point.model, point.task, point.method, point.seed, point.factor]);

describe('the bundled sample', () => {
  let manifest: RunManifest;
  beforeAll(async () => {
    manifest = runManifest.parse(JSON.parse(await readFile(join(shipped, 'manifest.json'), 'utf8')));
  });

  const unpacked = async (): Promise<{ readonly workspace: Workspace; readonly folder: string }> => {
    const workspace = await openWorkspace(join(await temporaryFolder(), 'workspace'));
    await addSample(workspace, resources);
    return { workspace, folder: workspace.runs.folder(SAMPLE_RUN) };
  };

  it('is a finished sweep of at most 20 MB without names of the machine that made it', async () => {
    expect(manifest).toMatchObject({ id: SAMPLE_RUN, kind: 'sweep', state: 'done', sample: true });
    const sizes = await Promise.all(
      (await readdir(shipped)).map(async (name) => (await stat(join(shipped, name))).size),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(20e6);
    for (const { path } of [...manifest.models, ...manifest.tasks]) expect(path).toMatch(/^bundled:[\w-]+$/);
    expect(manifest.commandLine).not.toMatch(/[/\\]/);
  });

  it('matches the current bundled models and tasks, and the numbers that this version computes', async () => {
    const models = await sweptModels();
    expect(manifest.models.map(({ name }) => name).sort(), STALE).toEqual([...models.keys()].sort());
    for (const { name, fingerprint } of manifest.models)
      expect((await openCheckpoint(models.get(name) ?? '')).fingerprint, STALE).toBe(fingerprint);
    const tasks = await bundledTasks(resources);
    // The tasks of wordy-16 have a record of their own, resources/endings.
    expect(manifest.tasks.map(({ name }) => name).sort(), STALE).toEqual([...pairedTasks(tasks.keys())].sort());
    for (const { name, hash } of manifest.tasks) expect((await loadTask(tasks.get(name) ?? '')).hash, STALE).toBe(hash);
    const { numerics, onnxruntime } = await engineVersions();
    expect(manifest.versions, STALE).toMatchObject({ numerics, onnxruntime });
  });

  it('covers all four methods on every model, five draws of those that draw, and factors down to top-k', async () => {
    const { methods, seeds, factors, limit } = sweepSettings.parse(manifest.spec);
    expect(methods).toEqual(['random', 'frequency', 'reap', 'uncurl']);
    expect(seeds.length).toBeGreaterThanOrEqual(5);
    expect(limit).toBeNull();
    for (const path of (await sweptModels()).values()) {
      const { info } = await openCheckpoint(path);
      expect(factors, STALE).toContain(info.experts / info.topK);
    }
  });

  it('contains only what follows from its outcomes, and is shown without being recomputed', async () => {
    const { workspace } = await unpacked();
    const source = await sourceOf(workspace);
    const sample = await workspace.runs.read(SAMPLE_RUN);
    const computed = await readCheckedSweep({ ...source, knownChecks: createKnownChecks(null, []) }, sample);
    expect(computed?.check, STALE).toEqual({ state: 'as-written', differing: [], changed: [], sentences: [] });
    // A new source, since a used one would remember.
    expect(await readCheckedSweep(await sourceOf(workspace), sample)).toEqual(computed);
  });

  it('contains the outcome of every item behind every value, and the plan behind every point', async () => {
    const { folder } = await unpacked();
    const document = await readSweepDocument(folder);
    if (document === null) throw new Error('no results.json');
    expect(document.run).toBe(SAMPLE_RUN);
    // Whatever version stored it, reading at its own margin finds the same brackets.
    const bracketOf = ({ model, task, method, seed, lastSafe, firstUnsafe, verdict }: Threshold) => [
      model,
      task,
      method,
      seed,
      lastSafe,
      firstUnsafe,
      verdict,
    ];
    const read = withThresholds(document, { delta: 0.02 });
    expect(read.thresholds.map(bracketOf)).toEqual(document.thresholds.map(bracketOf));
    expect(read.results.filter(({ verdict }) => verdict === undefined)).toEqual([]);
    const outcomes = new Map<string, readonly ItemOutcome[]>();
    const blocks = await readPointBlocks(join(folder, 'outcomes.parquet'));
    for await (const block of blocks ?? []) outcomes.set(keyOf(block.point), block.outcomes);
    expect(outcomes.size).toBe(document.results.length);
    const tests = new Map<string, readonly string[]>();
    for (const [name, path] of await bundledTasks(resources))
      tests.set(
        name,
        (await loadTask(path)).test.map(({ id }) => id),
      );
    for (const result of document.results) {
      // The summary contains neither the verdict (read at a margin) nor what is known without measuring.
      const { model, task, method, seed, factor, kept, droppedShare, verdict: _, cost, evaluated, ...summary } = result;
      expect(droppedShare === 0).toBe(method === 'unpruned');
      expect([evaluated, (cost?.bytes ?? 0) > 0]).toEqual([result.n, true]);
      const own = outcomes.get(keyOf(result)) ?? [];
      expect(
        own.map(({ id }) => id),
        STALE,
      ).toEqual(tests.get(task));
      const unpruned = outcomes.get(keyOf({ model, task, method: 'unpruned', seed: null, factor: 1 })) ?? [];
      expect(summarise(result.metric, unpruned, method === 'unpruned' ? null : own)).toMatchObject(summary);
      const isDrawn = ['random', 'uncurl'].includes(method);
      expect([kept * factor, seed === null]).toEqual([Number(model.replace('uncurl-', '')), !isDrawn]);
    }

    const plans = await readRunPlans(folder);
    const infos = new Map<string, Awaited<ReturnType<typeof openCheckpoint>>['info']>();
    for (const [name, path] of await sweptModels()) infos.set(name, (await openCheckpoint(path)).info);
    const index = await readPointIndex(folder);
    expect(index.map(keyOf)).toEqual(document.results.map(keyOf));
    for (const { model, method, step } of index) {
      const [plan, info] = [plans?.get(step), infos.get(model)];
      if (method === 'unpruned') expect(plan).toBeNull();
      else if (plan === undefined || plan === null || info === undefined) throw new Error(`no plan for step ${step}`);
      else validatePlan(plan, info);
    }
  });

  it('contains the profile of every model on every task', async () => {
    const { folder } = await unpacked();
    const found = await readRunProfiles(folder, manifest);
    expect(found.map(({ model }) => model).sort()).toEqual(manifest.models.map(({ name }) => name).sort());
    for (const { profiles } of found)
      expect(profiles.map(({ task, taskHash }) => ({ name: task, hash: taskHash }))).toEqual(
        manifest.tasks.map(({ name, hash }) => ({ name, hash })),
      );
  });
});
