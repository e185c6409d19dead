import { join } from 'node:path';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CancelledError, WorkbenchError } from '../../../main/contract/errors.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import { runManifest, type RunManifest } from '../../../main/contract/run.ts';
import type { RunState } from '../../../main/contract/recorded.ts';
import { createTextJudge } from '../../../main/harness/judge-texts.ts';
import { carryOutHere, JobQueue } from '../../../main/jobs/job-queue.ts';
import { type Job, jobOn } from '../../../main/jobs/job-context.ts';
import { createModelPool } from '../../../main/jobs/source-gate.ts';
import { openWorkspace, type Workspace } from '../../../main/workspace/open-workspace.ts';
import type { CreatedRun } from '../../../main/workspace/run-store.ts';
import type { StepStore } from '../../../main/workspace/step-store.ts';
import { HEARTBEAT_MS } from '../../../main/workspace/run-lock.ts';
import { patiently } from '../../hang-limit.ts';
import { fillDisk, smallDisk } from '../workspace/small-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { plainRun } from '../contract/run-of.ts';

const openQueue = async (
  path?: string,
  now: () => number = Date.now,
): Promise<{
  queue: JobQueue;
  events: EngineEvent[];
  workspace: Workspace;
  create: () => Promise<CreatedRun>;
}> => {
  const workspace = await openWorkspace(path ?? (await temporaryFolder()));
  const events: EngineEvent[] = [];
  const resources = {
    ...workspace,
    pool: createModelPool({ threads: 1, memoryBudgetBytes: 0, scratchFolder: workspace.temporaryFolder }),
    numerics: { version: 1, runtime: 'none', provider: 'cpu', precision: 'float32' },
    memoryBudgetBytes: 0,
    createJudge: (steps: StepStore) =>
      createTextJudge({
        python: () => Promise.reject(new Error('no Python')),
        resources: '',
        temporaryFolder: workspace.temporaryFolder,
        steps,
        sandbox: null,
      }),
  };
  const queue = new JobQueue(
    workspace.runs,
    carryOutHere(workspace.runs, () => Promise.resolve(resources)),
    (event) => events.push(event),
    now,
  );
  const create = (): Promise<CreatedRun> =>
    workspace.runs.create('verify', { ...plainRun, title: 'A job', state: 'queued' });
  return { queue, events, workspace, create };
};

const statesOf = (events: readonly EngineEvent[], run: string): RunState[] =>
  events.flatMap((event) => (event.type === 'run.changed' && event.manifest.id === run ? [event.manifest.state] : []));

const onDisk = async ({ runs }: Workspace, run: string): Promise<RunManifest> =>
  runManifest.parse(JSON.parse(await readFile(join(runs.folder(run), 'manifest.json'), 'utf8')));

const failingJob = (error: Error): Job => jobOn([], () => Promise.reject(error));

/** A job that ends when it is asked to, or when it is cancelled. */
const heldJob = (): { job: Job; end: () => void; started: Promise<void> } => {
  let end = (): void => undefined;
  let begin = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const started = new Promise<void>((resolve) => (begin = resolve));
  const job = jobOn([], async ({ signal }) => {
    begin();
    await Promise.race([ended, new Promise((resolve) => signal.addEventListener('abort', resolve))]);
    if (signal.aborted) throw new CancelledError('The job');
    return { output: '/made', summary: 'done' };
  });
  return { job, end: () => end(), started };
};

test('a clock that is set while a job works changes neither what is announced nor how long it has taken', async () => {
  const clock = { ahead: 0 };
  const { queue, events, create } = await openQueue(undefined, () => Date.now() + clock.ahead);
  const DAY_MS = 86_400_000;
  const readings: number[] = [];
  const job = jobOn([], async ({ meter, now }) => {
    for (const ahead of [0, -DAY_MS, DAY_MS]) {
      clock.ahead = ahead;
      // Longer than the time between two announcements.
      await delay(150);
      readings.push(now());
      meter.describe(`clock set by ${String(ahead)}`);
    }
    return { output: null, summary: 'done' };
  });
  const made = await create();
  queue.add(made, job);
  await queue.finished(made.manifest.id);
  const announced = events.flatMap((event) => (event.type === 'job.progress' ? [event.progress] : []));
  expect(announced.map(({ description }) => description)).toEqual(
    expect.arrayContaining(['clock set by 0', `clock set by ${String(-DAY_MS)}`, `clock set by ${String(DAY_MS)}`]),
  );
  for (const { elapsedMs } of announced) expect(elapsedMs).toBeGreaterThanOrEqual(0);
  expect(readings).toEqual(readings.toSorted((left, right) => left - right));
  expect((readings.at(-1) ?? Infinity) - (readings[0] ?? 0)).toBeLessThan(DAY_MS);
});

