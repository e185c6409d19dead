import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { runManifest } from '../../main/contract/run.ts';
import { readParquet } from './read-parquet.ts';
import { startUncurl, temporaryFolder, uncurl } from './run-uncurl.ts';

const SWEEP = [
  'sweep',
  'uncurl-16',
  '--task',
  'add',
  'sort',
  'bracket',
  '--method',
  'random',
  'reap',
  'uncurl',
  '--factors',
  '2,4,8',
  '--seeds',
  '0,1',
  '--limit',
  '60',
  '--threads',
  '2',
];

const answer = z.looseObject({ ...sweepDocument.shape, summary: z.string() });

/** Results and thresholds of a run, which must not depend on interruptions. */
const numbersOf = (stdout: string): unknown => {
  const { results, thresholds } = answer.parse(JSON.parse(stdout));
  return { results, thresholds };
};

/** All stored outcomes of a run, without the run's name. */
const outcomesOf = async (workspace: string, run: string): Promise<unknown[]> =>
  (await readParquet(join(workspace, 'runs', run, 'outcomes.parquet'))).map((row) => ({ ...row, run: '' }));

/** Results of steps on disk: a file each. */
const storedSteps = async (workspace: string): Promise<number> => {
  const entries = await readdir(join(workspace, 'steps'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
};

const onlyRun = async (workspace: string): Promise<string> => {
  const runs = await readdir(join(workspace, 'runs'));
  expect(runs).toHaveLength(1);
  return runs[0] ?? '';
};

test('kill -9 during a sweep, three times, and resume: bit for bit the numbers of an uninterrupted run', async () => {
  const whole = join(await temporaryFolder(), 'workspace');
  const uninterrupted = await uncurl([...SWEEP, '--json', '--workspace', whole]);
  expect(uninterrupted.code, uninterrupted.stderr).toBe(0);

  const killed = join(await temporaryFolder(), 'workspace');
  const sweep = startUncurl([...SWEEP, '--workspace', killed]);
  await sweep.says(/unpruned/);
  sweep.child.kill('SIGKILL');
  expect((await sweep.ended).code).toBeNull();
  const run = await onlyRun(killed);

  for (const mark of [/add {2}reap/, /sort {2}reap/]) {
    const resumed = startUncurl(['resume', run, '--workspace', killed, '--threads', '2']);
    await resumed.says(mark);
    resumed.child.kill('SIGKILL');
    await resumed.ended;
    const listed = z
      .array(runManifest)
      .parse(JSON.parse((await uncurl(['runs', '--json', '--workspace', killed])).stdout));
    expect(listed.map(({ id, state }) => [id, state])).toEqual([[run, 'interrupted']]);
  }
  const stored = await storedSteps(killed);
  const finished = await uncurl(['resume', run, '--json', '--workspace', killed, '--threads', '2']);
  expect(finished.code, finished.stderr).toBe(0);
  const { summary } = answer.parse(JSON.parse(finished.stdout));
  const [, computed = '', total = ''] = /^(\d+) of (\d+) steps computed/.exec(summary) ?? [];
  // What was stored before a kill is not computed again.
  expect(Number(total)).toBe(await storedSteps(whole));
  expect(stored).toBeGreaterThan(0);
  expect(Number(computed)).toBe(Number(total) - stored);
  expect(Number(computed)).toBeGreaterThan(0);

  expect(numbersOf(finished.stdout)).toEqual(numbersOf(uninterrupted.stdout));
  expect(await outcomesOf(killed, run)).toEqual(await outcomesOf(whole, await onlyRun(whole)));

  const again = await uncurl(['resume', run, '--json', '--workspace', killed]);
  expect(answer.parse(JSON.parse(again.stdout)).summary).toBe(
    `0 of ${total} steps computed, ${total} reused from disk.`,
  );
  expect(numbersOf(again.stdout)).toEqual(numbersOf(uninterrupted.stdout));
});

test('an interrupt cancels after the current step, leaves a resumable run, and exits with 130', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const sweep = startUncurl([...SWEEP, '--workspace', workspace]);
  await sweep.says(/unpruned/);
  sweep.child.kill('SIGINT');
  const { code, stderr } = await sweep.ended;
  expect(code, stderr).toBe(130);
  const run = await onlyRun(workspace);
  const manifest = runManifest.parse(JSON.parse(await readFile(join(workspace, 'runs', run, 'manifest.json'), 'utf8')));
  expect(manifest).toMatchObject({ state: 'cancelled', error: null });
  const points = sweepDocument.parse(
    JSON.parse(await readFile(join(workspace, 'runs', run, 'results.json'), 'utf8')),
  ).results;
  expect(points.length).toBeGreaterThan(0);
  // Three tasks, each with the unpruned model and twelve candidates.
  expect(points.length).toBeLessThan(20);
  expect(await readdir(join(workspace, 'tmp'))).toEqual([]);
});

test('a run that another engine works on is refused, naming its owner', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const sweep = startUncurl([...SWEEP, '--workspace', workspace]);
  await sweep.says(/unpruned/);
  const run = await onlyRun(workspace);
  const second = await uncurl(['resume', run, '--workspace', workspace]);
  expect(second.code).toBe(2);
  expect(second.stderr).toContain(`process ${String(sweep.child.pid)}`);
  sweep.child.kill('SIGINT');
  expect((await sweep.ended).code).toBe(130);
});

test('two engines that sweep in one workspace at once get the same numbers', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const short = [
    'sweep',
    'uncurl-16',
    '--task',
    'french',
    'sort',
    '--method',
    'frequency',
    'uncurl',
    '--factors',
    '2,4',
    '--limit',
    '120',
    '--json',
    '--workspace',
    workspace,
  ];
  const [first, second] = await Promise.all([uncurl(short), uncurl(short)]);
  expect([first.code, second.code], first.stderr + second.stderr).toEqual([0, 0]);
  expect(numbersOf(first.stdout)).toEqual(numbersOf(second.stdout));
  expect(await readdir(join(workspace, 'tmp'))).toEqual([]);
});
