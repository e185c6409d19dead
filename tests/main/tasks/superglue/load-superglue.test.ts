import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTask } from '../../../../main/tasks/load-task.ts';
import { isChoiceItem, type Task } from '../../../../main/tasks/task.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { readExpectation, rowOf, scoredPair } from '../harness-expectation.ts';

const fixtures = new URL('../../../fixtures/tasks/superglue', import.meta.url).pathname;
const names = ['BoolQ', 'CB', 'COPA', 'RTE', 'WiC', 'WSC', 'MultiRC', 'ReCoRD'];

/** An item's pairs, right answer first, together with those of the harness. */
const compare = (task: Task, folder: string): readonly { readonly ours: unknown; readonly theirs: unknown }[] => {
  const expected = readExpectation(folder);
  return (['test', 'calibration'] as const).flatMap((split) =>
    task[split].filter(isChoiceItem).map((item) => {
      const row = expected[split].find(({ n }) => n === rowOf(item.id));
      if (row === undefined || 'text' in row) throw new TypeError(item.id);
      // MultiRC: the harness uses the label as the index although yes comes first.
      const answer = task.name === 'multirc' ? 1 - row.answer : row.answer;
      const ours = item.choices.map((choice) => scoredPair(item.context, choice));
      const theirs = row.pairs.map(([context, continuation]) => scoredPair(context, continuation));
      return { ours: { answer: ours[item.answer], pairs: ours }, theirs: { answer: theirs[answer], pairs: theirs } };
    }),
  );
};

describe('contexts and choices are those of lm-evaluation-harness, character for character:', () => {
  test.each(names)('%s', async (name) => {
    const folder = join(fixtures, name);
    const task = await loadTask(folder);
    expect(task).toMatchObject({ name: name.toLowerCase(), metric: 'acc', path: folder });
    expect(task.description).toContain('train.jsonl is the calibration split, val.jsonl the test split');
    const compared = compare(task, folder);
    expect(compared.length).toBe(task.test.length + task.calibration.length);
    expect(compared.length).toBeGreaterThan(2);
    if (name === 'ReCoRD') {
      // Other right entities are removed from the choices, since an item has one answer.
      for (const { ours, theirs } of compared) {
        expect(ours).toHaveProperty('answer', (theirs as { readonly answer: unknown }).answer);
        expect((theirs as { readonly pairs: unknown }).pairs).toEqual(
          expect.arrayContaining((ours as { readonly pairs: unknown[] }).pairs),
        );
      }
      return;
    }
    for (const { ours, theirs } of compared) expect(ours).toEqual(theirs);
  });
});

test('items that share a passage have its group, and only where some do', async () => {
  const groupsOf = async (name: string) =>
    (await loadTask(join(fixtures, name))).test.filter(isChoiceItem).map(({ group }) => group);
  expect(await groupsOf('MultiRC')).toEqual(['val:passage 1', 'val:passage 1', 'val:passage 1']);
  expect((await groupsOf('WiC')).every((group) => group === undefined)).toBe(true);
  expect((await loadTask(join(fixtures, 'MultiRC'))).description).toContain('share a passage are not independent');
  expect((await loadTask(join(fixtures, 'WiC'))).description).not.toContain('share a passage');
});

test('MultiRC: yes is right where the label is 1, and the description says how the harness differs', async () => {
  const task = await loadTask(join(fixtures, 'MultiRC'));
  expect(task.test.filter(isChoiceItem).map(({ choices, answer }) => choices[answer])).toEqual([
    'Two brothers\nIs the answer correct? yes',
    "The river's owner\nIs the answer correct? no",
    '1810\nIs the answer correct? yes',
  ]);
  expect(task.description).toContain('its accuracy is 1 minus this one');
});

test('ReCoRD: one right entity, entities by code point, $ in a query is a dollar sign', async () => {
  const { test: items } = await loadTask(join(fixtures, 'ReCoRD'));
  expect(items[0]).toMatchObject({
    answer: 0,
    choices: ['Brandt', 'Graz', 'Linz'].map(
      (name) => `  - "We are proud", said ${name}; ${name} spoke for $& an hour.`,
    ),
  });
});

const copyWith = async (name: string, change: (line: string) => string): Promise<string> => {
  const folder = join(await temporaryFolder(), name);
  await cp(join(fixtures, name), folder, { recursive: true });
  const file = join(folder, 'val.jsonl');
  await writeFile(file, change(await readFile(file, 'utf8')));
  return folder;
};

test('a text in both splits is removed from the calibration split, and the description counts it', async () => {
  const folder = await copyWith('BoolQ', (text) => text);
  const train = await readFile(join(folder, 'train.jsonl'), 'utf8');
  await writeFile(join(folder, 'val.jsonl'), train.split('\n')[0] ?? '');
  const task = await loadTask(folder);
  expect([task.calibration.length, task.test.length]).toEqual([2, 1]);
  expect(task.calibration.map(({ id }) => id)).toEqual(['train:2', 'train:3']);
  expect(task.description).toContain('1 calibration item was left out');
});

describe('refuses, naming file, line and key:', () => {
  const cases: readonly (readonly [string, string, (text: string) => string, RegExp])[] = [
    [
      'a missing label',
      'BoolQ',
      (text) => text.replace(/, "label": \w+/, ''),
      /val\.jsonl, line 1: not a row of BoolQ \(label: /,
    ],
    [
      'a label of another task',
      'CB',
      (text) => text.replace('"neutral"', '"maybe"'),
      /val\.jsonl, line 2: not a row of CB \(label: /,
    ],
    [
      'a wrong type',
      'COPA',
      (text) => text.replace('"label": 1', '"label": 2'),
      /val\.jsonl, line 2: not a row of COPA \(label: /,
    ],
    [
      'a wrong place',
      'WiC',
      (text) => text.replace('"start1": 2', '"start1": -2'),
      /val\.jsonl, line 1: not a row of WiC \(start1: /,
    ],
    [
      'a pronoun that is not there',
      'WSC',
      (text) => text.replace('"it"', '"them"'),
      /val\.jsonl, line 3: target\.span2_text "them" is not in the text/,
    ],
    [
      'a nested label',
      'MultiRC',
      (text) => text.replace('"label": 0', '"label": "no"'),
      /val\.jsonl, line 1: not a row of MultiRC \(passage\.questions\.0\.answers\.1\.label: /,
    ],
    ['no items', 'RTE', () => '', /val\.jsonl contains no items/],
    ['no JSON', 'RTE', () => '{', /val\.jsonl, line 1: not JSON/],
  ];
  test.each(cases)('%s', async (_what, name, change, message) => {
    const loading = loadTask(await copyWith(name, change));
    await expect(loading).rejects.toMatchObject({ kind: 'refused' });
    await expect(loading).rejects.toThrow(message);
  });

  test('rows of no SuperGLUE task, and labels of neither CB nor RTE', async () => {
    const folder = await copyWith('RTE', (text) => text);
    await writeFile(join(folder, 'train.jsonl'), '{"premise":"a","hypothesis":"b","label":"entailment"}');
    await expect(loadTask(folder)).rejects.toThrow('its labels are neither those of CB nor those of RTE');
    await writeFile(join(folder, 'train.jsonl'), '{"sentence":"a","label":1}');
    await expect(loadTask(folder)).rejects.toThrow('not one of SuperGLUE (its keys: sentence, label)');
    await rm(join(folder, 'val.jsonl'));
    await expect(loadTask(folder)).rejects.toThrow('task.json does not exist');
  });
});
