import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { clusterRequest, type ClusterWork } from '../../../main/contract/cluster.ts';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { type ClusterHost, createClusterWorks, type ClusterWorks } from '../../../main/engine/cluster-works.ts';
import { askAgainAfterMs } from '../../../main/engine/follow-cluster-work.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { patiently } from '../../hang-limit.ts';
import { plainRun } from '../contract/run-of.ts';
import { fillDisk, smallDisk } from '../workspace/small-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

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

const make = async (changes: Partial<ClusterHost> = {}, place?: string): Promise<Made> => {
  const workspace = await openWorkspace(place ?? (await temporaryFolder()));
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

test('the script starts uncurl as this machine does, or as it is told; if neither is known it is refused', async () => {
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

test('a submission that Slurm forgot has failed, unless its run is done; it is listed until forgotten', async () => {
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

/** Slurm with a node and a running job, which refuses what `refuses` names. */
const slurm =
  (refuses: string | null, asked: string[] = []) =>
  (program: string): Promise<string> => {
    asked.push(program);
    if (program === refuses)
      return Promise.reject(new WorkbenchError('cluster-command-failed', 'failed', `${program} refuses.`, ''));
    if (program === 'sinfo') return Promise.resolve('n1|(null)|(null)|main*');
    if (program === 'sbatch') return Promise.resolve('7');
    return Promise.resolve(program === 'scontrol' ? 'JobId=7 JobState=RUNNING NodeList=n1' : '{"jobs":[]}');
  };

test('a run that Slurm refuses to take stays what it was, one that is done too', async () => {
  const { workspace, clusters } = await make({ commands: () => slurm('sbatch') });
  const { manifest, lock } = await workspace.runs.create('sweep', { ...plainRun, finishedAt: '2026-01-01T00:00:00Z' });
  await lock.release();
  await expect(clusters.submit(manifest.id, clusterRequest.parse({}))).rejects.toThrow('sbatch refuses');
  expect(await workspace.runs.read(manifest.id)).toMatchObject({ state: 'done', finishedAt: '2026-01-01T00:00:00Z' });
  expect(await clusters.list()).toEqual([]);
});

test('a run that is done is not called cancelled when its jobs are', async () => {
  const { workspace, clusters } = await make({ commands: () => slurm(null) });
  const { run } = await submitted(workspace);
  expect(await clusters.list()).toHaveLength(1);
  await workspace.runs.write({ ...(await workspace.runs.read(run)), state: 'done' });
  await clusters.cancel(run);
  expect((await workspace.runs.read(run)).state).toBe('done');
});

test('a submission that cannot be followed is not submitted again while its jobs go on', async () => {
  let refuses: string | null = 'scontrol';
  const { workspace, clusters } = await make({ commands: () => (program) => slurm(refuses)(program) });
  const { run } = await submitted(workspace);
  await clusters.list();
  while (clusters.worksOn(run)) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await clusters.list()).toMatchObject([{ state: 'failed', error: expect.stringContaining('not followed') }]);
  refuses = null;
  await expect(clusters.submit(run, clusterRequest.parse({}))).rejects.toMatchObject({ code: 'already-submitted' });
});

test('a submission that cannot be read hides no run: its own is told as damaged, until it is mended', async () => {
  const { workspace, clusters } = await make();
  const { run: good } = await submitted(workspace);
  const { run: bad } = await submitted(workspace);
  const record = join(workspace.runs.folder(bad), 'cluster.json');
  await writeFile(record, '{"run":');
  for (let look = 0; look < 2; look += 1) {
    const manifests = await workspace.runs.list();
    await clusters.find(manifests);
    const told = new Map(manifests.map((manifest) => [manifest.id, clusters.shown(manifest).damaged]));
    expect(told.get(bad)).toBe(`${record} does not tell of a submission. Remove it, and submit the run again.`);
    expect(told.get(good)).toBeUndefined();
  }
  expect((await clusters.list()).map(({ run }) => run)).toEqual([good]);
  await rm(record);
  await clusters.find(await workspace.runs.list());
  expect(clusters.shown(await workspace.runs.read(bad)).damaged).toBeUndefined();
});

test('what could not be written on a full disk when jobs ended is told, and hinders nothing later', async ({
  skip,
}) => {
  const disk = await smallDisk(512);
  if (disk === null) return skip('needs Linux and root: the disk is a tmpfs');
  const { workspace, clusters, events } = await make({}, join(disk, 'workspace'));
  const { run } = await submitted(workspace);
  await fillDisk(disk);
  await clusters.list();
  const error = expect.stringMatching(/^It is not followed any more: No space is left/);
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ work: { state: 'failed', error } }), patiently);
  // Waits for what is still tried on the full disk.
  await clusters.forget(run);
  await rm(join(disk, 'filler'));
  expect(await clusters.list()).toEqual([]);
  expect((await workspace.runs.list()).map(({ state }) => state)).toEqual(['interrupted']);
});

test('a cluster is asked every second at first, over ssh every five, and every ten the longer it takes', () => {
  expect([0, 30_000, 120_000, 3_600_000].map((waitedMs) => askAgainAfterMs(waitedMs, { host: null }))).toEqual([
    1000, 1000, 4000, 10_000,
  ]);
  expect([0, 120_000, 3_600_000].map((waitedMs) => askAgainAfterMs(waitedMs, { host: 'login' }))).toEqual([
    5000, 5000, 10_000,
  ]);
});

test('what was not submitted cannot be cancelled, and has no log', async () => {
  const { clusters } = await make();
  await expect(clusters.cancel('sweep-1')).rejects.toMatchObject({ code: 'not-submitted' });
  await expect(clusters.log('sweep-1', 1)).rejects.toMatchObject({ code: 'not-submitted' });
});
