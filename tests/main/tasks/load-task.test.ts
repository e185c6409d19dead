import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { chanceAccuracy } from '../../../main/tasks/task.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

interface Files {
  readonly 'task.json': string;
  readonly 'calibration.jsonl': string;
  readonly 'test.jsonl': string;
}
const item = (id: string, context = `question ${id}:`, answer = 0): string =>
  JSON.stringify({ id, context, choices: [' yes', ' no'], answer });
const good: Files = {
  'task.json': '{"name":"quiz","title":"A quiz","metric":"acc_norm","source":"here","licence":"MIT"}',
  'calibration.jsonl': `${item('c1')}\n${item('c2')}\n`,
  'test.jsonl': `${item('t1')}\n\n${item('t2', 'other:', 1)}`,
};
const write = async (files: Partial<Files>): Promise<string> => {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries({ ...good, ...files })) await writeFile(join(folder, name), content);
  return folder;
};

test('reads a folder: metadata, both splits, blank lines skipped', async () => {
  const folder = await write({});
  const task = await loadTask(folder);
  expect(task).toMatchObject({
    name: 'quiz',
    title: 'A quiz',
    metric: 'acc_norm',
    source: 'here',
    licence: 'MIT',
    path: folder,
  });
  expect([task.calibration.length, task.test.length]).toEqual([2, 2]);
  expect(task.test[1]).toEqual({ id: 't2', context: 'other:', choices: [' yes', ' no'], answer: 1 });
  expect(chanceAccuracy(task.test)).toBe(0.5);
});

test('the hash covers every item and the metric, but not path, title or layout', async () => {
  const hash = async (files: Partial<Files>): Promise<string> => (await loadTask(await write(files))).hash;
  const base = await hash({});
  expect(await hash({ 'task.json': '{"metric":"acc_norm","name":"other"}' })).toBe(base);
  expect(
    await hash({
      'test.jsonl':
        `{"answer":0, "extra": 1, "choices":[" yes"," no"],"context":"question ` +
        `t1:","id":"t1"}\n${item('t2', 'other:', 1)}\n`,
    }),
  ).toBe(base);
  expect(await hash({ 'task.json': '{"metric":"acc","name":"quiz"}' })).not.toBe(base);
  expect(await hash({ 'test.jsonl': `${item('t1')}\n${item('t2', 'other:', 0)}` })).not.toBe(base);
  expect(await hash({ 'calibration.jsonl': item('c1') })).not.toBe(base);
});

test('few-shot: examples precede every item, joined unchanged, and none is profiled', async () => {
  const task = await loadTask(await write({ 'task.json': '{"name":"quiz","fewshot":1,"fewshotDelimiter":" | "}' }));
  const [kept] = task.calibration;
  expect(task.calibration.length).toBe(1);
  const example = kept?.id === 'c1' ? 'question c2: yes | ' : 'question c1: yes | ';
  expect([...task.calibration, ...task.test]).toMatchObject([
    { context: `${example}question ${kept?.id ?? ''}:` },
    { context: `${example}question t1:` },
    { context: `${example}other:` },
  ]);
});

test('a plain JSONL file contains test items only; texts are measured by perplexity', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'choices.jsonl'), item('a'));
  await writeFile(
    join(folder, 'texts.jsonl'),
    '\uFEFF{"id":"a","text":"Some words."}\r\n{"id":"b","text":"More."}\r\n',
  );
  expect(await loadTask(join(folder, 'choices.jsonl'))).toMatchObject({
    name: 'choices',
    metric: 'acc',
    calibration: [],
  });
  const texts = await loadTask(join(folder, 'texts.jsonl'));
  expect(texts).toMatchObject({
    name: 'texts',
    metric: 'perplexity',
    test: [{ id: 'a', text: 'Some words.' }, { id: 'b' }],
  });
  expect(chanceAccuracy(texts.test)).toBeNull();
});

