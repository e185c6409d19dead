import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import {
  bundledMixtureFile,
  mixtureSequences,
  openMixture,
  readMixture,
  reopenMixture,
  withoutTestItems,
} from '../../../main/finetune/mixture.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { isTextItem, profiledText } from '../../../main/tasks/task.ts';
import { bundledTasks } from '../../../main/workspace/library.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const fileOf = async (lines: readonly unknown[]): Promise<string> => {
  const file = join(await temporaryFolder(), 'mixture.jsonl');
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return file;
};

test('the bundled mixture contains no test item of any bundled task, by hash of text and by question', async () => {
  const { items } = await readMixture(bundledMixtureFile(resources), 'bundled');
  const hashes = new Set(items.map(({ context, answer }) => hashOf(context + answer)));
  const questions = new Set(items.map(({ context }) => context));
  let tested = 0;
  for (const [, path] of await bundledTasks(resources)) {
    for (const item of (await loadTask(path)).test) {
      tested += 1;
      expect(hashes.has(hashOf(profiledText(item))), `${path} ${item.id}`).toBe(false);
      expect(questions.has(isTextItem(item) ? item.text : item.context), `${path} ${item.id}`).toBe(false);
    }
  }
  expect(tested).toBeGreaterThan(5000);
});

test('the bundled mixture contains every calibration item of the models’ pretraining tasks', async () => {
  const { items } = await readMixture(bundledMixtureFile(resources), 'bundled');
  const texts = new Set(items.map(({ context, answer }) => context + answer));
  for (const name of ['german', 'capital', 'mood']) {
    const { calibration } = await loadTask(join(resources, 'tasks', name));
    expect(calibration.filter((item) => !texts.has(profiledText(item)))).toEqual([]);
  }
});

test('test items of the tasks are left out of any mixture, and counted', async () => {
  const german = await loadTask(join(resources, 'tasks', 'german'));
  const [first] = german.test;
  if (first === undefined || isTextItem(first)) throw new Error('german asks with contexts');
  const answer = profiledText(first).slice(first.context.length);
  const file = await fileOf([
    { group: 'facts', context: first.context, answer },
    { group: 'facts', context: first.context, answer: 'anders\n' },
    { context: '\nadd 1+1>', answer: '2\n' },
  ]);
  const { mixture, spec } = await openMixture(file, [german], resources);
  expect(mixture.leftOut).toBe(1);
  expect(mixture.items.map((item) => item.answer)).toEqual(['anders\n', '2\n']);
  expect(await reopenMixture(spec, [german], resources)).toEqual(mixture);
  // Without the task the item stays, and the mixture differs.
  await expect(reopenMixture(spec, [], resources)).rejects.toMatchObject({ code: 'changed-since' });
  const alone = await readMixture(await fileOf([{ context: first.context, answer }]), 'alone');
  expect(() => withoutTestItems(alone, [german])).toThrow(/Every item of the mixture alone is a test item/);
});

test('items are learnt by group, their answers apart from their contexts', async () => {
  const tokenizer = (await loadTokenizer(join(resources, 'models', 'switch-8'))) ?? expect.fail('a tokenizer');
  const file = await fileOf([
    { group: 'a', context: '\nadd 1+1>', answer: '2\n' },
    { group: 'b', context: '\nadd 1+2>', answer: '3\n' },
    { group: 'a', context: '\nadd 1+3>', answer: '4\n' },
  ]);
  const groups = mixtureSequences(await readMixture(file, 'm'), tokenizer, 64);
  expect(
    groups.map((group) =>
      group.map(([tokens, context]) => [tokenizer.decode(tokens), tokenizer.decode(tokens.slice(context))]),
    ),
  ).toEqual([
    [
      ['\nadd 1+1>2\n', '2\n'],
      ['\nadd 1+3>4\n', '4\n'],
    ],
    [['\nadd 1+2>3\n', '3\n']],
  ]);
});

test('a bad mixture is refused, naming the line', async () => {
  await expect(readMixture(await fileOf([{ context: 'a' }]), 'm')).rejects.toMatchObject({
    code: 'bad-item',
    message: expect.stringMatching(/line 1: answer/),
  });
  await expect(readMixture(await fileOf([]), 'm')).rejects.toMatchObject({ code: 'no-items' });
});
