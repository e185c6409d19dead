import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument, type Threshold } from '../../main/contract/sweep.ts';
import { readParquet } from './read-parquet.ts';
import { startUncurl, temporaryFolder, uncurl, uncurlHere } from './run-uncurl.ts';

const SWEEP = [
  ...['sweep', 'uncurl-8', '--task', 'french', 'sort', 'sort-written'],
  ...['--method', 'random', 'reap', '--factors', '2,4', '--seeds', '0,1', '--threads', '2', '--json'],
];
const EARLY = [...SWEEP, '--stop', 'early'];

const answer = z.looseObject({ ...sweepDocument.shape, summary: z.string() });
type Answer = z.output<typeof answer>;
const answerOf = ({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }): Answer => {
  expect(code, stderr).toBe(0);
  return answer.parse(JSON.parse(stdout));
};

const numbersOf = ({ results, curtailed, notNeeded, thresholds }: Answer): unknown => ({
  results,
  curtailed,
  notNeeded,
  thresholds,
});

/** The safety information of thresholds, by name. */
const safetyOf = (thresholds: readonly Threshold[]): ReadonlyMap<string, unknown> =>
  new Map(
    thresholds.map(({ model, task, method, seed, factor, lastSafe, firstUnsafe, verdict, n }) => [
      JSON.stringify([model, task, method, seed]),
      { factor, lastSafe, firstUnsafe, verdict, n },
    ]),
  );

/** All stored outcomes of a run, without the run's name. */
const outcomesOf = async (workspace: string, run: string): Promise<unknown[]> =>
  (await readParquet(join(workspace, 'runs', run, 'outcomes.parquet'))).map((row) => ({ ...row, run: '' }));

const computedOf = ({ summary }: Answer): readonly number[] =>
  (/^(\d+) of (\d+) steps/.exec(summary) ?? []).slice(1).map(Number);

test('stopping early gives the thresholds of a full sweep, also after kill -9; a full one resumes it', async () => {
  const whole = join(await temporaryFolder(), 'workspace');
  const full = answerOf(await uncurl([...SWEEP, '--workspace', whole]));

  const plain = join(await temporaryFolder(), 'workspace');
  const curtailed = answerOf(await uncurl([...EARLY, '--workspace', plain]));
  expect(safetyOf(curtailed.thresholds)).toEqual(safetyOf(full.thresholds));
  const early = curtailed.curtailed ?? [];
  expect(early.length).toBeGreaterThan(4);
  for (const { evaluated, n, lost, verdict } of early) {
    expect(evaluated).toBeLessThan(n);
    expect(lost).toBeGreaterThan(0);
    expect(verdict).toBe('unsafe');
  }
  // Candidates that answered every item equal those of a full measurement; others have no accuracy.
  for (const result of curtailed.results) {
    expect(full.results).toContainEqual(result);
    expect(result.evaluated).toBe(result.n);
  }
  expect(curtailed.results.length + early.length + (curtailed.notNeeded ?? []).length).toBe(full.results.length);

  const killed = join(await temporaryFolder(), 'workspace');
  const sweep = startUncurl([...EARLY, '--workspace', killed]);
  await sweep.says(/random \(seed 1\) {2}factor 2: unsafe after/);
  sweep.child.kill('SIGKILL');
  await sweep.ended;
  const [run = ''] = await readdir(join(killed, 'runs'));
  const second = startUncurl(['resume', run, '--workspace', killed, '--threads', '2']);
  await second.says(/sort-written {2}random \(seed 0\) {2}factor 2/);
  second.child.kill('SIGKILL');
  await second.ended;
  const resumed = answerOf(await uncurl(['resume', run, '--json', '--workspace', killed, '--threads', '2']));
  expect(numbersOf(resumed)).toEqual(numbersOf(curtailed));
  const again = answerOf(await uncurlHere(['resume', run, '--json', '--workspace', killed, '--threads', '2']));
  expect(computedOf(again)[0]).toBe(0);
  expect(numbersOf(again)).toEqual(numbersOf(curtailed));

  // A machine with less memory divides the items differently, and reads the stored parts.
  const small = ['--threads', '2', '--memory', '0.001'];
  const elsewhere = answerOf(await uncurlHere(['resume', run, '--json', '--workspace', killed, ...small]));
  expect(computedOf(elsewhere)[0]).toBe(0);
  expect(numbersOf(elsewhere)).toEqual(numbersOf(curtailed));

  // Continued in full: bit for bit the results of a sweep that never stopped early.
  const finished = answerOf(await uncurl([...SWEEP, '--workspace', killed]));
  expect(numbersOf(finished)).toEqual(numbersOf(full));
  const [fullRun = ''] = await readdir(join(whole, 'runs'));
  expect(await outcomesOf(killed, finished.run)).toEqual(await outcomesOf(whole, fullRun));
  expect(computedOf(finished)[0]).toBeLessThan(computedOf(full)[0] ?? 0);
});

test('an adaptive search that stops early finds the same thresholds as a full one', async () => {
  const ADAPTIVE = [
    ...['sweep', 'uncurl-8', '--task', 'sort', '--method', 'frequency', 'reap', '--adaptive'],
    ...['--threads', '2', '--json'],
  ];
  const full = answerOf(await uncurl([...ADAPTIVE, '--workspace', join(await temporaryFolder(), 'workspace')]));
  const workspace = join(await temporaryFolder(), 'workspace');
  const curtailed = answerOf(await uncurl([...ADAPTIVE, '--stop', 'early', '--workspace', workspace]));
  expect(safetyOf(curtailed.thresholds)).toEqual(safetyOf(full.thresholds));
  expect(curtailed.curtailed?.length).toBeGreaterThan(0);
});

test('too few items are not spent, and a first task that is not part of the sweep is refused', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const few = answerOf(await uncurl([...EARLY, '--limit', '60', '--workspace', workspace]));
  expect(new Set(few.thresholds.map(({ verdict }) => verdict))).toEqual(new Set(['cannot-tell']));
  expect(few.results.map(({ method }) => method)).toEqual(['unpruned', 'unpruned', 'unpruned']);
  expect(new Set(few.curtailed?.map(({ evaluated }) => evaluated))).toEqual(new Set([0]));
  expect(few.notes?.join()).toContain('60 items are too few to tell a threshold, so no candidate was measured');
  const wrong = await uncurl([...EARLY, '--first', 'frenhc', '--workspace', workspace]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('french');
});
