import { appendFile, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EngineEvent } from '../../../main/contract/events.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { RunState } from '../../../main/contract/recorded.ts';
import { createJobLogs, readJobLog } from '../../../main/jobs/job-log.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { plainRun, runOf } from '../contract/run-of.ts';

const manifest = (state: RunState, error: string | null = null): RunManifest =>
  runOf({ state, error, device: { ...plainRun.device, threads: 2 } });
const changed = (state: RunState, error: string | null = null): EngineEvent => ({
  type: 'run.changed',
  manifest: manifest(state, error),
});
const says = (description: string): EngineEvent => ({
  type: 'job.progress',
  progress: {
    run: 'sweep-1',
    kind: 'sweep',
    title: 'A sweep',
    description,
    done: 0,
    total: 1,
    reused: 0,
    elapsedMs: 0,
    leftMs: null,
  },
});
const point: EngineEvent = {
  type: 'sweep.changed',
  run: 'sweep-1',
  change: {
    what: 'point',
    step: 's',
    result: {
      model: 'uncurl-16',
      task: 'sort',
      method: 'reap',
      seed: null,
      factor: 4,
      kept: 4,
      n: 300,
      evaluated: 300,
      metric: 'acc',
      value: 0.9,
      acc: 0.9,
      accNorm: 0.9,
      perplexity: null,
      difference: -0.05,
      low: -0.1,
      high: 0.01,
      lowOneSided: -0.09,
      highOneSided: 0.02,
      p: 0.1,
      lost: 20,
      gained: 5,
      truncated: 0,
    },
  },
};

const logged = async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, 'sweep-1'));
  let now = Date.parse('2026-01-01T12:00:00Z');
  const folderOf = (run: string): string => join(root, run);
  const logs = createJobLogs(folderOf, () => now);
  return { root, file: join(root, 'sweep-1', 'log.jsonl'), logs, folderOf, pass: (ms: number) => (now += ms) };
};

test('states, steps, points and the end are logged with their times, in their order', async () => {
  const { logs, pass } = await logged();
  logs.hear(changed('queued'));
  pass(1000);
  logs.hear(changed('running'));
  logs.hear(says('Reading tasks'));
  pass(100);
  logs.hear(says('Too soon after the last step'));
  pass(6000);
  logs.hear(says('Evaluating uncurl-16 on sort'));
  logs.hear(says('Evaluating uncurl-16 on sort'));
  logs.hear(point);
  logs.hear({ type: 'models.changed' });
  logs.hear(says('4 steps computed.'));
  logs.hear(changed('done'));
  const { lines, missing } = await logs.read('sweep-1');
  expect(missing).toBeNull();
  expect(lines.map(({ at, kind, text }) => [at.slice(17, 23), kind, text])).toEqual([
    ['00.000', 'state', 'Queued.'],
    ['01.000', 'state', 'Started on CPU, float32, 2 threads.'],
    ['01.000', 'step', 'Reading tasks'],
    ['07.100', 'step', 'Evaluating uncurl-16 on sort'],
    ['07.100', 'point', expect.stringMatching(/^uncurl-16, sort, reap, ×4: acc .*difference \[/)],
    ['07.100', 'state', 'Done. 4 steps computed.'],
  ]);
});

test('a clock that is set back hides no step', async () => {
  const { logs, pass } = await logged();
  logs.hear(changed('running'));
  logs.hear(says('Reading tasks'));
  pass(-86_400_000);
  logs.hear(says('Evaluating uncurl-16 on sort'));
  const { lines } = await logs.read('sweep-1');
  expect(lines.map(({ text }) => text)).toContain('Evaluating uncurl-16 on sort');
});

test('a resumed run goes on in its log, and a failure is logged with its reason', async () => {
  const { logs, folderOf } = await logged();
  logs.hear(changed('queued'));
  logs.hear(changed('failed', 'No space is left.'));
  await logs.settled();
  const next = createJobLogs(folderOf, () => Date.parse('2026-01-02T00:00:00Z'));
  next.hear(changed('running'));
  const { lines } = await next.read('sweep-1');
  expect(lines.map(({ kind, text }) => [kind, text])).toEqual([
    ['state', 'Queued.'],
    ['problem', 'Failed. No space is left.'],
    ['state', 'Started on CPU, float32, 2 threads.'],
  ]);
});

test('a full log says so once, and still records how the run ended; it never exceeds its limit', async () => {
  const { logs, file, folderOf } = await logged();
  await appendFile(file, `${JSON.stringify({ at: '2026-01-01T00:00:00Z', kind: 'point', text: 'x' })}\n`.repeat(8000));
  const before = (await stat(file)).size;
  expect(before).toBeGreaterThan(400_000);
  for (let index = 0; index < 3000; index += 1) logs.hear(point);
  logs.hear(changed('done'));
  const { lines } = await logs.read('sweep-1');
  const notices = lines.filter(({ text }) => text.startsWith('The log is full'));
  expect(notices).toHaveLength(1);
  expect(lines.at(-1)).toMatchObject({ kind: 'state', text: 'Done.' });
  expect((await stat(file)).size).toBeLessThan(540_000);
  const again = createJobLogs(folderOf, () => 0);
  for (let index = 0; index < 9000; index += 1) again.hear(changed('failed', 'x'.repeat(200)));
  await again.settled();
  expect((await stat(file)).size).toBeLessThanOrEqual(1024 * 1024);
});

test('a truncated line is reported as missing; a deleted run is ignored', async () => {
  const { logs, file, root, folderOf } = await logged();
  logs.hear(changed('queued'));
  await logs.settled();
  await appendFile(file, '{"at":"2026-');
  expect(await readJobLog('sweep-1', folderOf('sweep-1'))).toMatchObject({
    lines: [{ text: 'Queued.' }],
    missing: '1 line of the log cannot be read.',
  });
  await rm(join(root, 'sweep-1'), { recursive: true });
  logs.hear(changed('done'));
  expect(await logs.read('sweep-1')).toEqual({ run: 'sweep-1', lines: [], missing: null });
});

test('a log that cannot be written stops nothing, and says so', async ({ skip }) => {
  if (process.platform === 'win32') skip('Windows has no such permissions');
  const { logs, file } = await logged();
  await mkdir(file);
  logs.hear(changed('queued'));
  logs.hear(changed('done'));
  await logs.settled();
  await rm(file, { recursive: true });
  const log = await logs.read('sweep-1');
  expect(log.lines).toEqual([]);
  expect(log.missing).toMatch(/^From 2026-01-01T12:00:00.000Z on nothing could be logged: /);
  await expect(readFile(file)).rejects.toThrow();
});
