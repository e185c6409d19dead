import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import { createEngine, type Engine } from '../../../main/engine/engine.ts';
import { type PointOutcomes, readPointBlocks } from '../../../main/runs/read-outcomes.ts';
import { readRunPlans, readSweepDocument } from '../../../main/runs/sweep-record.ts';
import { packSample } from '../../../main/sample/pack-sample.ts';
import { addSample, SAMPLE_RUN, sampleFolder } from '../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { readSealedFiles } from '../../../main/workspace/sealed-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

const sweepOf = async (engine: Engine, model: string): Promise<string> => {
  const { run } = await engine.call('sweep.start', {
    models: [engine.grantPath(model)],
    tasks: [engine.grantPath(join(resources, 'tasks', 'capital'))],
    settings: sweepSettings.parse({ methods: ['frequency', 'uncurl'], factors: [2], limit: 10 }),
  });
  await engine.finished(run);
  return run;
};

const readAll = async (folder: string): Promise<PointOutcomes[]> => {
  const all: PointOutcomes[] = [];
  for await (const block of (await readPointBlocks(join(folder, 'outcomes.parquet'))) ?? []) all.push(block);
  return all;
};

test(
  'a finished sweep of what is bundled becomes a sample ' + 'that reads as the sweep did; any other run is refused',
  async () => {
    const folder = await temporaryFolder();
    const engine = await createEngine({
      workspace: join(folder, 'workspace'),
      resources,
      commandLine: 'uncurl sweep uncurl-8',
      threads: 1,
    });
    onTestFinished(() => engine.dispose());
    const run = await sweepOf(engine, join(resources, 'models', 'uncurl-8'));
    const workspace = await openWorkspace(join(folder, 'workspace'));
    const target = join(folder, 'resources');
    const sizeBytes = await packSample(workspace, run, target);
    expect(sizeBytes).toBeGreaterThan(10_000);
    expect(await readdir(sampleFolder(target))).toEqual([
      'checksums.sha256',
      'manifest.json',
      'outcomes.parquet',
      'plans.json.zst',
      'points.json.zst',
      'profile.safetensors.zst',
      'results.json.zst',
    ]);
    // A second time: it replaces the one before.
    expect(await packSample(workspace, run, target)).toBe(sizeBytes);

    const other = await openWorkspace(join(folder, 'other'));
    await addSample(other, target);
    const [from, to] = [workspace.runs.folder(run), other.runs.folder(SAMPLE_RUN)];
    expect(await other.runs.read(SAMPLE_RUN)).toEqual({
      ...(await workspace.runs.read(run)),
      id: SAMPLE_RUN,
      title: 'Sample: sweep of uncurl-8 on capital',
      sample: true,
    });
    expect(await readAll(to)).toEqual(await readAll(from));
    expect((await readSealedFiles(to)).changed).toEqual([]);
    expect(await readSweepDocument(to)).toEqual({ ...(await readSweepDocument(from)), run: SAMPLE_RUN });
    expect(await readRunPlans(to)).toEqual(await readRunPlans(from));
    for (const name of ['points.json', 'profile.safetensors'])
      expect(await readFile(join(to, name))).toEqual(await readFile(join(from, name)));

    await cp(join(resources, 'models', 'uncurl-8'), join(folder, 'mine'), { recursive: true });
    const strange = await sweepOf(engine, join(folder, 'mine'));
    await expect(packSample(workspace, strange, target)).rejects.toMatchObject({
      code: 'not-a-sample',
      message: expect.stringContaining(join(folder, 'mine')),
    });
    await workspace.runs.write({
      ...(await workspace.runs.read(run)),
      commandLine: 'uncurl sweep uncurl-8 --workspace /somewhere',
    });
    await expect(packSample(workspace, run, target)).rejects.toMatchObject({
      code: 'not-a-sample',
      message: expect.stringContaining('/somewhere'),
    });
    await workspace.runs.write({ ...(await workspace.runs.read(run)), state: 'cancelled' });
    await expect(packSample(workspace, run, target)).rejects.toMatchObject({ code: 'not-a-sample' });
  },
);
