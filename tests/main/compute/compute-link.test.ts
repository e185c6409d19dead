import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ComputeLink, createComputeLink, removeLeftovers } from '../../../main/compute/compute-link.ts';
import type { ComputeProcess } from '../../../main/compute/start-compute.ts';
import type { ComputeOrder, ComputeReport } from '../../../main/contract/compute.ts';
import type { SweepChange } from '../../../main/contract/sweep-change.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import type { ProcessEnd } from '../../../main/contract/process-end.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { unfinishedName } from '../../../main/export/export-folder.ts';
import { temporaryNameFor, temporaryWriter } from '../../../main/files/write-atomically.ts';
import { jobOn } from '../../../main/jobs/job-context.ts';
import { createProgressMeter } from '../../../main/jobs/progress-meter.ts';
import type { SweepRecord } from '../../../main/runs/sweep-record.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { runCode } from '../../../main/workspace/run-binding.ts';
import { patiently } from '../../hang-limit.ts';
import { runOf } from '../contract/run-of.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import path from 'node:path';

const manifest: RunManifest = runOf({ id: 'verify-1', kind: 'verify', title: 'A job', state: 'running' });

/** A process that does what the test asks. */
interface Puppet {
  readonly orders: ComputeOrder[];
  say(report: ComputeReport | object): void;
  end(how: ProcessEnd, errors?: string): void;
  readonly kill: ReturnType<typeof vi.fn>;
}

const open = async (): Promise<{
  link: ComputeLink;
  puppets: Puppet[];
  carryOut: (signal?: AbortSignal, run?: string) => Promise<unknown>;
  /** Resolves once the process has been asked for one more run. */
  asked: () => Promise<void>;
  meter: ReturnType<typeof createProgressMeter>;
  /** What the engine has told its listeners. */
  events: EngineEvent[];
  liveSweeps: Map<string, SweepRecord>;
}> => {
  const workspace = await openWorkspace(await temporaryFolder());
  for (const id of ['verify-1', 'verify-2']) await mkdir(workspace.runs.folder(id));
  await workspace.runs.lock('verify-2');
  const puppets: Puppet[] = [];
  const start = (): ComputeProcess => {
    const orders: ComputeOrder[] = [];
    let hear: (message: unknown) => void = () => undefined;
    let ended: (end: ProcessEnd, errors: string) => void = () => undefined;
    const end = (how: ProcessEnd, errors = ''): void => ended(how, errors);
    const kill = vi.fn(() => setImmediate(() => end('SIGKILL')));
    puppets.push({ orders, say: (report) => hear(report), end, kill });
    return {
      post: (order) => void orders.push(order),
      onMessage: (listener) => (hear = listener),
      onEnd: (listener) => (ended = listener),
      kill: () => void kill(),
    };
  };
  const liveSweeps = new Map<string, SweepRecord>();
  const link = createComputeLink({
    start,
    startProbe: () => Promise.reject(new Error('the probe is not built')),
    workspace,
    liveSweeps,
  });
  const { id: run, kind, title } = manifest;
  const meter = createProgressMeter({ run, kind, title }, Date.now);
  const events: EngineEvent[] = [];
  const carryOut = (signal = new AbortController().signal, id = manifest.id): Promise<unknown> =>
    link.carryOut({
      manifest: { ...manifest, id },
      job: jobOn([], () => Promise.reject(new Error('jobs do not run in this process'))),
      signal,
      meter,
      emit: (event) => void events.push(event),
      requireRun: () => Promise.resolve(),
    });
  let runs = 0;
  const asked = async (): Promise<void> => {
    runs += 1;
    const carried = (): number =>
      puppets.flatMap(({ orders }) => orders.filter(({ type }) => type === 'carry-out')).length;
    // Some tests use fake timers.
    while (carried() < runs) await new Promise((resolve) => setImmediate(resolve));
  };
  return { link, puppets, carryOut, asked, meter, events, liveSweeps };
};

const reading = { description: 'Half', done: 1, total: 2, reused: 0, leftMs: null };

