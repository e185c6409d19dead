import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { startUncurl, temporaryFolder, uncurl, type Uncurl } from '../integration/run-uncurl.ts';

// A real cluster of one node: `npm run test:slurm` starts it, or SLURM_CONF names one.

const SWEEP = [
  ...['sweep', 'uncurl-16', '--task', 'french', 'sort', '--method', 'random', 'reap', '--factors', '2,4'],
  ...['--seeds', '0,1', '--json'],
];
const PARTS = 14;

const answer = z.looseObject({ ...sweepDocument.shape, summary: z.string() });
const numbersOf = (stdout: string): unknown => {
  const { results, told, notNeeded, thresholds } = answer.parse(JSON.parse(stdout));
  return { results, told, notNeeded, thresholds };
};

const slurm = (program: string, ...args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
};

const makeRun = async (workspace: string, ...extra: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await uncurl([...SWEEP, ...extra, '--later', '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  return z.object({ run: z.string() }).parse(JSON.parse(stdout)).run;
};

const submission = (
  run: string,
  workspace: string,
  workers: number,
  ...extra: readonly string[]
): readonly string[] => [
  ...['submit', run, '--slurm', '--array', String(workers), '--cpus', '1', '--json', '--workspace', workspace],
  ...extra,
];

/** The numbers of the array and of the joining job, once they are submitted. */
const jobsOf = async (submitted: Uncurl): Promise<readonly [array: string, join: string]> => {
  await submitted.says(/array \d+, joining job \d+/);
  const [, array = '', join = ''] = /array (\d+), joining job (\d+)/.exec(submitted.printed.stderr) ?? [];
  return [array, join];
};

const partsDone = async (workspace: string, run: string): Promise<number> => {
  const folder = join(workspace, 'runs', run, 'work', 'units');
  const names = await readdir(folder).catch((): string[] => []);
  const files = await Promise.all(names.map((name) => readdir(join(folder, name)).catch((): string[] => [])));
  return files.filter((own) => own.includes('done.json')).length;
};

const untilDone = async (workspace: string, run: string, parts: number): Promise<void> => {
  while ((await partsDone(workspace, run)) < parts) await new Promise((resolve) => setTimeout(resolve, 50));
};

describe('a sweep on a Slurm cluster', () => {
  let known: unknown = null;
  /** What one machine gives, measured once. */
  const alone = async (): Promise<unknown> => {
    if (known !== null) return known;
    const { code, stdout, stderr } = await uncurl([
      ...SWEEP,
      '--workspace',
      join(await temporaryFolder(), 'workspace'),
    ]);
    expect(code, stderr).toBe(0);
    known = numbersOf(stdout);
    return known;
  };
  beforeAll(() => {
    if (process.env['SLURM_CONF'] === undefined) throw new Error('no SLURM_CONF: run "npm run test:slurm"');
  });

  test('an array and a joining job give the numbers of one machine, and the join computes nothing', async () => {
    const workspace = join(await temporaryFolder(), 'workspace');
    const run = await makeRun(workspace);
    const { code, stdout, stderr } = await uncurl(submission(run, workspace, 3, '--setup', 'export FROM_SETUP=1'));
    expect(code, stderr).toBe(0);
    expect(numbersOf(stdout)).toEqual(await alone());
    expect(answer.parse(JSON.parse(stdout)).summary).toMatch(/^0 of (\d+) steps computed, \1 reused from disk\.$/);
    expect(stderr).toMatch(/task 3 on \S+: COMPLETED/);
    const script = await readFile(join(workspace, 'runs', run, 'slurm.sh'), 'utf8');
    expect(script).toContain('export FROM_SETUP=1\n');
    const logs = (await readdir(join(workspace, 'runs', run, 'work'))).filter((name) => name.startsWith('worker-'));
    const texts = await Promise.all(logs.map((name) => readFile(join(workspace, 'runs', run, 'work', name), 'utf8')));
    const counts = texts.map((text) => Number(/(\d+) of \d+ parts of/.exec(text)?.[1]));
    // Every part was done once, by one of the workers.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(PARTS);
    const steps = await uncurl(['steps', run, '--workspace', workspace]);
    expect(steps.stdout).toContain(`0 of ${String(PARTS)} to do.`);
    expect(await readdir(join(workspace, 'tmp'))).toEqual([]);
  });

  test('workers that search for thresholds only give what one machine is told', async () => {
    const workspace = join(await temporaryFolder(), 'workspace');
    const told = await uncurl([...SWEEP, '--stop', 'told', '--workspace', join(await temporaryFolder(), 'workspace')]);
    const run = await makeRun(workspace, '--stop', 'told');
    const { code, stdout, stderr } = await uncurl(submission(run, workspace, 3));
    expect(code, stderr).toBe(0);
    expect(numbersOf(stdout)).toEqual(numbersOf(told.stdout));
    expect(answer.parse(JSON.parse(stdout)).summary).toMatch(/^0 of /);
  });

  test('a worker killed in mid-work is named with node, end and log; submitting again ends with equal numbers', async () => {
    const workspace = join(await temporaryFolder(), 'workspace');
    const run = await makeRun(workspace);
    const first = startUncurl(submission(run, workspace, 2));
    const [array] = await jobsOf(first);
    await untilDone(workspace, run, 3);
    slurm('scancel', '--signal=KILL', '--full', `${array}_1`);
    const { code, stderr } = await first.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/task 1 on \S+: \w+, (signal 9|exit code \d+).*; its log: \S+worker-\d+-1\.log/);
    const again = await uncurl(submission(run, workspace, 2));
    expect(again.code, again.stderr).toBe(0);
    expect(numbersOf(again.stdout)).toEqual(await alone());
  });

  test('an interrupt cancels the jobs; scancel of the join, kill -9 of who follows, and a second submission do no harm', async () => {
    const workspace = join(await temporaryFolder(), 'workspace');
    const run = await makeRun(workspace);
    const first = startUncurl(submission(run, workspace, 2));
    const [array] = await jobsOf(first);
    await untilDone(workspace, run, 1);
    first.child.kill('SIGINT');
    expect((await first.ended).code).toBe(130);
    while (slurm('squeue', '-h', '--name', run).trim() !== '') await new Promise((resolve) => setTimeout(resolve, 200));
    expect(slurm('scontrol', 'show', 'job', '-o', array)).toContain('JobState=CANCELLED');

    const second = startUncurl(submission(run, workspace, 2));
    const [, joining] = await jobsOf(second);
    slurm('scancel', joining);
    const { code, stderr } = await second.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/joining job.*: CANCELLED/);

    const third = startUncurl(submission(run, workspace, 2));
    await jobsOf(third);
    third.child.kill('SIGKILL');
    await third.ended;
    while (slurm('squeue', '-h', '--name', run).trim() !== '') await new Promise((resolve) => setTimeout(resolve, 200));
    const last = await uncurl(submission(run, workspace, 2));
    expect(last.code, last.stderr).toBe(0);
    expect(numbersOf(last.stdout)).toEqual(await alone());
  });

  test('the controller may end and start again in mid-work, and a node may vanish: its tasks are put into the queue anew', async (context) => {
    const folder = process.env['UNCURL_SLURM_FOLDER'];
    if (folder === undefined) return context.skip('only the controller of a cluster of our own may be killed');
    const workspace = join(await temporaryFolder(), 'workspace');
    const run = await makeRun(workspace);
    const submitted = startUncurl(submission(run, workspace, 2));
    const [array] = await jobsOf(submitted);
    await untilDone(workspace, run, 1);
    const pid = Number(await readFile(join(folder, 'slurmctld.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await submitted.says('does not answer');
    spawn('slurmctld', [], { stdio: 'ignore', detached: true }).unref();
    await submitted.says('answers again');
    const node = slurm('sinfo', '-h', '-N', '-o', '%N').trim();
    slurm('scontrol', 'update', `nodename=${node}`, 'state=down', 'reason=vanished');
    slurm('scontrol', 'update', `nodename=${node}`, 'state=resume');
    // Slurm lets tasks of a node that vanished wait for minutes before it runs them again.
    spawnSync('scontrol', ['update', `jobid=${array}`, 'starttime=now']);
    const { code, stdout, stderr } = await submitted.ended;
    // Either Slurm ran the tasks again, or the submission ended and the next one goes on.
    const ended = code === 0 ? { code, stdout, stderr } : await uncurl(submission(run, workspace, 2));
    expect(ended.code, stderr + ended.stderr).toBe(0);
    expect(numbersOf(ended.stdout)).toEqual(await alone());
  });

  test('a full shared disk fails a task by name; with room again the submission ends with equal numbers', async (context) => {
    const disk = join(await temporaryFolder(), 'disk');
    await mkdir(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=350k', 'tmpfs', disk], { encoding: 'utf8' });
    if (mounted.status !== 0) context.skip(`no small disk can be mounted here: ${mounted.stderr.trim()}`);
    onTestFinished(() => void spawnSync('umount', ['-l', disk]));
    const workspace = join(disk, 'workspace');
    const run = await makeRun(workspace);
    const full = await uncurl(submission(run, workspace, 2));
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(/(task \d|joining job) on \S+: FAILED, exit code [12]/);
    slurm('mount', '-o', 'remount,size=200m', disk);
    const again = await uncurl(submission(run, workspace, 2));
    expect(again.code, again.stderr).toBe(0);
    expect(numbersOf(again.stdout)).toEqual(await alone());
  });

  test('a worker on other hardware is refused before it computes anything', async () => {
    const workspace = join(await temporaryFolder(), 'workspace');
    const run = await makeRun(workspace);
    const place = join(workspace, 'runs', run, 'work');
    await mkdir(place, { recursive: true });
    const other = { provider: 'cpu', precision: 'float32', processor: 'another processor' };
    await writeFile(join(place, 'hardware.json'), JSON.stringify(other));
    const { code, stderr } = await uncurl(submission(run, workspace, 1));
    expect(code).toBe(1);
    expect(stderr).toMatch(/task 1 on \S+: FAILED, exit code 2/);
    expect(await partsDone(workspace, run)).toBe(0);
    const worker = await uncurl(['work', run, '--workspace', workspace]);
    expect(worker.code).toBe(2);
    expect(worker.stderr).toContain('another processor');
  });
});
