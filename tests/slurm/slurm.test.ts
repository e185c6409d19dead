import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ClusterWork } from '../../main/contract/cluster.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { resources, startUncurl, temporaryFolder, uncurl } from '../integration/run-uncurl.ts';
import { jobProcesses, killAll, parentsOf } from './job-processes.ts';
import {
  answer,
  holdCluster,
  jobsOf,
  makeRun,
  measureAlone,
  numbersOf,
  ownCluster,
  PARTS,
  partsDone,
  slurm,
  submission,
  submitAgain,
  submitHeld,
  untilQueueIsEmpty,
} from './slurm-run.ts';
import { startSshHost } from './ssh-host.ts';

// A real cluster of one node, started by `npm run test:slurm` or named by SLURM_CONF.

let known: Promise<unknown> | null = null;
/** The result of one machine, measured once. */
const alone = (): Promise<unknown> => (known ??= measureAlone());

beforeAll(() => {
  if (process.env['SLURM_CONF'] === undefined) throw new Error('no SLURM_CONF: run "npm run test:slurm"');
});

describe('a sweep on a Slurm cluster', () => {
  test('an array and a joining job give the numbers of one machine, and the joining job computes nothing', async () => {
    const run = await makeRun(await temporaryFolder());
    const { code, stdout, stderr } = await uncurl(submission(run, 3, '--setup', 'export FROM_SETUP=1'));
    expect(code, stderr).toBe(0);
    expect(numbersOf(stdout)).toEqual(await alone());
    expect(answer.parse(JSON.parse(stdout)).summary).toMatch(/^0 of (\d+) steps computed, \1 reused from disk\.$/);
    expect(stderr).toMatch(/task 3 on \S+: COMPLETED/);
    const script = await readFile(join(run.folder, 'slurm.sh'), 'utf8');
    expect(script).toContain('export FROM_SETUP=1\n');
    const logs = (await readdir(join(run.folder, 'work'))).filter((name) => name.startsWith('worker-'));
    const texts = await Promise.all(logs.map((name) => readFile(join(run.folder, 'work', name), 'utf8')));
    const counts = texts.map((text) => Number(/(\d+) of \d+ parts of/.exec(text)?.[1]));
    // Every part was done once, by one of the workers.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(PARTS);
    const steps = await uncurl(['steps', run.run, '--workspace', run.workspace]);
    expect(steps.stdout).toContain(`0 of ${String(PARTS)} to do.`);
    expect(await readdir(join(run.workspace, 'tmp'))).toEqual([]);
  });

  test('workers that search only for thresholds give the thresholds of one machine', async () => {
    const curtailed = await measureAlone('--stop', 'early');
    const run = await makeRun(await temporaryFolder(), '--stop', 'early');
    const { summary } = await submitAgain(run, curtailed);
    expect(summary).toMatch(/^0 of /);
  });

  test('it works the same through ssh to a machine of the cluster; a missing host is reported', async (context) => {
    const { name, environment } = await startSshHost(context);
    const run = await makeRun(await temporaryFolder());
    const nobody = await uncurl(submission(run, 1, '--host', 'nobody.invalid'), environment);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toMatch(/sinfo ended with 255: .*nobody\.invalid/);
    expect(nobody.stderr).toContain('Try "ssh nobody.invalid sinfo" by hand.');
    const lost = await uncurl(submission(run, 1), environment);
    expect(lost.code, lost.stderr).toBe(1);
    const { code, stdout, stderr } = await uncurl(submission(run, 2, '--host', name), environment);
    expect(code, stderr).toBe(0);
    expect(numbersOf(stdout)).toEqual(await alone());
  });

  test('an engine that starts later follows the submitted jobs and reports their end', async () => {
    const run = await makeRun(await temporaryFolder());
    // The tasks wait for this file; otherwise a fast machine would be done before the engine has started.
    const mayBegin = join(run.folder, 'may-begin');
    const setup = `while [ ! -e ${mayBegin} ]; do sleep 0.1; done`;
    const { code, stderr } = await uncurl(submission(run, 2, '--detach', '--setup', setup));
    expect(code, stderr).toBe(0);
    const engine = await createEngine({ workspace: run.workspace, resources, commandLine: 'a test' });
    onTestFinished(() => engine.dispose());
    const ended = new Promise<ClusterWork>((resolve) => {
      engine.subscribe((event) => {
        if (event.type === 'cluster.changed' && event.work.state !== 'active') resolve(event.work);
      });
    });
    expect((await engine.call('cluster.list', {})).map(({ state, parts }) => [state, parts.of])).toEqual([
      ['active', PARTS],
    ]);
    expect((await engine.call('runs.list', {})).map(({ id, state }) => [id, state])).toEqual([[run.run, 'running']]);
    await expect(engine.call('jobs.resume', { run: run.run })).rejects.toMatchObject({ code: 'already-submitted' });
    await expect(engine.call('runs.remove', { run: run.run })).rejects.toMatchObject({ code: 'already-submitted' });
    await writeFile(mayBegin, '');
    const { state, tasks, parts } = await ended;
    expect(state).toBe('done');
    expect(parts).toEqual({ done: PARTS, of: PARTS });
    expect(tasks.map((task) => [task.state, task.exitCode])).toEqual(tasks.map(() => ['COMPLETED', 0]));
    expect(tasks.reduce((sum, task) => sum + (task.parts ?? 0), 0)).toBe(PARTS);
    expect(await engine.call('cluster.list', {})).toEqual([]);
    const { text } = await engine.call('cluster.log', { run: run.run, task: null });
    expect(text).toMatch(/0 of \d+ steps computed/);
  });

  test('a full shared disk fails a task by name; with room, submitting again gives equal numbers', async (context) => {
    const disk = join(await temporaryFolder(), 'disk');
    await mkdir(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=350k', 'tmpfs', disk], { encoding: 'utf8' });
    if (mounted.status !== 0) context.skip(`no small disk can be mounted here: ${mounted.stderr.trim()}`);
    onTestFinished(() => void spawnSync('umount', ['-l', disk]));
    const run = await makeRun(disk);
    const full = await uncurl(submission(run, 2));
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(/(task \d|joining job) on \S+: FAILED, exit code [12]/);
    slurm('mount', '-o', 'remount,size=200m', disk);
    await submitAgain(run, await alone());
  });

  test('a worker on other hardware is refused before it computes anything', async () => {
    const run = await makeRun(await temporaryFolder());
    const workFolder = join(run.folder, 'work');
    await mkdir(workFolder, { recursive: true });
    const other = { provider: 'cpu', precision: 'float32', processor: 'another processor' };
    await writeFile(join(workFolder, 'hardware.json'), JSON.stringify(other));
    const { code, stderr } = await uncurl(submission(run, 1));
    expect(code).toBe(1);
    expect(stderr).toMatch(/task 1 on \S+: FAILED, exit code 2/);
    expect(await partsDone(run)).toBe(0);
    const worker = await uncurl(['work', run.run, '--workspace', run.workspace]);
    expect(worker.code).toBe(2);
    expect(worker.stderr).toContain('another processor');
  });
});

describe('after any interruption, submitting again gives the numbers of one machine:', () => {
  test('kill -9 of a worker, which is reported with node, end and log', async (context) => {
    ownCluster(context);
    const run = await makeRun(await temporaryFolder());
    const { submitted, jobs, release } = await submitHeld(run);
    slurm('scancel', '--signal=KILL', '--full', `${jobs.array}_1`);
    await release();
    const { code, stderr } = await submitted.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/task 1 on \S+: \w+, (signal 9|exit code \d+).*; its log: \S+worker-\d+-1\.log/);
    await submitAgain(run, await alone());
  });

  test('an interrupt of the follower, which cancels the jobs', async (context) => {
    ownCluster(context);
    const run = await makeRun(await temporaryFolder());
    const { submitted, jobs, release } = await submitHeld(run);
    submitted.child.kill('SIGINT');
    expect((await submitted.ended).code).toBe(130);
    await release();
    await untilQueueIsEmpty(run);
    expect(slurm('scontrol', 'show', 'job', '-o', jobs.array)).toContain('JobState=CANCELLED');
    await submitAgain(run, await alone());
  });

  test('kill -9 of the follower: jobs continue, a second submission is refused, a later one reads', async (context) => {
    ownCluster(context);
    const run = await makeRun(await temporaryFolder());
    const { submitted, release } = await submitHeld(run);
    submitted.child.kill('SIGKILL');
    await submitted.ended;
    const early = await uncurl(submission(run, 2));
    expect(early.code, early.stderr).toBe(2);
    expect(early.stderr).toContain(`${run.run} is already on the cluster`);
    await release();
    await untilQueueIsEmpty(run);
    const { summary } = await submitAgain(run, await alone());
    expect(summary).toMatch(/^0 of (\d+) steps computed, \1 reused/);
  });

  test('scancel of a task, and of the joining job', async (context) => {
    ownCluster(context);
    const run = await makeRun(await temporaryFolder());
    const first = await submitHeld(run);
    slurm('scancel', `${first.jobs.array}_2`);
    await first.release();
    const cancelled = await first.submitted.ended;
    expect(cancelled.code).toBe(1);
    expect(cancelled.stderr).toMatch(/task 2 on \S+: CANCELLED/);

    const { letGo } = holdCluster();
    const second = startUncurl(submission(run, 2));
    slurm('scancel', (await jobsOf(second)).join);
    letGo();
    const { code, stderr } = await second.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/joining job.*: CANCELLED/);
    await submitAgain(run, await alone());
  });

  test('kill -9 of the joining job', async () => {
    const run = await makeRun(await temporaryFolder());
    for (;;) {
      const submitted = startUncurl(submission(run, 2));
      const ending = { isOver: false };
      void submitted.ended.then(() => (ending.isOver = true));
      let joining: readonly number[] = [];
      while (joining.length === 0 && !ending.isOver) {
        joining = await jobProcesses((words) => words.includes('resume') && words.includes(run.run));
        await pause(5);
      }
      killAll(joining);
      const { code, stdout, stderr } = await submitted.ended;
      if (code === 0) {
        // It ended before it could be killed: then it must have succeeded, and the test tries again.
        expect(numbersOf(stdout)).toEqual(await alone());
        continue;
      }
      expect(stderr).toMatch(/joining job on \S+: FAILED, (signal 9|exit code 137).*; its log: \S+join-\d+\.log/);
      break;
    }
    await submitAgain(run, await alone());
  });

  test('a lost node with everything on it: its tasks are requeued', async (context) => {
    const cluster = ownCluster(context);
    const run = await makeRun(await temporaryFolder());
    const { submitted, release } = await submitHeld(run);
    const node = slurm('sinfo', '-h', '-N', '-o', '%N').trim();
    let workers: readonly number[] = [];
    // A task starts before its worker.
    while (workers.length < 2) {
      workers = await jobProcesses((words) => words.includes('--until-empty') && words.includes(run.run));
      await pause(20);
    }
    expect(workers).toHaveLength(2);
    const steps = await parentsOf(workers);
    // First kill the processes that could report the end of the tasks.
    killAll([Number(await readFile(join(cluster, 'slurmd.pid'), 'utf8')), ...steps, ...workers]);
    slurm('scontrol', 'update', `nodename=${node}`, 'state=down', 'reason=vanished');
    await submitted.says(/task 1 on \S+: RUNNING[\s\S]*task 1.*: (?!RUNNING)/);
    spawn('slurmd', [], { stdio: 'ignore', detached: true }).unref();
    // The node returns automatically once it has registered, unless it was set down afterwards.
    while (/down|unk/.test(slurm('sinfo', '-h', '-o', '%t'))) {
      spawnSync('scontrol', ['update', `nodename=${node}`, 'state=resume']);
      await pause(200);
    }
    await release();
    const { code, stdout, stderr } = await submitted.ended;
    expect(code, stderr).toBe(0);
    expect(numbersOf(stdout)).toEqual(await alone());
  });

  // The last test: after a restart, the killed controller reuses job ids that a node may still remember.
  test('kill -9 of the controller: jobs continue and succeed once it is back', async (context) => {
    const cluster = ownCluster(context);
    const run = await makeRun(await temporaryFolder());
    const { submitted, jobs, release } = await submitHeld(run);
    // The controller saves its state some seconds after a change; tasks that it forgot would start again.
    const heldAt = Date.now();
    slurm('scontrol', 'update', `jobid=${jobs.array}`, 'comment=held');
    while ((await stat(join(cluster, 'state', 'job_state'))).mtimeMs < heldAt) await pause(100);
    process.kill(Number(await readFile(join(cluster, 'slurmctld.pid'), 'utf8')), 'SIGKILL');
    await submitted.says('does not answer');
    spawn('slurmctld', [], { stdio: 'ignore', detached: true }).unref();
    await submitted.says('answers again');
    await release();
    const { code, stdout, stderr } = await submitted.ended;
    expect(code, stderr).toBe(0);
    expect(numbersOf(stdout)).toEqual(await alone());
  });
});
