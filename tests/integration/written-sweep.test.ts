import { existsSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { outcomesDocument } from '../../main/contract/outcomes.ts';
import type { ItemOutcome } from '../../main/contract/outcome.ts';
import { plan } from '../../main/contract/plan.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { readPointBlocks } from '../../main/runs/read-outcomes.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { isWrittenItem } from '../../main/tasks/task.ts';
import { resources, startUncurl, temporaryFolder, uncurlHere } from './run-uncurl.ts';

const answer = z.looseObject({ ...sweepDocument.shape, summary: z.string() });

/** Outcomes of a run by method and factor. */
const outcomesOf = async (workspace: string, run: string): Promise<ReadonlyMap<string, readonly ItemOutcome[]>> => {
  const found = new Map<string, readonly ItemOutcome[]>();
  const blocks = await readPointBlocks(join(workspace, 'runs', run, 'outcomes.parquet'));
  for await (const { point, outcomes } of blocks ?? [])
    found.set(`${point.task} ${point.method} ${String(point.factor)}`, outcomes);
  return found;
};

const sweepArguments = (workspace: string, ...more: readonly string[]): string[] => [
  'sweep',
  'uncurl-16',
  '--task',
  'plural-written',
  '--method',
  'frequency',
  'uncurl',
  '--factors',
  '2,4',
  '--seeds',
  '0',
  '--threads',
  '2',
  '--workspace',
  workspace,
  ...more,
];

test('a sweep of a written task measures what `uncurl generate` writes under its plans', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const swept = await uncurlHere(sweepArguments(workspace, '--limit', '60', '--json'));
  expect(swept.code, swept.stderr).toBe(0);
  const { run, results } = answer.parse(JSON.parse(swept.stdout));
  expect(results.map(({ method, factor }) => `${method} ${String(factor)}`)).toEqual([
    'unpruned 1',
    'frequency 2',
    'frequency 4',
    'uncurl 2',
    'uncurl 4',
  ]);
  const outcomes = await outcomesOf(workspace, run);

  const { test: items } = await loadTask(join(resources, 'tasks', 'plural-written'));
  const asked = items.filter(isWrittenItem).slice(0, 60);
  const requests = join(workspace, 'requests.jsonl');
  await writeFile(
    requests,
    asked
      .map(({ id, context, until, maxNewTokens }) => JSON.stringify({ id, context, until, maxNewTokens }))
      .join('\n'),
  );
  const folder = join(workspace, 'runs', run);
  const steps = z
    .array(z.looseObject({ method: z.string(), factor: z.number(), step: z.string() }))
    .parse(JSON.parse(await readFile(join(folder, 'points.json'), 'utf8')));
  const plans = z
    .record(z.string(), plan.nullable())
    .parse(JSON.parse(await readFile(join(folder, 'plans.json'), 'utf8')));
  for (const result of results) {
    const step = steps.find(({ method, factor }) => method === result.method && factor === result.factor)?.step ?? '';
    const [planFile, out] = [join(workspace, `${step}.json`), join(workspace, `${step}.jsonl`)];
    const kept = plans[step] ?? null;
    if (kept !== null) await writeFile(planFile, JSON.stringify(kept));
    const written = await uncurlHere([
      'generate',
      'uncurl-16',
      '--requests',
      requests,
      '--out',
      out,
      ...(kept === null ? [] : ['--plan', planFile]),
    ]);
    expect(written.code, written.stderr).toBe(0);
    const texts = (await readFile(out, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => z.looseObject({ id: z.string(), text: z.string(), stopped: z.string() }).parse(JSON.parse(line)));
    const own = outcomes.get(`plural-written ${result.method} ${String(result.factor)}`) ?? [];
    expect(own.map((one) => (one.kind === 'written' ? [one.id, one.text, one.stopped] : one.kind))).toEqual(
      texts.map(({ id, text, stopped }) => [id, text, stopped]),
    );
    const right = asked.filter(({ answers }, index) => answers.includes(texts[index]?.text ?? ''));
    expect(result).toMatchObject({ metric: 'exact_match', n: 60, acc: null, value: right.length / 60 });
  }

  const looked = await uncurlHere([
    'outcomes',
    run,
    '--workspace',
    workspace,
    '--method',
    'frequency',
    '--factor',
    '2',
    '--show',
    'lost',
    '--json',
  ]);
  expect(looked.code, looked.stderr).toBe(0);
  const { counts, items: lost, total } = outcomesDocument.parse(JSON.parse(looked.stdout));
  const point = results.find(({ method, factor }) => method === 'frequency' && factor === 2);
  expect(counts).toMatchObject({ lost: point?.lost, gained: point?.gained });
  expect(total).toBe(point?.lost);
  for (const { item, asked: question, unpruned, candidate } of lost) {
    const known = asked.find(({ id }) => id === item);
    expect(question).toEqual({ context: known?.context, choices: [], right: known?.answers });
    expect(unpruned).toMatchObject({ kind: 'written', text: known?.answers[0], isRight: true });
    expect(candidate).toMatchObject({ kind: 'written', isRight: false });
  }
});

test('kill -9 during generation and resume: the outcomes of an uninterrupted run, reusing stored parts', async () => {
  const [whole, killed] = [join(await temporaryFolder(), 'workspace'), join(await temporaryFolder(), 'workspace')];
  const uninterrupted = await uncurlHere(sweepArguments(whole, '--json'));
  expect(uninterrupted.code, uninterrupted.stderr).toBe(0);
  const first = answer.parse(JSON.parse(uninterrupted.stdout));

  const sweep = startUncurl(sweepArguments(killed));
  // 300 items are three parts with five candidates each; the process is killed once the first part is on disk.
  const partsOf = async (): Promise<readonly string[]> =>
    existsSync(join(killed, 'steps'))
      ? (await readdir(join(killed, 'steps'), { recursive: true })).filter((name) => name.endsWith('.json'))
      : [];
  while ((await partsOf()).length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  sweep.child.kill('SIGKILL');
  expect((await sweep.ended).code).toBeNull();
  const stored = await partsOf();
  expect(stored.length).toBeLessThan(15);
  const timesOf = (names: readonly string[]): Promise<number[]> =>
    Promise.all(names.map(async (name) => (await stat(join(killed, 'steps', name))).mtimeMs));
  const times = await timesOf(stored);

  const [run = ''] = await readdir(join(killed, 'runs'));
  const resumed = await uncurlHere(['resume', run, '--json', '--workspace', killed, '--threads', '2']);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(await timesOf(stored)).toEqual(times);
  const second = answer.parse(JSON.parse(resumed.stdout));
  const alike = { run: '', notes: [], facts: [], summary: '' };
  expect({ ...second, ...alike }).toEqual({ ...first, ...alike });
  expect(await outcomesOf(killed, second.run)).toEqual(await outcomesOf(whole, first.run));
});

test('a limit of new tokens that leaves no room for a prompt is refused before a run is made', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'long.jsonl'), '{"id":"a","context":"x","answer":"y"}');
  const { code, stderr } = await uncurlHere([
    'sweep',
    'uncurl-16',
    '--task',
    join(folder, 'long.jsonl'),
    '--method',
    'random',
    '--factors',
    '2',
    '--workspace',
    join(folder, 'w'),
  ]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('long: maxNewTokens is 256')]);
  expect(await readdir(join(folder, 'w', 'runs'))).toEqual([]);
});

