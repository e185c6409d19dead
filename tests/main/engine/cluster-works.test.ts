import { cp, link, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readClusterWork, writeClusterWork } from '../../../main/cluster/cluster-record.ts';
import { createSubmissions } from '../../../main/cluster/submissions.ts';
import { clusterRequest, type ClusterWork } from '../../../main/contract/cluster.ts';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { approvedAs } from '../../../main/engine/approved-run.ts';
import { type ClusterHost, createClusterWorks, type ClusterWorks } from '../../../main/engine/cluster-works.ts';
import { askAgainAfterMs } from '../../../main/engine/follow-cluster-work.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import { runCode } from '../../../main/workspace/run-binding.ts';
import { patiently } from '../../hang-limit.ts';
import { plainRun } from '../contract/run-of.ts';
import { fillDisk, smallDisk } from '../workspace/small-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** Slurm minutes after a job has ended: it no longer knows the job. */
const forgetful = (): Promise<string> =>
  Promise.reject(
    new WorkbenchError('cluster-command-failed', 'failed', 'slurm_load_jobs error: Invalid job id specified', ''),
  );

/** Nobody cancels. */
const STANDING = new AbortController().signal;

interface Made {
  /** Folder of the per-user state. */
  readonly state: string;
  readonly workspace: Workspace;
  readonly clusters: ClusterWorks;
  readonly events: readonly EngineEvent[];
}

const make = async (changes: Partial<ClusterHost> = {}, path?: string): Promise<Made> => {
  const workspace = await openWorkspace(path ?? (await temporaryFolder()));
  const state = join(await temporaryFolder(), 'state');
  const events: EngineEvent[] = [];
  const clusters = createClusterWorks({
    workspace,
    state,
    approve: async (run) => {
      const manifest = await workspace.runs.read(run);
      return approvedAs(manifest, runCode(manifest));
    },
    now: Date.now,
    emit: (event) => events.push(event),
    uncurl: ['node', '/my programs/uncurl.ts'],
    countParts: () => Promise.resolve(3),
    commands: () => forgetful,
    ...changes,
  });
  onTestFinished(() => clusters.dispose());
  return { state, workspace, clusters, events };
};

/** A sweep whose folder claims that it was submitted. */
const saidToBeSubmitted = async (workspace: Workspace, changes: Partial<ClusterWork> = {}): Promise<ClusterWork> => {
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
    ...changes,
  };
  await writeFile(join(workspace.runs.folder(run), 'cluster.json'), JSON.stringify(work));
  return work;
};

/** A sweep that an earlier engine of this user submitted. */
const submitted = async ({ workspace, state }: Pick<Made, 'workspace' | 'state'>): Promise<ClusterWork> => {
  const work = await saidToBeSubmitted(workspace);
  await createSubmissions(state, workspace.path).write(work);
  return work;
};

test('the script starts uncurl as this machine does, or as settings say; refused if neither is known', async () => {
  const { workspace, clusters } = await make();
  const { run } = await saidToBeSubmitted(workspace);
  const code = runCode(await workspace.runs.read(run));
  const script = await clusters.script(run, clusterRequest.parse({}));
  expect(script).toContain(`work) exec node '/my programs/uncurl.ts' work ${run} --until-empty`);
  // A node need not have the key: it is given what was approved.
  expect(script.split('\n').filter((line) => line.includes(`--confirm ${code}`))).toHaveLength(2);
  const own = clusterRequest.parse({ command: 'srun node $HOME/uncurl.ts' });
  expect(await clusters.script(undefined, own)).toContain('join) exec srun node $HOME/uncurl.ts resume RUN');
  const window = await make({ uncurl: null });
  expect(await window.clusters.script(undefined, own)).toContain('srun node');
  await expect(window.clusters.script(undefined, clusterRequest.parse({}))).rejects.toThrow(
    'A cluster node cannot start',
  );
});

