import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { runManifest } from '../../main/contract/run.ts';
import { slicesDocument } from '../../main/contract/slices.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { readProfileFile } from '../../main/workspace/profile-file.ts';
import { resources, temporaryFolder, uncurlHere } from './run-uncurl.ts';

const own = async (folder: string): Promise<string> => {
  const file = join(folder, 'own.jsonl');
  await writeFile(file, await readFile(join(resources, 'tasks', 'add', 'test.jsonl')));
  return file;
};

const facts = z.object({
  hash: z.string(),
  items: z.object({ test: z.number(), calibration: z.number() }),
  verdict: z.object({ fewest: z.number() }),
});

test('info says for which verdicts an own file suffices, and describes its split', async () => {
  const file = await own(await temporaryFolder());
  const info = async (...options: readonly string[]) => {
    const { code, stdout, stderr } = await uncurlHere(['info', file, ...options, '--json']);
    expect(code, stderr).toBe(0);
    return facts.parse(JSON.parse(stdout));
  };
  const plain = await info();
  expect([plain.items, plain.verdict.fewest]).toEqual([{ test: 300, calibration: 0 }, 149]);
  const split = await info('--split', '0.5', '--delta', '0.05');
  expect(split.items).toEqual({ test: 150, calibration: 150 });
  expect(split.verdict.fewest).toBeLessThan(149);
  expect(split.hash).not.toBe(plain.hash);
  expect((await info('--calibrate-on', 'add')).items).toEqual({ test: 300, calibration: 300 });
  expect((await uncurlHere(['info', file])).stdout).toContain('none: give --split or --calibrate-on');
});

test('a sweep and a profile on an own file with --split use the same task, and the sweep is found again', async () => {
  const folder = await temporaryFolder();
  const file = await own(folder);
  const workspace = join(folder, 'workspace');
  const task = ['--task', file, '--split', '0.2', '--split-seed', '3'];
  const inWorkspace = ['--workspace', workspace];
  const settings = ['--method', 'frequency', '--factors', '1,2', '--limit', '20'];
  const swept = await uncurlHere(['sweep', 'uncurl-8', ...task, ...settings, ...inWorkspace, '--json']);
  expect(swept.code, swept.stderr).toBe(0);
  const document = sweepDocument.parse(JSON.parse(swept.stdout));
  const manifest = await readFile(join(workspace, 'runs', document.run, 'manifest.json'), 'utf8');
  const { tasks } = runManifest.parse(JSON.parse(manifest));
  expect(tasks.map(({ name }) => name)).toEqual(['own']);
  const out = join(folder, 'own.safetensors');
  const profiled = await uncurlHere(['profile', 'uncurl-8', ...task, '--out', out]);
  expect(profiled.code, profiled.stderr).toBe(0);
  const [ofOwn] = (await readProfileFile(out)).tasks;
  expect(ofOwn?.hash).toBe(tasks[0]?.hash);

  const item = ['--model', 'uncurl-8', '--task', 'own', '--method', 'frequency', '--factor', '2'];
  const outcomes = await uncurlHere(['outcomes', document.run, ...item, ...inWorkspace]);
  expect(outcomes.code, outcomes.stderr).toBe(0);
  const sliced = await uncurlHere(['outcomes', document.run, ...item, '--slices', ...inWorkspace, '--json']);
  expect(sliced.code, sliced.stderr).toBe(0);
  const { slices, first, second } = slicesDocument.parse(JSON.parse(sliced.stdout));
  expect([first.method, second.method]).toEqual(['unpruned', 'frequency']);
  const point = document.results.find(({ method }) => method === 'frequency');
  expect(slices[0]).toMatchObject({ n: 20, difference: point?.difference, low: point?.low, high: point?.high });
  expect(slices.some(({ by }) => by === 'token')).toBe(true);
  const other = ['--against', 'frequency', '--against-factor', '2'];
  const same = await uncurlHere(['outcomes', document.run, ...item, ...other, ...inWorkspace]);
  expect(same.stdout).toContain('Frequency ×2 minus Frequency ×2, 0 lost, 0 gained.');
  const unknown = await uncurlHere(['outcomes', document.run, ...item, '--slice', 'no such slice', ...inWorkspace]);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no slice of these items')]);
});

test('tasks that the workspace has imported go by their names, in info and baseline too', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const bundled = join(resources, 'tasks', 'capital');
  const folders = ['capital_easy-1', 'capital_hard-2'].map((name) => join(workspace, 'tasks', name));
  const items = (await readFile(join(bundled, 'test.jsonl'), 'utf8')).split('\n').slice(0, 6).join('\n');
  for (const folder of folders) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'task.json'), await readFile(join(bundled, 'task.json')));
    await writeFile(join(folder, 'test.jsonl'), items);
  }
  const record = { fewshot: null, limit: null, name: 'capital', version: '0.4.13' };
  const imported = [
    { ...record, asked: 'easy', folder: 'capital_easy-1' },
    ...['capital_easy-1', 'capital_hard-2'].map((folder) => ({ ...record, asked: 'both', folder })),
  ];
  await writeFile(join(workspace, 'tasks', 'imported.json'), JSON.stringify({ imported }));
  const run = (...args: readonly string[]) => uncurlHere([...args, '--workspace', workspace]);
  const described = await run('info', 'easy', '--json');
  expect(facts.parse(JSON.parse(described.stdout)).items.test).toBe(6);
  const measured = await run('baseline', 'uncurl-8', '--task', 'easy', '--threads', '1', '--json');
  expect(measured.code, measured.stderr).toBe(0);
  expect(JSON.parse(measured.stdout)).toMatchObject({ tasks: [{ task: 'capital', n: 6 }] });
  const several = await run('info', 'both');
  expect([several.code, several.stderr]).toEqual([
    2,
    expect.stringMatching(/both stands for 2 tasks[^]*capital_hard-2/),
  ]);
  // A task whose folder is gone is not there: nothing opens half of a name.
  await rm(folders[1] ?? '', { recursive: true });
  const gone = await run('baseline', 'uncurl-8', '--task', 'both');
  expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining('"both" is neither a path nor the name')]);
  expect(gone.stderr).toContain('uncurl doctor --python');
});

test('refuses to split a task with calibration items, and options that contradict each other', async () => {
  const file = await own(await temporaryFolder());
  for (const [args, said] of [
    [['info', 'add', '--split', '0.2'], 'has calibration items of its own'],
    [['info', file, '--split', '1'], 'a share between 0 and 1'],
    [['info', file, '--split', '0.2', '--calibrate-on', 'add'], 'both given'],
    [['info', file, '--split-seed', '2'], 'without --split'],
    [['info', 'uncurl-8', '--split', '0.2'], 'is for tasks'],
  ] as const) {
    const { code, stderr } = await uncurlHere(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  }
});