test('waiting jobs are worked on in the order they are moved to; one whose turn has come stays', async () => {
  const { queue, events, create } = await openQueue();
  const made = [await create(), await create(), await create(), await create()];
  const [running = '', second = '', third = '', fourth = ''] = made.map(({ manifest }) => manifest.id);
  const held = made.map(heldJob);
  made.forEach((one, index) => queue.add(one, held[index]?.job ?? failingJob(new Error('no job'))));
  await held[0]?.started;
  const order = (): readonly string[] => queue.list().map(({ run }) => run);
  queue.move(fourth, second);
  expect(order()).toEqual([running, fourth, second, third]);
  queue.move(second, null);
  expect(order()).toEqual([running, fourth, third, second]);
  queue.move(third, third);
  expect(order()).toEqual([running, fourth, third, second]);
  expect(events.filter(({ type }) => type === 'jobs.reordered')).toHaveLength(3);
  for (const [run, before] of [
    [running, fourth],
    [fourth, running],
    ['verify-none', null],
    [fourth, 'verify-none'],
  ] as const)
    expect(() => queue.move(run, before)).toThrow(/is not waiting here/);
  queue.cancel(third);
  const ended = [running, second, third, fourth].map((run) => queue.finished(run).catch(() => null));
  held.forEach(({ end }) => end());
  await Promise.all(ended);
  const begun = events.flatMap((event) =>
    event.type === 'run.changed' && event.manifest.state === 'running' ? [event.manifest.id] : [],
  );
  expect(begun).toEqual([running, fourth, second]);
});

test('jobs run one at a time in the order they came; states are announced once they are on disk', async () => {
  const { queue, events, workspace, create } = await openQueue();
  const [first, second] = [await create(), await create()];
  const [a, b] = [heldJob(), heldJob()];
  queue.add(first, a.job);
  queue.add(second, b.job);
  await a.started;
  expect((await workspace.runs.list()).map(({ state }) => state).sort()).toEqual(['queued', 'running']);
  expect(queue.list().map(({ run }) => run)).toEqual([first.manifest.id, second.manifest.id]);
  const finished = queue.finished(first.manifest.id);
  a.end();
  expect(await finished).toMatchObject({ state: 'done', output: '/made' });
  expect(await onDisk(workspace, first.manifest.id)).toMatchObject({ state: 'done', output: '/made', error: null });
  await b.started;
  const last = queue.finished(second.manifest.id);
  b.end();
  await last;
  expect(statesOf(events, first.manifest.id)).toEqual(['queued', 'running', 'done']);
  expect(queue.list()).toEqual([]);
  await queue.dispose();
});

test('a waiting and a running job can be cancelled; a failure is written down with its remedy', async () => {
  const { queue, workspace, create } = await openQueue();
  const [running, waiting, failing] = [await create(), await create(), await create()];
  const [a, b] = [heldJob(), heldJob()];
  queue.add(running, a.job);
  queue.add(waiting, b.job);
  queue.add(failing, failingJob(new WorkbenchError('odd', 'failed', 'It broke.', 'Mend it.')));
  await a.started;
  const ends = [running, waiting, failing].map(({ manifest }) => queue.finished(manifest.id));
  queue.cancel(waiting.manifest.id);
  queue.cancel(running.manifest.id);
  const results = await Promise.allSettled(ends);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  const states = await Promise.all(
    [running, waiting, failing].map(async ({ manifest }) => (await onDisk(workspace, manifest.id)).state),
  );
  expect(states).toEqual(['cancelled', 'cancelled', 'failed']);
  expect((await onDisk(workspace, failing.manifest.id)).error).toBe('It broke. Mend it.');
  expect(() => queue.cancel(running.manifest.id)).toThrow('is neither waiting nor running');
  await queue.dispose();
});