test('a submission unknown to Slurm has failed, unless its run is done; it is listed until it is removed', async () => {
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  const { state, workspace, clusters, events } = await make({ commands: () => () => asked.then(forgetful) });
  const { run } = await submitted({ state, workspace });
  expect((await clusters.list()).map(({ state }) => state)).toEqual(['active']);
  expect(clusters.worksOn(run)).toBe(true);
  expect(() => clusters.requireNotOn(run)).toThrow('A cluster is computing');
  expect(clusters.shown(await workspace.runs.read(run)).state).toBe('running');
  answer();
  while (!events.some((event) => event.type === 'run.changed' && event.manifest.state === 'failed'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await clusters.list()).toMatchObject([
    { state: 'failed', error: 'Slurm no longer knows the jobs 7 and 8, and the run is not done' },
  ]);
  expect(await workspace.runs.read(run)).toMatchObject({
    state: 'failed',
    error: 'Slurm no longer knows the jobs 7 and 8, and the run is not done.',
  });
  expect(clusters.worksOn(run)).toBe(false);
  await clusters.forget(run);
  expect(await clusters.list()).toEqual([]);
  await expect(clusters.forget(run)).rejects.toMatchObject({ code: 'not-submitted' });
});

test('a submission whose run is done has succeeded, and is no longer listed', async () => {
  let answer: () => void = () => undefined;
  const joined = new Promise<void>((resolve) => (answer = resolve));
  const { state, workspace, clusters, events } = await make({ commands: () => () => joined.then(forgetful) });
  const { run } = await submitted({ state, workspace });
  expect(await clusters.list()).toHaveLength(1);
  await workspace.runs.write({ ...(await workspace.runs.read(run)), state: 'done' });
  answer();
  while (!events.some((event) => event.type === 'cluster.changed' && event.work.state !== 'active'))
    await new Promise((resolve) => setTimeout(resolve, 10));
  const states = events.flatMap((event) => (event.type === 'cluster.changed' ? [event.work.state] : []));
  expect(states.at(-1)).toBe('done');
  expect(await clusters.list()).toEqual([]);
});

/** Slurm with a node and a running job; refuses the program named by `refuses`. */
const slurm =
  (refuses: string | null, name = '', asked: string[] = []) =>
  (program: string, args: readonly string[] = []): Promise<string> => {
    asked.push([program, ...args].join(' '));
    if (program === refuses)
      return Promise.reject(new WorkbenchError('cluster-command-failed', 'failed', `${program} refuses.`, ''));
    if (program === 'sinfo') return Promise.resolve('n1|(null)|(null)|main*');
    if (program === 'sbatch') return Promise.resolve('7');
    return Promise.resolve(
      program === 'scontrol' ? `JobId=7 JobName=${name} JobState=RUNNING NodeList=n1` : '{"jobs":[]}',
    );
  };

test('a run that Slurm refuses keeps its state, also if it is done', async () => {
  const { workspace, clusters } = await make({ commands: () => slurm('sbatch') });
  const { manifest, lock } = await workspace.runs.create('sweep', { ...plainRun, finishedAt: '2026-01-01T00:00:00Z' });
  await lock.release();
  await expect(clusters.submit(manifest.id, clusterRequest.parse({}), STANDING)).rejects.toThrow('sbatch refuses');
  expect(await workspace.runs.read(manifest.id)).toMatchObject({ state: 'done', finishedAt: '2026-01-01T00:00:00Z' });
  expect(await clusters.list()).toEqual([]);
});

test('a finished run stays done when its jobs are cancelled', async () => {
  const { state, workspace, clusters } = await make({
    commands: () => (program, args) => slurm(null, run)(program, args),
  });
  const { run } = await submitted({ state, workspace });
  expect(await clusters.list()).toHaveLength(1);
  await workspace.runs.write({ ...(await workspace.runs.read(run)), state: 'done' });
  await clusters.cancel(run);
  expect((await workspace.runs.read(run)).state).toBe('done');
});

test('a run whose submission cannot be followed is not submitted again while its jobs continue', async () => {
  let refuses: string | null = 'scontrol';
  const { state, workspace, clusters } = await make({ commands: () => (program) => slurm(refuses, run)(program) });
  const { run } = await submitted({ state, workspace });
  await clusters.list();
  while (clusters.worksOn(run)) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await clusters.list()).toMatchObject([
    { state: 'failed', error: expect.stringContaining('no longer followed') },
  ]);
  refuses = null;
  await expect(clusters.submit(run, clusterRequest.parse({}), STANDING)).rejects.toMatchObject({
    code: 'already-submitted',
  });
});

