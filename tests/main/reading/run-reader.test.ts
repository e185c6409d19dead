import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { MOST_THREADS } from '../../../main/reading/questions.ts';
import { createRunReader, type RunReader } from '../../../main/reading/run-reader.ts';
import { CHECKED } from '../../../main/runs/known-checks.ts';
import { openRunSource } from '../../../main/runs/run-source.ts';
import { readings } from '../../../main/reading/readings.ts';
import { sweepOnDisk } from '../report/sweep-on-disk.ts';
import { resources } from '../runs/source-of.ts';
import { patiently } from '../../hang-limit.ts';
import { contentChecksums } from '../../../main/workspace/sealed-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/**
 * Simulates an endless reading: `hang` computes without pause and adds to a file, a plan computes without pause,
 * `crash` throws, the rest is answered.
 */
const PROGRAM = `
  const { parentPort } = require('node:worker_threads');
  const { appendFileSync } = require('node:fs');
  parentPort.on('message', ({ workspace, question: { read, run }, live }) => {
    if (run === 'hang') for (;;) appendFileSync(workspace + '/beats', '.');
    if (read === 'plan') for (;;);
    if (run === 'crash') throw new Error('a defect');
    parentPort.postMessage({ is: 'answer', value: { html: run + live.join() } });
  });
`;

/** A thread that computes without pause is not silent for so long. */
const SILENCE_MS = 250;

interface HangingReader {
  readonly reader: RunReader;
  /** How often its hanging threads have added to their file. */
  readonly beats: () => Promise<number>;
}

const hangingReader = async (processorMs?: number): Promise<HangingReader> => {
  const workspace = await temporaryFolder();
  const program = join(workspace, 'program.cjs');
  await writeFile(program, PROGRAM);
  const reader = createRunReader({ workspace, resources, program, processorMs, live: () => ['busy'] });
  onTestFinished(() => reader.dispose());
  return { reader, beats: async () => (await stat(join(workspace, 'beats'))).size };
};

const readerOf = async (processorMs?: number): Promise<RunReader> => (await hangingReader(processorMs)).reader;

const ask = async (reader: RunReader, run: string, signal?: AbortSignal): Promise<string> =>
  (await reader.read({ read: 'report', run }, signal)).html;

test('a reading that computes without pause is ended, and the next ones are answered', async () => {
  const reader = await readerOf(200);
  const hanging = expect(ask(reader, 'hang')).rejects.toMatchObject({
    code: 'read-too-slow',
    message: expect.stringContaining('hang was not read in 0 s of CPU time'),
  });
  expect(await ask(reader, 'a')).toBe('abusy');
  await hanging;
  expect(await Promise.all(['b', 'c', 'd', 'e'].map((run) => ask(reader, run)))).toEqual([
    'bbusy',
    'cbusy',
    'dbusy',
    'ebusy',
  ]);
});

test('a thread that fails is reported, and another one reads on', async () => {
  const reader = await readerOf();
  await expect(ask(reader, 'crash')).rejects.toMatchObject({
    code: 'reader-ended',
    message: 'crash was not read: the thread that reads ended (a defect).',
  });
  expect(await ask(reader, 'a')).toBe('abusy');
});

test('a cancelled reading ends its thread, and one that waits is never begun', async () => {
  const { reader, beats } = await hangingReader();
  const [hanging, queued] = [new AbortController(), new AbortController()];
  const cancelled = { code: 'call-cancelled', kind: 'cancelled' };
  // All threads compute without pause, so the last two can only be answered once their threads are ended.
  const ends = Array.from({ length: MOST_THREADS }, () => 'hang').map((run) =>
    expect(ask(reader, run, hanging.signal)).rejects.toMatchObject(cancelled),
  );
  const skipped = expect(ask(reader, 'crash', queued.signal)).rejects.toMatchObject(cancelled);
  const answered = ask(reader, 'a');
  queued.abort();
  await skipped;
  await expect.poll(beats, patiently).toBeGreaterThan(0);
  hanging.abort();
  await Promise.all(ends);
  const isSilent = async (): Promise<boolean> => {
    const before = await beats();
    await setTimeout(SILENCE_MS);
    return (await beats()) === before;
  };
  await expect.poll(isSilent, patiently).toBe(true);
  expect(await answered).toBe('abusy');
  await expect(ask(reader, 'b', hanging.signal)).rejects.toMatchObject(cancelled);
});

test('a plan may take any time, until it is cancelled', async () => {
  const reader = await readerOf(200);
  const { name, fingerprint, info } = await openCheckpoint(join(resources, 'models', 'uncurl-8'));
  const controller = new AbortController();
  const planned = reader.read(
    {
      read: 'plan',
      subject: { name, fingerprint, info },
      tasks: ['sort'],
      profiles: [],
      leavesConstants: false,
      order: { method: 'uncurl', factor: 2 },
      memoryBudgetBytes: 1e9,
    },
    controller.signal,
  );
  const cancelled = expect(planned).rejects.toMatchObject({
    code: 'call-cancelled',
    message: 'A plan by uncurl for uncurl-8 was cancelled.',
  });
  await expect(ask(reader, 'hang')).rejects.toMatchObject({ code: 'read-too-slow' });
  controller.abort();
  await cancelled;
  expect(await ask(reader, 'a')).toBe('abusy');
});

test('whatever hangs and whatever waits ends with the reader', async () => {
  const reader = await readerOf();
  const asked = [...Array.from({ length: MOST_THREADS + 1 }, () => 'hang'), 'a'].map((run) =>
    expect(ask(reader, run)).rejects.toMatchObject({ kind: 'cancelled' }),
  );
  await reader.dispose();
  await Promise.all(asked);
});

test('the thread of the engine returns its readings and their refusals', async () => {
  const { workspace, run } = await sweepOnDisk();
  const reader = createRunReader({ workspace: workspace.path, resources });
  onTestFinished(() => reader.dispose());
  const source = await openRunSource(workspace, resources);
  const question = { read: 'sweep', run, delta: 0.03 } as const;
  const read = await readings.sweep(source, question);
  expect(await reader.read(question)).toEqual(read);
  const text = await reader.read({ ...question, read: 'sweep-text' });
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(read)));
  // Who measured the run needs no thread for the same answer (this program cannot start), as its file has it.
  const measured = new Map([[run, await contentChecksums(workspace.runs.folder(run), CHECKED)]]);
  const own = createRunReader({ workspace: workspace.path, resources, measured, program: '/nowhere/program.cjs' });
  onTestFinished(() => own.dispose());
  expect(read).toMatchObject(await own.read(question));
  await expect(reader.read({ read: 'report', run: 'gone' })).rejects.toMatchObject({
    code: 'no-such-run',
    kind: 'refused',
  });
});