test('who asks for a run only after its end learns how it ended', async () => {
  const { queue, create } = await openQueue();
  const [failing, last] = [await create(), await create()];
  queue.add(failing, failingJob(new WorkbenchError('odd', 'failed', 'It broke.', 'Mend it.')));
  queue.add(
    last,
    jobOn([], () => Promise.resolve({ output: '/made', summary: 'done' })),
  );
  await expect.poll(() => queue.list(), patiently).toEqual([]);
  await expect(queue.finished(failing.manifest.id)).rejects.toThrow('It broke.');
  expect(await queue.finished(last.manifest.id)).toMatchObject({ state: 'done' });
  expect(() => queue.finished('sweep-unknown')).toThrow('is neither waiting nor running');
  await queue.dispose();
});

test('a run that reads as ended is no job any more, and cannot be cancelled', async () => {
  const { queue, workspace, create } = await openQueue();
  const made = await create();
  const write = workspace.runs.write.bind(workspace.runs);
  const seen: unknown[] = [];
  vi.spyOn(workspace.runs, 'write').mockImplementation(async (manifest) => {
    await write(manifest);
    if (manifest.state !== 'done') return;
    seen.push(queue.list());
    expect(() => queue.cancel(made.manifest.id)).toThrow('is neither waiting nor running');
  });
  queue.add(
    made,
    jobOn([], () => Promise.resolve({ output: null, summary: 'done' })),
  );
  expect(await queue.finished(made.manifest.id)).toMatchObject({ state: 'done' });
  expect(seen).toEqual([[]]);
  await queue.dispose();
});

test('a job that is cancelled while it waits has ended at once, whatever the one before it does', async () => {
  const { queue, events, workspace, create } = await openQueue();
  const [running, waiting, last] = [await create(), await create(), await create()];
  const held = [heldJob(), heldJob(), heldJob()];
  [running, waiting, last].forEach((one, index) => queue.add(one, held[index]?.job ?? failingJob(new Error('no job'))));
  await held[0]?.started;
  const cancelled = queue.finished(waiting.manifest.id);
  queue.cancel(waiting.manifest.id);
  await expect(cancelled).rejects.toMatchObject({ kind: 'cancelled' });
  expect(queue.list().map(({ run }) => run)).toEqual([running.manifest.id, last.manifest.id]);
  expect((await onDisk(workspace, waiting.manifest.id)).state).toBe('cancelled');
  expect(await workspace.runs.holder(waiting.manifest.id)).toBeNull();
  expect(statesOf(events, waiting.manifest.id)).toEqual(['queued', 'cancelled']);
  const finished = [running, last].map(({ manifest }) => queue.finished(manifest.id));
  held.forEach(({ end }) => end());
  expect((await Promise.all(finished)).map(({ state }) => state)).toEqual(['done', 'done']);
  await queue.dispose();
});

test('a run that ends on a full disk is unlocked: it can be resumed or deleted at once', async ({ skip }) => {
  const disk = await smallDisk(512);
  if (disk === null) return skip('needs Linux and root: the disk is a tmpfs');
  const { queue, events, workspace, create } = await openQueue(join(disk, 'workspace'));
  const [first, second] = [await create(), await create()];
  const ended = [first, second].map(async (created) => {
    const { id } = created.manifest;
    const filling = jobOn([], async () => {
      await fillDisk(disk);
      return { output: '/made', summary: 'done' };
    });
    queue.add(created, filling);
    await expect(queue.finished(id)).rejects.toMatchObject({ code: 'disk-full' });
    // A state that could not be written is not reported as done.
    expect(statesOf(events, id).at(-1)).toBe('failed');
  });
  await Promise.all(ended);
  for (const { manifest } of [first, second]) {
    expect(await workspace.runs.holder(manifest.id)).toBeNull();
    expect((await workspace.runs.read(manifest.id)).state).toBe('interrupted');
  }
  await workspace.runs.trash(first.manifest.id);
  await rm(join(disk, 'filler'));
  await (await workspace.runs.lock(second.manifest.id)).release();
});