test('a submission that cannot be read hides no run: its own is reported as damaged, until it is mended', async () => {
  const { state, workspace, clusters } = await make();
  const { run: good } = await submitted({ state, workspace });
  const { run: bad } = await submitted({ state, workspace });
  const record = join(workspace.runs.folder(bad), 'cluster.json');
  await writeFile(record, '{"run":');
  for (let look = 0; look < 2; look += 1) {
    const manifests = await workspace.runs.list();
    await clusters.find(manifests);
    const damages = new Map(manifests.map((manifest) => [manifest.id, clusters.shown(manifest).damaged]));
    expect(damages.get(bad)).toBe(`${record} does not describe a submission. Remove it, and submit the run again.`);
    expect(damages.get(good)).toBeUndefined();
  }
  expect((await clusters.list()).map(({ run }) => run)).toEqual([good]);
  await rm(record);
  await clusters.find(await workspace.runs.list());
  expect(clusters.shown(await workspace.runs.read(bad)).damaged).toBeUndefined();
});

test('what could not be written on a full disk when jobs ended is reported, and hinders nothing later', async ({
  skip,
}) => {
  const disk = await smallDisk(512);
  if (disk === null) return skip('needs Linux and root: the disk is a tmpfs');
  const { state, workspace, clusters, events } = await make({}, join(disk, 'workspace'));
  const { run } = await submitted({ state, workspace });
  await fillDisk(disk);
  await clusters.list();
  const error = expect.stringMatching(/^It is no longer followed: No space is left/);
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ work: { state: 'failed', error } }), patiently);
  // Waits for pending writes to the full disk.
  await clusters.forget(run);
  await rm(join(disk, 'filler'));
  expect(await clusters.list()).toEqual([]);
  expect((await workspace.runs.list()).map(({ state }) => state)).toEqual(['interrupted']);
});

test('a cluster is polled every second at first, over ssh every five, and less often with time', () => {
  expect([0, 30_000, 120_000, 3_600_000].map((waitedMs) => askAgainAfterMs(waitedMs, { host: null }))).toEqual([
    1000, 1000, 4000, 10_000,
  ]);
  expect([0, 120_000, 3_600_000].map((waitedMs) => askAgainAfterMs(waitedMs, { host: 'login' }))).toEqual([
    5000, 5000, 10_000,
  ]);
});

test('a run that was not submitted cannot be cancelled, and has no log', async () => {
  const { clusters } = await make();
  await expect(clusters.cancel('sweep-1')).rejects.toMatchObject({ code: 'not-submitted' });
  await expect(clusters.log('sweep-1', 1)).rejects.toMatchObject({ code: 'not-submitted' });
});

test('a submission known only from a run folder is shown, but no host is contacted and no job cancelled', async () => {
  const asked: string[] = [];
  const { workspace, clusters, events } = await make({
    commands: (host) => {
      asked.push(`to ${host ?? 'this machine'}`);
      return slurm(null, '', asked);
    },
  });
  const secret = join(await temporaryFolder(), 'secret');
  await writeFile(secret, 'private');
  const log = { reason: null, node: 'n1', exitCode: null, signal: null, elapsedMs: null, parts: 0, log: secret };
  const said: string[] = [];
  for (const state of ['active', 'failed'] as const) {
    const { run } = await saidToBeSubmitted(workspace, {
      state,
      request: clusterRequest.parse({ host: 'evil.example', setup: ['touch /tmp/x'] }),
      tasks: [{ task: 1, state: 'RUNNING', ...log }],
    });
    said.push(run);
  }
  await clusters.find(await workspace.runs.list());
  for (const run of said) {
    expect(clusters.worksOn(run)).toBe(false);
    expect(clusters.shown(await workspace.runs.read(run)).state).toBe('interrupted');
    expect((await clusters.list()).find((work) => work.run === run)).toMatchObject({
      state: 'unfollowed',
      error: expect.stringMatching(
        /^Not followed: .* array 7 and joining job 8 on evil\.example, and no engine of yours/,
      ),
    });
    await expect(clusters.cancel(run)).rejects.toMatchObject({ code: 'not-followed' });
    await expect(clusters.log(run, 1)).rejects.toMatchObject({ code: 'log-elsewhere' });
    await clusters.forget(run);
    expect((await clusters.list()).some((work) => work.run === run)).toBe(false);
  }
  expect(asked).toEqual([]);
  expect(events.every((event) => event.type === 'cluster.changed' && event.work.state === 'cancelled')).toBe(true);
});

