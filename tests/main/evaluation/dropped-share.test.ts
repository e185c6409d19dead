import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readRunProfiles } from '../../../main/runs/read-run.ts';
import { readPointIndex, readRunPlans, readSweepDocument } from '../../../main/runs/sweep-record.ts';
import { runManifest } from '../../../main/contract/run.ts';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import { droppedShare } from '../../../main/evaluation/dropped-share.ts';
import { addSample, SAMPLE_RUN } from '../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

/** Two layers of four experts, chosen 1, 2, 3, 4 and 10, 0, 0, 0 times. */
const counts = [
  [1, 2, 3, 4],
  [10, 0, 0, 0],
];

test('a drop removes the choices of the experts that are not kept, over all layers', () => {
  expect(
    droppedShare(counts, {
      kept: [
        [2, 3],
        [0, 1],
      ],
    }),
  ).toBeCloseTo(3 / 20, 12);
  expect(droppedShare(counts, { kept: [[0], [3]] })).toBeCloseTo(19 / 20, 12);
  expect(
    droppedShare(counts, {
      kept: [
        [3, 2, 1, 0],
        [0, 1, 2, 3],
      ],
    }),
  ).toBe(0);
});

test('a merge removes those of every member but the reference, weighted or not', () => {
  const group = (members: number[], reference: number) => ({ members, reference, weights: members.map(() => 0) });
  const plan = {
    groups: [
      [group([0, 3], 3), group([1, 2], 2)],
      [group([0, 1, 2], 0), group([3], 3)],
    ],
    router: 'mapped-rows' as const,
    align: true,
  };
  expect(droppedShare(counts, plan)).toBeCloseTo(3 / 20, 12);
});

test('the unpruned model drops nothing, and a profile without choices gives no share', () => {
  expect(droppedShare(counts, null)).toBe(0);
  expect(droppedShare([[0, 0]], null)).toBeNull();
  expect(droppedShare([[0, 0]], { kept: [[0]] })).toBeNull();
});

test('every point of the sample has the share that its plan drops by its profile', async () => {
  const workspace = await openWorkspace(join(await temporaryFolder(), 'workspace'));
  await addSample(workspace, resources);
  const folder = workspace.runs.folder(SAMPLE_RUN);
  const [document, index, plans] = await Promise.all([
    readSweepDocument(folder),
    readPointIndex(folder),
    readRunPlans(folder),
  ]);
  const manifest = runManifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  const profiles = await readRunProfiles(folder, manifest);
  expect(document?.results.length).toBe(index.length);
  document?.results.forEach(({ model, task, droppedShare: stored }, at) => {
    const profile = profiles.find((one) => one.model === model)?.profiles.find((one) => one.task === task);
    const plan = plans?.get(index[at]?.step ?? '') ?? null;
    expect(stored).toBe(droppedShare(profile?.counts ?? expect.fail(`no profile of ${model} on ${task}`), plan));
  });
});

test('a sweep records it for every point that has a plan and a profile, curtailed ones too', async () => {
  const engine = await openEngine();
  const model = join(resources, 'models', 'uncurl-8');
  const measure = async (settings: Readonly<Record<string, unknown>>) => {
    const { run } = await engine.call('sweep.start', {
      models: [engine.grantPath(model)],
      tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
      settings: sweepSettings.parse({ factors: [2], ...settings }),
      candidates: [{ name: 'twin', folder: engine.grantPath(model) }],
    });
    await engine.finished(run);
    return engine.call('sweep.read', { run });
  };
  const { results } = await measure({ methods: ['frequency', 'random'], seeds: [0], limit: 5 });
  const shareOf = (method: string) => results.find((one) => one.method === method)?.droppedShare;
  expect(shareOf('unpruned')).toBe(0);
  expect(shareOf('frequency')).toBeGreaterThan(0.2);
  expect(shareOf('frequency')).toBeLessThan(shareOf('random') ?? 0);
  // A checkpoint made elsewhere has no plan, and a method that needs no profile asks for none.
  expect(shareOf('twin')).toBeUndefined();
  const bare = await measure({ methods: ['random'], seeds: [0], limit: 5 });
  expect(bare.results.map(({ droppedShare }) => droppedShare)).toEqual([undefined, undefined, undefined]);
  const { curtailed = [] } = await measure({ methods: ['frequency'], factors: [2, 4], stop: 'early' });
  expect(curtailed.map(({ droppedShare }) => droppedShare)).toEqual([shareOf('frequency')]);
}, 120_000);