test('a lock that could not be released is released as soon as that is possible', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { queue, events, workspace, create } = await openQueue();
  const created = await create();
  const gone = new Error('the share is gone');
  let isGone = true;
  const { lock } = created;
  const shaky = {
    ...lock,
    renew: () => (isGone ? Promise.reject(gone) : lock.renew()),
    release: () => (isGone ? Promise.reject(gone) : lock.release()),
  };
  const { id } = created.manifest;
  queue.add(
    { ...created, lock: shaky },
    jobOn([], () => Promise.resolve({ output: null, summary: '' })),
  );
  await expect(queue.finished(id)).rejects.toBe(gone);
  expect(await workspace.runs.holder(id)).not.toBeNull();
  isGone = false;
  await vi.advanceTimersByTimeAsync(HEARTBEAT_MS);
  await vi.waitFor(() => expect(events.at(-1)).toEqual({ type: 'runs.relisted' }), patiently);
  expect(await workspace.runs.holder(id)).toBeNull();
  await queue.dispose();
});

test('a run whose folder is deleted while it runs fails, and its lock is not renewed again', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { queue, workspace, create } = await openQueue();
  const created = await create();
  const { id } = created.manifest;
  const release = vi.fn(() => created.lock.release());
  const deleting = jobOn([], async () => {
    await rm(workspace.runs.folder(id), { recursive: true });
    return { output: null, summary: '' };
  });
  queue.add({ ...created, lock: { ...created.lock, release } }, deleting);
  await expect(queue.finished(id)).rejects.toMatchObject({ code: 'ENOENT' });
  await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_MS);
  await queue.dispose();
  expect(release).toHaveBeenCalledTimes(1);
});

test('a queue that is closed leaves its runs interrupted, to be resumed', async () => {
  const { queue, workspace, create } = await openQueue();
  const [running, waiting] = [await create(), await create()];
  const a = heldJob();
  queue.add(running, a.job);
  queue.add(waiting, heldJob().job);
  await a.started;
  await queue.dispose();
  for (const { manifest } of [running, waiting]) {
    expect((await onDisk(workspace, manifest.id)).state).toBe('interrupted');
    await (await workspace.runs.lock(manifest.id)).release();
  }
});

test('a run that another engine has taken over is left alone, and listed as that engine reports it', async () => {
  const { queue, events, workspace, create } = await openQueue();
  const run = await create();
  const a = heldJob();
  queue.add(run, a.job);
  await a.started;
  const folder = workspace.runs.folder(run.manifest.id);
  await writeFile(join(folder, 'lock-2.json'), await readFile(join(folder, 'lock-1.json')));
  await workspace.runs.write({ ...run.manifest, title: 'Theirs', state: 'running' });
  const ended = queue.finished(run.manifest.id);
  a.end();
  await expect(ended).rejects.toMatchObject({ code: 'taken-over' });
  expect(await onDisk(workspace, run.manifest.id)).toMatchObject({ title: 'Theirs', state: 'running' });
  expect(events.slice(-2).map(({ type }) => type)).toEqual(['run.changed', 'runs.relisted']);
  await queue.dispose();
});

test('an engine that wakes after its run was taken over names the new holder and writes nothing more', async () => {
  const { queue, workspace, create } = await openQueue();
  const created = await create();
  const { job, end, started } = heldJob();
  queue.add(created, job);
  await started;
  const finished = queue.finished(created.manifest.id);
  const taken = await workspace.runs.lock(created.manifest.id, true);
  const before = await onDisk(workspace, created.manifest.id);
  end();
  await expect(finished).rejects.toMatchObject({
    code: 'taken-over',
    message: expect.stringContaining(`was taken over by process ${String(process.pid)} on `),
  });
  expect(await onDisk(workspace, created.manifest.id)).toEqual(before);
  expect(await taken.renew()).toBe(true);
});
