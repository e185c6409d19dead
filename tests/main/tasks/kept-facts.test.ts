import { cp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { factsOf, KeptFacts } from '../../../main/tasks/kept-facts.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { hashItems } from '../../../main/tasks/items.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const bundled = fileURLToPath(new URL('../../../resources/tasks/', import.meta.url));

/** The tasks "capital" and, made of its items, "capital-written" in folders of their own, and the facts of the latter. */
const keptWritten = async () => {
  const folder = await temporaryFolder();
  for (const name of ['capital', 'capital-written'])
    await cp(join(bundled, name), join(folder, name), { recursive: true });
  const state = join(folder, 'state');
  const path = join(folder, 'capital-written');
  const open = (program = 'program 1') => new KeptFacts(state, () => Promise.resolve(program));
  const kept = open();
  expect(await kept.find(path)).toBeNull();
  const task = await loadTask(path, undefined, (read, files) => kept.note(path, read, files));
  await kept.write();
  return { folder, path, open, state, task, facts: factsOf(task) };
};

test('the facts of a task are those that it was read with, and are kept for the next start', async () => {
  const { path, open, task, facts } = await keptWritten();
  expect(facts).toMatchObject({
    name: 'capital-written',
    items: { calibration: task.calibration.length, test: task.test.length },
    hash: task.hash,
    profiled: hashItems(task.calibration),
    writing: { maxNewTokens: expect.any(Number) },
  });
  expect(await open().find(path)).toEqual(facts);
  expect(await open('program 2').find(path)).toBeNull();
});

test('facts of other bytes are not used, whatever size and times say', async () => {
  const { folder, path, open, facts } = await keptWritten();
  const items = join(folder, 'capital', 'test.jsonl');
  const before = await readFile(items, 'utf8');
  const { mtime, atime } = await stat(items);
  await writeFile(items, before.replace('capital', 'kapital'));
  await utimes(items, atime, mtime);
  expect(await open().find(path)).toBeNull();
  await writeFile(items, before);
  expect(await open().find(path)).toEqual(facts);
});

test('facts are not used once another file could be read instead, or one is gone', async () => {
  const { folder, path, open, facts } = await keptWritten();
  const beside = join(path, 'test.parquet');
  await writeFile(beside, '');
  expect(await open().find(path)).toBeNull();
  await rm(beside);
  expect(await open().find(path)).toEqual(facts);
  await rename(join(folder, 'capital'), join(folder, 'moved'));
  expect(await open().find(path)).toBeNull();
});

test('a task is opened whose files cannot be looked at again, and nothing of it is kept', async () => {
  const { folder, open, task } = await keptWritten();
  const [kept, path] = [open(), join(folder, 'capital')];
  await kept.note(path, task, [join(folder, 'nowhere', 'test.jsonl')]);
  expect(await kept.find(path)).toBeNull();
});

test('a damaged file of facts is as none, and is written anew', async () => {
  const { path, open, state, facts } = await keptWritten();
  await writeFile(join(state, 'kept-tasks.json'), '{"format":');
  const kept = open();
  expect(await kept.find(path)).toBeNull();
  await loadTask(path, undefined, (task, files) => kept.note(path, task, files));
  await kept.write();
  expect(await open().find(path)).toEqual(facts);
});

test('a task is read while another process writes its facts', async () => {
  const { path, open, state } = await keptWritten();
  const kept = open();
  await loadTask(path, undefined, async (task, files) => {
    await kept.note(path, task, files);
    await writeFile(join(state, 'kept-tasks.json'), '{}');
  });
  expect(await kept.find(path)).not.toBeNull();
});

test('a folder that cannot be written keeps nothing, and says nothing', async () => {
  const folder = await temporaryFolder();
  const path = join(bundled, 'capital');
  await writeFile(join(folder, 'state'), 'a file, not a folder');
  const kept = new KeptFacts(join(folder, 'state'), () => Promise.resolve('program'));
  await loadTask(path, undefined, (task, files) => kept.note(path, task, files));
  await kept.write();
  expect(await new KeptFacts(join(folder, 'state'), () => Promise.resolve('program')).find(path)).toBeNull();
});
