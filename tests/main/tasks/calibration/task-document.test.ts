import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { RecordedCalibration } from '../../../../main/contract/calibration.ts';
import { createPathCache } from '../../../../main/files/path-signature.ts';
import { writeTaskDocument } from '../../../../main/tasks/calibration/task-document.ts';
import { furtherPaths, loadTask } from '../../../../main/tasks/load-task.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));
const named = (path: string): string => path.replace(/^bundled:/, join(resources, 'tasks/'));

const row = (id: string, context = `question ${id}:`): string =>
  JSON.stringify({ id, context, choices: [' yes', ' no'], answer: 0 });
const rows = (prefix: string, count: number): string =>
  Array.from({ length: count }, (_, i) => row(`${prefix}${i}`)).join('\n');

const ownTask = async (items = rows('t', 10)): Promise<{ folder: string; file: string }> => {
  const folder = await temporaryFolder();
  const file = join(folder, 'own.jsonl');
  await writeFile(file, items);
  return { folder, file };
};

const documentOf = (folder: string, items: string, calibration: RecordedCalibration): Promise<string> =>
  writeTaskDocument(join(folder, 'tasks'), { items, calibration }, folder);

test('a split: its own items on two sides, named after the file, with a hash of the choice', async () => {
  const { folder, file } = await ownTask();
  const plain = await loadTask(file);
  const load = async (share: number, seed: number) =>
    loadTask(await documentOf(folder, file, { from: 'split', share, seed }));
  const task = await load(0.2, 0);
  expect(task).toMatchObject({
    name: 'own',
    description: '2 of 10 items (20 % asked for) are drawn with seed 0 for calibration and not tested.',
    path: await documentOf(folder, file, { from: 'split', share: 0.2, seed: 0 }),
  });
  expect([...task.calibration, ...task.test].map(({ id }) => id).sort()).toEqual(plain.test.map(({ id }) => id).sort());
  expect((await load(0.2, 0)).hash).toBe(task.hash);
  expect(new Set([plain.hash, task.hash, (await load(0.2, 1)).hash, (await load(0.3, 0)).hash]).size).toBe(4);
});

test('a second file: what is also tested stays out, and ids that both have are distinguished', async () => {
  const { folder, file } = await ownTask();
  const second = join(folder, 'second.jsonl');
  await writeFile(second, [row('t0', 'new:'), row('c1'), row('c2', 'question t3:')].join('\n'));
  const task = await loadTask(await documentOf(folder, file, { from: 'file', file: second }));
  expect(task.test).toHaveLength(10);
  expect(task.calibration.map(({ id }) => id)).toEqual(['calibration:t0', 'c1']);
  expect(task.description).toContain('1 calibration item was left out: its text is among the test items.');
  await writeFile(second, [row('x', 'question t0:')].join('\n'));
  await expect(loadTask(await documentOf(folder, file, { from: 'file', file: second }))).rejects.toMatchObject({
    code: 'shared-splits',
  });
  await writeFile(second, '{"id":"a","text":"a text"}');
  await expect(loadTask(await documentOf(folder, file, { from: 'file', file: second }))).rejects.toMatchObject({
    code: 'metric-does-not-fit',
  });
});

test('calibration items of another task, by name where it is bundled; few-shot ones keep their turns', async () => {
  const { folder, file } = await ownTask();
  const task = await loadTask(await documentOf(folder, file, { from: 'task', task: 'bundled:plural' }), named);
  const plural = await loadTask(join(resources, 'tasks', 'plural'));
  expect(task.calibration).toEqual(plural.calibration);
  expect(task.turns).toBeNull();

  const shots = join(folder, 'shots');
  await writeTask(shots);
  const shown = await loadTask(await documentOf(folder, file, { from: 'task', task: shots }));
  expect(shown.turns?.calibration.map(({ examples }) => examples.length)).toEqual([1, 1]);
  expect(shown.turns?.test.map(({ examples, question }) => [examples.length, question])[0]).toEqual([
    0,
    'question t0:',
  ]);
});

const writeTask = async (folder: string): Promise<void> => {
  await mkdir(folder);
  await writeFile(join(folder, 'task.json'), '{"name":"shots","fewshot":1}');
  await writeFile(join(folder, 'calibration.jsonl'), rows('c', 3));
  await writeFile(join(folder, 'test.jsonl'), rows('z', 2));
};

