import { type ChildProcess, spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, type TestContext } from 'vitest';
import { z } from 'zod';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { startUncurl, temporaryFolder, uncurl, type Uncurl } from '../integration/run-uncurl.ts';

// Shared by the tests of a real cluster: a sweep, its submission, and a worker that keeps it from finishing.

const SWEEP = [
  ...['sweep', 'uncurl-16', '--task', 'french', 'sort', '--method', 'random', 'reap', '--factors', '2,4'],
  ...['--seeds', '0,1', '--threads', '1', '--json'],
];
/** Two tasks, each with the unpruned model and six candidates. */
export const PARTS = 14;

export const answer = z.looseObject({ ...sweepDocument.shape, summary: z.string() });
export const numbersOf = (stdout: string): unknown => {
  const { results, curtailed, notNeeded, thresholds } = answer.parse(JSON.parse(stdout));
  return { results, curtailed, notNeeded, thresholds };
};

/** The result of one machine. */
export const measureAlone = async (...extra: readonly string[]): Promise<unknown> => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const { code, stdout, stderr } = await uncurl([...SWEEP, ...extra, '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  return numbersOf(stdout);
};

/** Runs a program of the cluster. */
export const slurm = (program: string, ...args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
};

export interface ClusterRun {
  readonly workspace: string;
  readonly run: string;
  readonly folder: string;
}

export const makeRun = async (folder: string, ...extra: readonly string[]): Promise<ClusterRun> => {
  const workspace = join(folder, 'workspace');
  const { code, stdout, stderr } = await uncurl([...SWEEP, ...extra, '--later', '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  const { run } = z.object({ run: z.string() }).parse(JSON.parse(stdout));
  return { workspace, run, folder: join(workspace, 'runs', run) };
};

export const submission = (
  { run, workspace }: ClusterRun,
  workers: number,
  ...extra: readonly string[]
): readonly string[] => [
  ...['submit', run, '--slurm', '--array', String(workers), '--cpus', '1', '--json', '--workspace', workspace],
  ...extra,
];

/** Submits until the end; the numbers must equal those of one machine. */
export const submitAgain = async (run: ClusterRun, known: unknown): Promise<{ readonly summary: string }> => {
  const { code, stdout, stderr } = await uncurl(submission(run, 2));
  expect(code, stderr).toBe(0);
  expect(numbersOf(stdout)).toEqual(known);
  return answer.parse(JSON.parse(stdout));
};

/** The job ids of the array and of the joining job, once submitted. */
export const jobsOf = async (submitted: Uncurl): Promise<{ readonly array: string; readonly join: string }> => {
  await submitted.says(/array \d+, joining job \d+/);
  const [, array = '', joining = ''] = /array (\d+), joining job (\d+)/.exec(submitted.printed.stderr) ?? [];
  return { array, join: joining };
};

const unitsOf = async ({
  folder,
}: ClusterRun): Promise<readonly (readonly [unit: string, files: readonly string[]])[]> => {
  const units = join(folder, 'work', 'units');
  const names = await readdir(units).catch((): string[] => []);
  return Promise.all(
    names.map(async (name) => [join(units, name), await readdir(join(units, name)).catch((): string[] => [])] as const),
  );
};

export const partsDone = async (run: ClusterRun): Promise<number> =>
  (await unitsOf(run)).filter(([, files]) => files.includes('done.json')).length;

export const untilDone = async (run: ClusterRun, parts: number): Promise<void> => {
  while ((await partsDone(run)) < parts) await pause(50);
};

export const untilQueueIsEmpty = async ({ run }: ClusterRun): Promise<void> => {
  while (slurm('squeue', '-h', '--name', run).trim() !== '') await pause(200);
};

const lockHolder = z.object({ pid: z.number(), released: z.boolean() });

/** Whether the process holds the lock of an unfinished part. */
const isInMidPart = async (run: ClusterRun, pid: number): Promise<boolean> => {
  for (const [unit, files] of await unitsOf(run)) {
    if (files.includes('done.json')) continue;
    for (const name of files.filter((file) => file.startsWith('lock-') && file.endsWith('.json'))) {
      const text = await readFile(join(unit, name), 'utf8').catch(() => '');
      // A lock still being written is not held yet.
      if (!text.endsWith('}')) continue;
      const holder = lockHolder.parse(JSON.parse(text));
      if (holder.pid === pid && !holder.released) return true;
    }
  }
  return false;
};

/** Folder of the cluster that the tests may hold, kill and restart; without one, the test is skipped. */
export const ownCluster = (context: TestContext): string =>
  process.env['UNCURL_SLURM_FOLDER'] ??
  context.skip('only a cluster of our own is held, killed and started again: UNCURL_SLURM_FOLDER names it');

/** Holds a cluster's jobs in the queue until released. */
export const holdCluster = (): { readonly letGo: () => void } => {
  const put = (state: string): string => slurm('scontrol', 'update', 'partitionname=main', `state=${state}`);
  put('down');
  onTestFinished(() => void put('up'));
  return { letGo: () => void put('up') };
};

export interface HeldSubmission {
  readonly submitted: Uncurl;
  readonly jobs: { readonly array: string; readonly join: string };
  /** Kills the stopped worker, so that another takes over its part. */
  readonly release: () => Promise<void>;
}

/**
 * A submission that cannot finish, however fast or slow the machine: another worker of the run, outside the array, is
 * stopped (SIGSTOP) in the middle of a part, so that the array does all other parts and waits. Resolves once both tasks
 * of the array run and some of their parts are on disk.
 */
export const submitHeld = async (run: ClusterRun): Promise<HeldSubmission> => {
  const { letGo } = holdCluster();
  const submitted = startUncurl(submission(run, 2));
  const jobs = await jobsOf(submitted);
  const worker = startUncurl(['work', run.run, '--threads', '1', '--workspace', run.workspace]);
  await stopInMidPart(run, worker.child);
  const done = await partsDone(run);
  letGo();
  for (const task of ['1', '2']) await submitted.says(new RegExp(`task ${task} on \\S+: RUNNING`));
  await untilDone(run, done + 2);
  const release = async (): Promise<void> => {
    worker.child.kill('SIGKILL');
    await worker.ended;
  };
  return { submitted, jobs, release };
};

const stopInMidPart = async (run: ClusterRun, child: ChildProcess): Promise<void> => {
  const { pid } = child;
  if (pid === undefined) throw new Error('the worker did not start');
  for (;;) {
    if (child.exitCode !== null) throw new Error('the worker ended before it was stopped');
    if (await isInMidPart(run, pid)) {
      child.kill('SIGSTOP');
      // It may have finished the part just before it was stopped.
      if (await isInMidPart(run, pid)) return;
      child.kill('SIGCONT');
    }
    await pause(5);
  }
};