test('one process serves one run after the other; late reports on an earlier one are ignored', async () => {
  const { puppets, carryOut, asked, meter } = await open();
  const first = carryOut();
  await asked();
  const [process] = puppets;
  expect(process?.orders).toEqual([{ type: 'carry-out', run: 'verify-1', lock: null, code: runCode(manifest) }]);
  process?.say({ type: 'progress', run: 'verify-1', reading });
  expect(meter.read()).toMatchObject(reading);
  process?.say({ type: 'done', run: 'verify-1', output: '/made', summary: 'done' });
  expect(await first).toEqual({ output: '/made', summary: 'done' });
  const second = carryOut(undefined, 'verify-2');
  await asked();
  expect(process?.orders.at(-1)).toEqual({
    type: 'carry-out',
    run: 'verify-2',
    lock: 1,
    code: runCode({ ...manifest, id: 'verify-2' }),
  });
  process?.say({ type: 'progress', run: 'verify-1', reading: { ...reading, description: 'Late' } });
  expect(meter.read().description).toBe('Half');
  const error = { code: 'odd', kind: 'failed', message: 'It broke.', remedy: 'Mend it.' } as const;
  process?.say({ type: 'failed', run: 'verify-2', error });
  await expect(second).rejects.toMatchObject(error);
  expect(puppets).toHaveLength(1);
});

test('a point crosses from the process once, as an event, which also changes the record of the engine', async () => {
  const { puppets, carryOut, asked, events, liveSweeps } = await open();
  const ended = carryOut();
  await asked();
  const [process] = puppets;
  const say = (change: SweepChange): void => {
    const event = { type: 'sweep.changed', run: 'verify-1', change } as const;
    process?.say({ type: 'event', run: 'verify-1', event });
    expect(events.splice(0)).toEqual([event]);
  };
  const point = { model: 'm', task: 't', method: 'reap', seed: null, kept: 2, factor: 8, metric: 'acc' } as const;
  const order = { models: ['m'], tasks: ['t'], methods: ['reap'] };
  say({ what: 'begun', order, delta: 0.02, facts: [] });
  say({ what: 'unneeded', points: [] });
  say({
    what: 'curtailed',
    point: { ...point, n: 10, evaluated: 5, lost: 3, gainedAtMost: 1, independentAtLeast: 9 },
  });
  expect(liveSweeps.get('verify-1')?.document().curtailed).toMatchObject([point]);
  process?.say({ type: 'done', run: 'verify-1', output: null, summary: '' });
  await ended;
});

test('a process that ends in mid-run is reported with its output; the next run gets a new one', async () => {
  const { puppets, carryOut, asked } = await open();
  const lost = carryOut();
  await asked();
  puppets[0]?.end('SIGABRT', 'heap out of memory\n');
  await expect(lost).rejects.toMatchObject({
    code: 'compute-lost',
    message:
      'The process that computed "A job" ended (SIGABRT): an abort in native code, ' +
      'as where memory, threads or open files run out. It said: heap out of memory',
  });
  const next = carryOut();
  await asked();
  puppets[1]?.say({ type: 'done', run: 'verify-1', output: null, summary: '' });
  expect(await next).toEqual({ output: null, summary: '' });
});

test('a process that sends an unknown message is ended, and its run fails', async () => {
  const { puppets, carryOut, asked } = await open();
  const run = carryOut();
  await asked();
  puppets[0]?.say({ type: 'progress', run: 'verify-1' });
  await expect(run).rejects.toMatchObject({ code: 'compute-unclear' });
  expect(puppets[0]?.kill).toHaveBeenCalledTimes(1);
});

test('a run cancelled before its turn is reported so at once, and killed where it does not listen', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { puppets, carryOut, asked } = await open();
  const run = carryOut(AbortSignal.abort());
  await asked();
  const ended = expect(run).rejects.toMatchObject({ kind: 'cancelled' });
  expect(puppets[0]?.orders.map(({ type }) => type)).toEqual(['carry-out', 'cancel']);
  await vi.advanceTimersByTimeAsync(499);
  expect(puppets[0]?.kill).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(puppets[0]?.kill).toHaveBeenCalledTimes(1);
  await ended;
});

