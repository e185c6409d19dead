import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { startUncurl, temporaryFolder, uncurl } from './run-uncurl.ts';

const SWEEP = [
  ...['sweep', 'uncurl-8', '--task', 'sort', 'add', '--method', 'random', 'reap', '--factors', '2,4', '--seeds', '0,1'],
  ...['--limit', '100', '--threads', '1', '--json'],
];
/** Two tasks, each with the unpruned model and six candidates. */
const PARTS = 14;

const answer = z.looseObject({ ...sweepDocument.shape, summary: z.string() });
const filled = z.object({ parts: z.number(), of: z.number(), computed: z.number(), reused: z.number() });
const listing = z.object({ steps: z.array(z.object({ id: z.string(), state: z.string() })) });

const numbersOf = (stdout: string): unknown => {
  const { results, thresholds } = answer.parse(JSON.parse(stdout));
  return { results, thresholds };
};

const makeRun = async (workspace: string, ...extra: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await uncurl([...SWEEP, ...extra, '--later', '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  return z.object({ run: z.string() }).parse(JSON.parse(stdout)).run;
};

const statesOf = async (run: string, workspace: string): Promise<readonly string[]> => {
  const { code, stdout, stderr } = await uncurl(['steps', run, '--json', '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  return listing.parse(JSON.parse(stdout)).steps.map(({ state }) => state);
};

test('workers with shares, one of them replacing a killed worker, give the results of a single process', async () => {
  const alone = await uncurl([...SWEEP, '--workspace', join(await temporaryFolder(), 'workspace')]);
  expect(alone.code, alone.stderr).toBe(0);
  const workspace = join(await temporaryFolder(), 'workspace');
  const run = await makeRun(workspace);
  expect(await statesOf(run, workspace)).toEqual(Array.from({ length: PARTS }, () => 'to do'));

  const work = ['work', run, '--threads', '1', '--json', '--workspace', workspace];
  const killed = startUncurl([...work, '--share', '2/2']);
  await killed.says(/computed/);
  killed.child.kill('SIGKILL');
  const first = await uncurl([...work, '--share', '1/2']);
  await killed.ended;
  expect(first.code, first.stderr).toBe(0);
  const [second, third] = await Promise.all([uncurl([...work, '--until-empty']), uncurl([...work, '--until-empty'])]);
  expect([second.code, third.code], second.stderr + third.stderr).toEqual([0, 0]);
  const counts = [first, second, third].map(({ stdout }) => filled.parse(JSON.parse(stdout)));
  // Every part is reported by one worker; only parts of the killed worker may be missing.
  const total = counts.reduce((sum, { parts }) => sum + parts, 0);
  const done = await readdir(join(workspace, 'runs', run, 'work', 'units'));
  expect(done).toHaveLength(PARTS);
  expect(total).toBeLessThan(PARTS);
  expect(total).toBeGreaterThan(PARTS / 2);
  expect(await statesOf(run, workspace)).toEqual(Array.from({ length: PARTS }, () => 'on disk'));

  const joined = await uncurl(['resume', run, '--threads', '1', '--json', '--workspace', workspace]);
  expect(joined.code, joined.stderr).toBe(0);
  expect(numbersOf(joined.stdout)).toEqual(numbersOf(alone.stdout));
  expect(answer.parse(JSON.parse(joined.stdout)).summary).toMatch(/^0 of (\d+) steps computed, \1 reused/);
  // Workers create no run of their own.
  expect(await readdir(join(workspace, 'runs'))).toEqual([run]);
  expect(await readFile(join(workspace, 'runs', run, 'work', 'hardware.json'), 'utf8')).toContain('float32');
});

test('speeds are not steps: workers do not measure them, and everything else is on disk', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const run = await makeRun(workspace, '--speed');
  const { code, stderr } = await uncurl(['work', run, '--threads', '1', '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  expect(await statesOf(run, workspace)).toEqual(Array.from({ length: PARTS }, () => 'on disk'));
});

test('an invalid share, a run that is not a sweep, and a missing cluster are refused', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const run = await makeRun(workspace);
  for (const [args, words] of [
    [['work', run, '--share', '3/2'], 'i/n with i from 1 to n'],
    [['work', run, '--share', '1/2', '--until-empty'], 'exclude each other'],
    [['submit', run], 'Give --slurm'],
    [['submit', 'no-such-run', '--slurm'], 'no-such-run'],
  ] as const) {
    const { code, stderr } = await uncurl([...args, '--workspace', workspace]);
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(words);
  }
  const lonely = await uncurl(['submit', run, '--slurm', '--workspace', workspace], { PATH: '/nowhere' });
  expect(lonely.code).toBe(2);
  expect(lonely.stderr).toContain('There is no sinfo on this machine');
});
