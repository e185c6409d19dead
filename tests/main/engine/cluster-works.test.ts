import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { clusterRequest, type ClusterWork } from '../../../main/contract/cluster.ts';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { type ClusterHost, createClusterWorks, type ClusterWorks } from '../../../main/engine/cluster-works.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { plainRun } from '../contract/run-of.ts';

/** Slurm as it answers minutes after a job has ended: it has forgotten it. */
const forgetful = (): Promise<string> =>
  Promise.reject(
    new WorkbenchError('cluster-command-failed', 'failed', 'slurm_load_jobs error: Invalid job id specified', ''),
  );

interface Made {
  readonly workspace: Workspace;
  readonly clusters: ClusterWorks;
  readonly events: readonly EngineEvent[];
}

const make = async (changes: Partial<ClusterHost> = {}): Promise<Made> => {
  const folder = await mkdtemp(join(tmpdir(), 'uncurl-cluster-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const workspace = await openWorkspace(folder);
  const events: EngineEvent[] = [];
  const clusters = createClusterWorks({
    workspace,
    now: Date.now,
    emit: (event) => events.push(event),
    uncurl: ['node', '/my programs/uncurl.ts'],
    countParts: () => Promise.resolve(3),
    commands: () => forgetful,
    ...changes,
  });
  onTestFinished(() => clusters.dispose());
  return { workspace, clusters, events };
};

/** A sweep that an earlier engine has submitted. */
const submitted = async (workspace: Workspace): Promise<ClusterWork> => {
  const { manifest, lock } = await workspace.runs.create('sweep', {
    ...plainRun,
    title: 'Sweep of a model',
    state: 'queued',
  });
  await lock.release();
  const run = manifest.id;
  const work: ClusterWork = {
    run,
    title: manifest.title,
    request: clusterRequest.parse({ workers: 2 }),
    array: 7,
    join: 8,
    script: join(workspace.runs.folder(run), 'slurm.sh'),
    submittedAt: new Date().toISOString(),
    state: 'active',
    error: null,
    away: false,
    tasks: [],
    parts: { done: 0, of: 3 },
  };
  await writeFile(join(workspace.runs.folder(run), 'cluster.json'), JSON.stringify(work));
  return work;
};

test('the script starts uncurl as this machine does, or as it is told; where neither is known it is refused', async () => {
  const { clusters } = await make();
  expect(clusters.script('sweep-1', clusterRequest.parse({}))).toContain(
    "work) exec node '/my programs/uncurl.ts' work sweep-1 --until-empty",
  );
  const own = clusterRequest.parse({ command: 'srun node $HOME/uncurl.ts' });
  expect(clusters.script(undefined, own)).toContain('join) exec srun node $HOME/uncurl.ts resume RUN');
  const window = await make({ uncurl: null });
  expect(window.clusters.script('sweep-1', own)).toContain('srun node');
  expect(() => window.clusters.script('sweep-1', clusterRequest.parse({}))).toThrow('no program that a node');
});

test('a submission that Slurm has forgotten has failed, unless its run is done; it stays listed until it is forgotten', async () => {
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  const { workspace, clusters, events } = await make({ commands: () => () => asked.then(forgetful) });
  const { run } = await submitted(workspace);
  expect((await clusters.list()).map(({ state }) => state)).toEqual(['active']);
  expect(clusters.worksOn(run)).toBe(true);
  expect(() => clusters.requireNotOn(run)).toThrow('A cluster works on');
  expect(clusters.shown(await workspace.runs.read(run)).state).toBe('running');
  answer();
  while (!events.some((event) => event.type === 'run.changed' && event.manifest.state === 'failed'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await clusters.list()).toMatchObject([
    { state: 'failed', error: 'Slurm knows no more of the jobs 7 and 8, and the run is not done' },
  ]);
  expect(await workspace.runs.read(run)).toMatchObject({
    state: 'failed',
    error: 'Slurm knows no more of the jobs 7 and 8, and the run is not done.',
  });
  expect(clusters.worksOn(run)).toBe(false);
  await clusters.forget(run);
  expect(await clusters.list()).toEqual([]);
  await expect(clusters.forget(run)).rejects.toMatchObject({ code: 'not-submitted' });
});

test('a submission whose run is done has ended well, and is listed no more', async () => {
  let answer: () => void = () => undefined;
  const joined = new Promise<void>((resolve) => (answer = resolve));
  const { workspace, clusters, events } = await make({ commands: () => () => joined.then(forgetful) });
  const { run } = await submitted(workspace);
  expect(await clusters.list()).toHaveLength(1);
  await workspace.runs.write({ ...(await workspace.runs.read(run)), state: 'done' });
  answer();
  while (!events.some((event) => event.type === 'cluster.changed' && event.work.state !== 'active'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const states = events.flatMap((event) => (event.type === 'cluster.changed' ? [event.work.state] : []));
  expect(states.at(-1)).toBe('done');
  expect(await clusters.list()).toEqual([]);
});

test('what was not submitted cannot be cancelled, and has no log', async () => {
  const { clusters } = await make();
  await expect(clusters.cancel('sweep-1')).rejects.toMatchObject({ code: 'not-submitted' });
  await expect(clusters.log('sweep-1', 1)).rejects.toMatchObject({ code: 'not-submitted' });
});
