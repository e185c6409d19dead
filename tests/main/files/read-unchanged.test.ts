import { readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readText, readUnchanged } from '../../../main/files/regular-file.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const tasks = fileURLToPath(new URL('../../../resources/tasks', import.meta.url));
const limits = { mostBytes: 1000 };

test('results from unchanged files are returned; not if a file changes, returns or vanishes meanwhile', async () => {
  const folder = await temporaryFolder();
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  await Promise.all([a, b].map((file) => writeFile(file, 'one')));
  await utimes(a, 1, 1);
  const readBoth = (between: () => Promise<unknown>): Promise<string> =>
    readUnchanged(async () => {
      const first = await readText(a, limits);
      await between();
      return first + (await readText(b, limits));
    });
  expect(await readBoth(() => Promise.resolve())).toBe('oneone');
  const restored = async (): Promise<void> => {
    await writeFile(a, 'two');
    await writeFile(a, 'one');
    await utimes(a, 1, 1);
  };
  for (const change of [() => writeFile(a, 'longer'), restored, () => rm(a)])
    await expect(readBoth(change)).rejects.toMatchObject({
      code: 'changed-while-read',
      kind: 'refused',
      message: `${a} was changed while it was read.`,
    });
});

test('a file that is read twice must be the same both times', async () => {
  const file = join(await temporaryFolder(), 'a');
  await writeFile(file, 'one');
  const readTwice = readUnchanged(async () => {
    const before = await readText(file, limits);
    await writeFile(file, 'other');
    return before + (await readText(file, limits));
  });
  await expect(readTwice).rejects.toMatchObject({ code: 'changed-while-read' });
});

test('a task is made from one state of its files, wherever they are', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'items'));
  await cp(join(tasks, 'capital', 'test.jsonl'), join(folder, 'items', 'test.jsonl'));
  const document = join(folder, 'quiz.task.json');
  const split = { from: 'split', seed: 1, share: 0.5 };
  const text = { format: 'uncurl-task', version: 1, items: 'items/test.jsonl', calibration: split };
  await writeFile(document, JSON.stringify(text));
  const isNamed = (path: string): string => path;
  expect((await loadTask(document, isNamed)).test.length).toBeGreaterThan(0);
  // Called once the document has been read: another one is written in its place.
  const disturbed = loadTask(document, (path) => {
    writeFileSync(document, readFileSync(document));
    return path;
  });
  await expect(disturbed).rejects.toMatchObject({ code: 'changed-while-read' });
});