describe('refuses, naming file, line and id:', () => {
  const text = '{"id":"t","text":"words"}';
  const cases: readonly (readonly [string, Partial<Files>, RegExp])[] = [
    ['bad JSON', { 'test.jsonl': `${item('a')}\n{"id":` }, /test\.jsonl, line 2: not JSON/],
    ['no object', { 'test.jsonl': '[1]' }, /test\.jsonl, line 1: not an object/],
    [
      'an answer outside its choices',
      { 'test.jsonl': item('q7', 'x', 2) },
      /test\.jsonl, line 1 \(id "q7"\): answer 2 is outside its 2 choices/,
    ],
    ['a negative answer', { 'test.jsonl': item('q7', 'x', -1) }, /line 1 \(id "q7"\): answer:/],
    [
      'fewer than two choices',
      { 'test.jsonl': '{"id":"q","context":"c","choices":["a"],"answer":0}' },
      /line 1 \(id "q"\): choices:/,
    ],
    [
      'an empty choice',
      { 'test.jsonl': '{"id":"q","context":"c","choices":["a",""],"answer":0}' },
      /\(id "q"\): choice 1 is empty/,
    ],
    ['a missing id', { 'test.jsonl': '{"context":"c","choices":["a","b"],"answer":0}' }, /line 1: id:/],
    [
      'a second use of an id',
      { 'calibration.jsonl': `${item('c')}\n${item('d')}\n${item('c', 'z')}` },
      /calibration\.jsonl, line 3: id "c" was already used in line 1/,
    ],
    ['an empty file', { 'calibration.jsonl': '\n\n' }, /calibration\.jsonl contains no items/],
    [
      'both kinds in one file',
      { 'test.jsonl': `${item('a')}\n${text}` },
      /test\.jsonl, line 2 \(id "t"\): a text after a multiple-choice item/,
    ],
    [
      'both kinds in one item',
      { 'test.jsonl': '{"id":"q","text":"x","context":"c","choices":["a","b"],"answer":0}' },
      /has both a text and a context/,
    ],
    [
      'an id in both splits',
      { 'test.jsonl': item('c1', 'new') },
      /id "c1" is in calibration\.jsonl and in test\.jsonl/,
    ],
    [
      'a text in both splits',
      { 'test.jsonl': item('t9', 'question c2:') },
      /test item "t9" has the text of calibration item "c2"/,
    ],
    [
      'a metric for other items',
      { 'task.json': '{"name":"quiz","metric":"perplexity"}' },
      /metric perplexity does not fit multiple-choice items/,
    ],
    [
      'a metric for other items (texts)',
      { 'calibration.jsonl': '{"id":"c","text":"x"}', 'test.jsonl': text },
      /metric acc_norm does not fit texts/,
    ],
    ['an unknown metric', { 'task.json': '{"name":"quiz","metric":"f1"}' }, /task\.json: metric:/],
    [
      'few-shot examples of texts',
      {
        'task.json': '{"name":"quiz","metric":"perplexity","fewshot":1}',
        'calibration.jsonl': '{"id":"c","text":"x"}',
        'test.jsonl': text,
      },
      /task\.json: fewshot is 1 for texts/,
    ],
    [
      'more few-shot examples than items',
      { 'task.json': '{"name":"quiz","fewshot":3}' },
      /task\.json: 3 few-shot examples are asked for, and their split has 2 items/,
    ],
    ['a name with a slash', { 'task.json': '{"name":"../quiz"}' }, /task\.json: the name "\.\.\/quiz" cannot be used/],
    ['metadata that is no JSON', { 'task.json': '{' }, /task\.json is not JSON/],
  ];
  test.each(cases)('%s', async (_name, files, message) => {
    const loading = loadTask(await write(files));
    await expect(loading).rejects.toMatchObject({ kind: 'refused' });
    await expect(loading).rejects.toThrow(message);
  });

  test('files that are missing, not UTF-8 or not a task', async () => {
    const folder = await write({});
    await rm(join(folder, 'test.jsonl'));
    await expect(loadTask(folder)).rejects.toThrow(/test\.jsonl does not exist/);
    await writeFile(join(folder, 'latin.jsonl'), Buffer.from([0x7b, 0xff, 0x7d]));
    await expect(loadTask(join(folder, 'latin.jsonl'))).rejects.toThrow(/latin\.jsonl is not UTF-8/);
    await writeFile(join(folder, 'notes.md'), '');
    await expect(loadTask(join(folder, 'notes.md'))).rejects.toThrow(
      /neither a task folder nor a \.jsonl, \.parquet or \.txt file/,
    );
    await writeFile(join(folder, 'test.parquet'), '');
    await writeFile(join(folder, 'test.jsonl'), good['test.jsonl']);
    await expect(loadTask(folder)).rejects.toThrow(/contains both test\.jsonl and test\.parquet/);
    await expect(loadTask(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'missing-task' });
  });
});

test('every bundled task loads, has both splits and the name of its folder', async () => {
  const names = await readdir(join(resources, 'tasks'));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names.filter((entry) => !entry.includes('.'))) {
    const task = await loadTask(join(resources, 'tasks', name));
    expect(task.name).toBe(name);
    expect(Math.min(task.calibration.length, task.test.length)).toBeGreaterThan(50);
    expect(task.licence).not.toBe('');
  }
});

test('a copy elsewhere is the same task', async () => {
  const copy = await temporaryFolder();
  await mkdir(copy, { recursive: true });
  await cp(join(resources, 'tasks', 'capital'), join(copy, 'capital'), { recursive: true });
  expect((await loadTask(join(copy, 'capital'))).hash).toBe((await loadTask(join(resources, 'tasks', 'capital'))).hash);
});