test('a submission is followed by the user record, whatever the folder says', async () => {
  const asked: string[] = [];
  const { state, workspace, clusters } = await make({
    commands: (host) => {
      asked.push(`to ${host ?? 'this machine'}`);
      return slurm(null, run, asked);
    },
  });
  const work = await submitted({ state, workspace });
  const { run } = work;
  const forged = { ...work, array: 666, join: 667, request: clusterRequest.parse({ host: 'evil.example' }) };
  await writeFile(join(workspace.runs.folder(run), 'cluster.json'), JSON.stringify({ ...forged, title: 'forged' }));
  expect(await clusters.list()).toMatchObject([{ array: 7, join: 8, title: work.title, request: { host: null } }]);
  await clusters.cancel(run);
  expect(asked.filter((line) => line.startsWith('scancel'))).toEqual(['scancel 7']);
  expect(asked.filter((line) => /evil|66[67]/.test(line))).toEqual([]);
  expect(await createSubmissions(state, workspace.path).read(run)).toBeNull();
});

test('a record only applies to its workspace and run: not to a copy, not to another run', async () => {
  const { state, workspace } = await make();
  const { run } = await submitted({ state, workspace });
  const copy = join(await temporaryFolder(), 'copy');
  await cp(workspace.path, copy, { recursive: true });
  expect(await createSubmissions(state, copy).read(run)).toBeNull();
  expect(await createSubmissions(state, workspace.path).read('sweep-1')).toBeNull();
  expect(await createSubmissions(await temporaryFolder(), workspace.path).read(run)).toBeNull();
  const link = join(await temporaryFolder(), 'link');
  await symlink(workspace.path, link);
  expect(await createSubmissions(state, link).read(run)).toMatchObject({ array: 7, join: 8 });
});

test('a log is only read from the folder of its run, however its path is written', async () => {
  const { state, workspace, clusters } = await make();
  const { run } = await submitted({ state, workspace });
  const folder = workspace.runs.folder(run);
  const outside = join(await temporaryFolder(), 'outside');
  await writeFile(outside, 'private');
  await writeFile(join(folder, 'worker.log'), 'printed');
  await symlink(outside, join(folder, 'linked.log'));
  await link(outside, join(folder, 'second-name.log'));
  await symlink(join(folder, 'worker.log'), join(folder, 'inside.log'));
  const read = async (log: string): Promise<string> => {
    const [task] = [{ task: 1, state: 'RUNNING', reason: null, node: 'n1', exitCode: null, signal: null }];
    const work = await readClusterWork(folder);
    if (work === null) throw new Error('no record');
    await writeClusterWork(
      folder,
      { ...work, tasks: [{ ...task, elapsedMs: null, parts: 0, log }] },
      workspace.temporaryFolder,
    );
    const { clusters: fresh } = await make({ workspace, state });
    return (await fresh.log(run, 1)).text;
  };
  expect(await read(join(folder, 'worker.log'))).toBe('printed');
  expect(await read(join(folder, 'inside.log'))).toBe('printed');
  const elsewhere = { code: 'log-elsewhere', kind: 'refused' };
  for (const log of [
    '/etc/passwd',
    join(folder, 'linked.log'),
    join(folder, 'second-name.log'),
    `${folder}/../../library`,
  ])
    await expect(read(log)).rejects.toMatchObject(log.endsWith('library') ? { code: 'no-log' } : elsewhere);
  await expect(read(join(folder, '..', '..', 'workspace.json'))).rejects.toMatchObject(elsewhere);
  await clusters.dispose();
});