test('a folder of test items alone is offered a split, as a file is', async () => {
  const { folder } = await ownTask();
  const alone = join(folder, 'alone');
  await writeTask(alone);
  await rm(join(alone, 'calibration.jsonl'));
  await writeFile(join(alone, 'test.jsonl'), rows('z', 10));
  await writeFile(join(alone, 'task.json'), '{"name":"alone"}');
  expect((await loadTask(alone)).calibration).toEqual([]);
  const task = await loadTask(await documentOf(folder, alone, { from: 'split', share: 0.2, seed: 0 }));
  expect([task.calibration.length, task.test.length]).toEqual([2, 8]);
});

test('refuses a task that has calibration items, documents of documents and invalid documents', async () => {
  const { folder, file } = await ownTask();
  const shots = join(folder, 'shots');
  await writeTask(shots);
  const split = { from: 'split', share: 0.5, seed: 0 } as const;
  await expect(loadTask(await documentOf(folder, shots, split))).rejects.toMatchObject({ code: 'has-calibration' });
  await expect(loadTask(await documentOf(folder, file, { from: 'task', task: file }))).rejects.toMatchObject({
    code: 'no-calibration',
  });
  await expect(loadTask(await documentOf(folder, await documentOf(folder, file, split), split))).rejects.toMatchObject({
    code: 'bad-task',
  });
  // A document that refers to itself is refused.
  const loop = join(folder, 'loop.task.json');
  await writeFile(
    loop,
    JSON.stringify({ format: 'uncurl-task', version: 1, items: file, calibration: { from: 'task', task: loop } }),
  );
  await expect(loadTask(loop)).rejects.toThrow('through more than 4 task documents');
  for (const text of [
    '{',
    '{"format":"other"}',
    '{"format":"uncurl-task","version":1,"items":"own.jsonl","calibration":{"from":"split","share":2,"seed":0}}',
  ]) {
    await writeFile(loop, text);
    await expect(loadTask(loop)).rejects.toMatchObject({ code: 'bad-task', kind: 'refused' });
  }
});

test('a cached task is read again once a file named in its document changes', async () => {
  const { folder, file } = await ownTask();
  const remembered = createPathCache(
    (path) => loadTask(path),
    (path) => furtherPaths(path, (other) => other),
  );
  const document = await documentOf(folder, file, { from: 'split', share: 0.2, seed: 0 });
  const before = await remembered(document);
  expect(await remembered(document)).toBe(before);
  await writeFile(file, rows('u', 20));
  expect((await remembered(document)).test).toHaveLength(16);
});

test('written items: stop strings and new tokens of the choice, for all items, are part of the hash', async () => {
  const written = Array.from({ length: 10 }, (_, i) =>
    JSON.stringify({ id: `w${i}`, context: `question ${i}:`, answer: ' yes' }),
  ).join('\n');
  const { folder, file } = await ownTask(written);
  const split = { from: 'split', share: 0.2, seed: 0 } as const;
  const plain = await loadTask(await documentOf(folder, file, split));
  const writing = { until: ['\n', 'Q:'], maxNewTokens: 8 };
  const task = await loadTask(await documentOf(folder, file, { ...split, writing }));
  expect(plain.test[0]).toMatchObject({ until: ['\n\n'], maxNewTokens: 256 });
  for (const item of [...task.test, ...task.calibration]) expect(item).toMatchObject(writing);
  expect(task.hash).not.toBe(plain.hash);
  expect(task.description).toContain('Answers end at "\\n" or "Q:", or after 8 tokens.');
  const choices = await ownTask();
  await expect(loadTask(await documentOf(choices.folder, choices.file, { ...split, writing }))).rejects.toMatchObject({
    code: 'metric-does-not-fit',
  });
});

test('a folder of test items only can be split like a file', async () => {
  const { folder } = await ownTask();
  const task = join(folder, 'task');
  await mkdir(task);
  await writeFile(join(task, 'task.json'), JSON.stringify({ name: 'tested', metric: 'acc' }));
  await writeFile(join(task, 'test.jsonl'), rows('t', 10));
  expect(await loadTask(task)).toMatchObject({ name: 'tested', calibration: [] });
  const split = await loadTask(await documentOf(folder, task, { from: 'split', share: 0.2, seed: 0 }));
  expect([split.name, split.calibration.length, split.test.length]).toEqual(['tested', 2, 8]);
});