test("calibration on the unpruned model's own answers gives other plans than on the right ones", async () => {
  const folder = await temporaryFolder();
  const sweep = async (task: string, calibration: string): Promise<readonly ItemOutcome[]> => {
    const workspace = join(folder, `${task}-${calibration}`);
    const settings = ['--method', 'frequency', '--factors', '2', '--limit', '40', '--calibration', calibration];
    const swept = await uncurlHere([
      'sweep',
      'uncurl-16',
      '--task',
      task,
      ...settings,
      '--workspace',
      workspace,
      '--json',
    ]);
    expect(swept.code, swept.stderr).toBe(0);
    const outcomes = await outcomesOf(workspace, answer.parse(JSON.parse(swept.stdout)).run);
    return outcomes.get(`${task} frequency 2`) ?? expect.fail('no point');
  };
  // The unpruned model answers fewer than half of the French words correctly.
  const written = await sweep('french-written', 'written');
  expect(written).not.toEqual(await sweep('french-written', 'answers'));
  expect(written).not.toEqual(await sweep('french-written', 'endings'));
  const refused = await uncurlHere([
    'sweep',
    'uncurl-16',
    '--task',
    'french',
    '--method',
    'frequency',
    '--factors',
    '2',
    '--calibration',
    'written',
    '--workspace',
    join(folder, 'w'),
  ]);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('french is not a task with written answers'),
  ]);
});