test('a process that answers while it is killed gets no other run: the next one has a new process', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { puppets, carryOut, asked } = await open();
  const controller = new AbortController();
  const run = expect(carryOut(controller.signal)).rejects.toMatchObject({ kind: 'cancelled' });
  await asked();
  // A process that uses much memory takes its time to end.
  puppets[0]?.kill.mockImplementation(() => undefined);
  controller.abort();
  await vi.advanceTimersByTimeAsync(500);
  expect(puppets[0]?.kill).toHaveBeenCalledTimes(1);
  const cancelled = { code: 'cancelled', kind: 'cancelled', message: 'The job was cancelled.', remedy: '' } as const;
  puppets[0]?.say({ type: 'failed', run: 'verify-1', error: cancelled });
  const next = carryOut(undefined, 'verify-2');
  await asked();
  puppets[0]?.end('SIGKILL');
  await run;
  expect(puppets).toHaveLength(2);
  puppets[1]?.say({ type: 'done', run: 'verify-2', output: null, summary: 'done' });
  expect(await next).toEqual({ output: null, summary: 'done' });
});

test('a probe that cannot be started counts as failed', async () => {
  const { link, puppets, carryOut, asked } = await open();
  const run = carryOut().catch(() => undefined);
  await asked();
  puppets[0]?.say({ type: 'probe', id: 4, provider: 'cuda', folder: '/probe' });
  await vi.waitFor(() => expect(puppets[0]?.orders).toHaveLength(2), patiently);
  expect(puppets[0]?.orders[1]).toEqual({
    type: 'probed',
    id: 4,
    end: { kind: 'failed', message: 'the probe is not built' },
  });
  await link.dispose();
  await run;
});

const folders = async () => ({ temporaryFolder: await temporaryFolder(), overlayFolder: await temporaryFolder() });

test('what one process had begun goes, files and folders, overlays as well; what others write stays', async () => {
  const made = await folders();
  // A process of another machine that shares the disk may have the same number.
  const twin = `${String(process.pid)}-00000000`;
  for (const folder of [made.temporaryFolder, made.overlayFolder]) {
    const mine = temporaryNameFor(path.join(folder, 'step.json'), folder);
    const folderOfMine = temporaryNameFor(path.join(folder, 'run'), folder);
    const theirs = path.join(folder, path.basename(mine).replace(temporaryWriter, twin));
    for (const file of [mine, theirs]) await writeFile(file, '');
    await mkdir(folderOfMine);
    await writeFile(path.join(folderOfMine, 'x'), '');
    const finished = [`note.${String(process.pid)}.txt`, 'merged.safetensors'];
    for (const name of finished) await writeFile(path.join(folder, name), '');
    await removeLeftovers({ kind: 'sweep', spec: {} }, temporaryWriter, made);
    expect((await readdir(folder)).sort()).toEqual([path.basename(theirs), ...finished].sort());
  }
});

test.each(['export', 'finetune'] as const)(
  'a killed %s leaves no unfinished folder beside its destination; a destination that is gone hinders nothing',
  async (kind) => {
    const folder = await temporaryFolder();
    const destination = path.join(folder, 'small');
    // A folder of an ended process of this machine: no process has its id and start.
    const own = path.basename(unfinishedName(destination));
    const dead = own.replace(/-(\d+)-(\d*)-([0-9a-f]{12})$/, '-2147483646-1-$3');
    await mkdir(path.join(folder, dead));
    await removeLeftovers({ kind, spec: { destination } }, '2147483646-00000000', await folders());
    expect(await readdir(folder)).toEqual([]);
    const gone = { destination: path.join(folder, 'nowhere', 'small') };
    await removeLeftovers({ kind, spec: gone }, '2147483646-00000000', await folders());
  },
);
