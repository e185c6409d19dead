/** Own task documents of lm-evaluation-harness: built by the harness itself, through `uncurl import`. */
import { readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { AS_PUBLISHED, foundImports } from '../../main/harness/import-tasks.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { isWrittenItem, type Task } from '../../main/tasks/task.ts';
import { readExpectation, rowOf, scoredPair } from '../main/tasks/harness-expectation.ts';
import { outputOf } from './run-python.ts';

const entryPoint = fileURLToPath(new URL('../../main/cli/uncurl.ts', import.meta.url));
const choices = fileURLToPath(new URL('../fixtures/tasks/harness', import.meta.url));
const written = fileURLToPath(new URL('../fixtures/reference/generation/harness', import.meta.url));
const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
const CHOSEN = readdirSync(choices);
const WRITTEN = ['add', 'plural', 'sort'];
const importedTasks = z.array(z.object({ asked: z.string(), task: z.string(), folder: z.string() }));

let work = '';
const uncurl = (...parameters: readonly string[]): Promise<string> =>
  outputOf(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entryPoint, ...parameters, '--workspace', path.join(work, 'workspace')],
    { ...process.env, HOME: work, HF_HOME: path.join(work, 'hub'), UNCURL_SETTINGS: path.join(work, 'settings.json') },
  );
const importNamed = async (...parameters: readonly string[]): Promise<z.infer<typeof importedTasks>> =>
  importedTasks.parse(JSON.parse(await uncurl('import', ...parameters, '--python', python, '--json')));
const refusal = (...parameters: readonly string[]): Promise<string> =>
  importNamed(...parameters).then(
    () => expect.fail('it was imported'),
    (error: unknown) => String(error),
  );

const yaml = (more: string, text = '"{{ q }}"'): string =>
  `task: quiz
dataset_path: json
dataset_kwargs: {data_files: {train: train.jsonl, test: test.jsonl}}
output_type: multiple_choice
training_split: train
test_split: test
doc_to_text: ${text}
doc_to_choice: [one, two]
doc_to_target: a
${more}`;
/** A folder of one's own with a task, its data, and a Python file that leaves a trace. */
const ownFolder = async (name: string, document: string): Promise<string> => {
  const folder = path.join(work, name);
  await mkdir(folder);
  const rows = (start: number, count: number): string =>
    Array.from({ length: count }, (_, index) =>
      JSON.stringify({ q: `Question ${String(start + index)}?`, a: index % 2 }),
    ).join('\n');
  const trace = JSON.stringify(path.join(folder, 'trace'));
  await writeFile(path.join(folder, `${name}.yaml`), document);
  await writeFile(path.join(folder, 'train.jsonl'), rows(0, 6));
  await writeFile(path.join(folder, 'test.jsonl'), rows(20, 3));
  await writeFile(
    path.join(folder, 'own.py'),
    `open(${trace}, "w").close()\n\n\ndef text(doc):\n    return "Own: " + doc["q"]\n`,
  );
  return folder;
};

const loaded = new Map<string, Task>();
const taskOf = (name: string): Task => loaded.get(name) ?? expect.fail(`${name} was not imported`);

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-yaml-'));
  // The data files lie beside the document, whose copy is thus all that the import reads.
  await cp(choices, path.join(work, 'choices'), { recursive: true });
  await cp(path.join(written, 'tasks'), path.join(work, 'written'), { recursive: true });
  const files = [
    ...CHOSEN.map((name) => path.join(work, 'choices', name, 'task.yaml')),
    ...WRITTEN.map((name) => path.join(work, 'written', `${name}.yaml`)),
  ];
  for (const { asked, folder } of await importNamed(...files))
    loaded.set([...CHOSEN, ...WRITTEN][files.indexOf(asked)] ?? '', await loadTask(folder));
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('contexts, choices and answers are those of the harness, character for character:', () => {
  test.each(CHOSEN)('%s', (name) => {
    const task = taskOf(name);
    const expected = readExpectation(path.join(choices, name));
    expect(task.test.length).toBe(expected.test.length);
    expect(task.calibration.length).toBeGreaterThan(0);
    for (const split of ['test', 'calibration'] as const) {
      for (const item of task[split]) {
        // Items are counted from 0 here, rows from 1 there.
        const number = split === 'test' ? Number(item.id) : rowOf(item.id);
        const row = expected[split].find(({ n }) => n === number + 1);
        if (row === undefined) throw new TypeError(item.id);
        if ('text' in item || 'text' in row) {
          expect(item).toEqual({ id: item.id, text: 'text' in row ? row.text : '' });
          continue;
        }
        if (!('choices' in item)) throw new TypeError(item.id);
        // Calibration items have examples of their own.
        if (split === 'test')
          expect(item.choices.map((choice) => scoredPair(item.context, choice))).toEqual(
            row.pairs.map(([context, continuation]) => scoredPair(context, continuation)),
          );
        expect(item.answer).toBe(row.answer);
        expect(item.lengths).toEqual(row.lengths);
      }
    }
  });

  // What the reference tests judge was imported so.
  test.each(WRITTEN)('%s', async (name) => {
    const task = taskOf(name);
    expect(task.test.every(isWrittenItem)).toBe(true);
    expect(task.hash).toBe((await loadTask(path.join(written, 'imported', name))).hash);
  });
});

it('runs nothing of a task document but what was allowed', async () => {
  const code = await ownFolder('code', yaml('', '!function own.text'));
  const installed = await ownFolder('installed', yaml('', '!function os.path.exists'));
  const template = await ownFolder('template', yaml('', `"{{ q.__class__.__mro__ }}"`));
  const metric = await ownFolder('metric', yaml('metric_list: [{metric: acc}, {metric: ./own.py}]\n'));
  const script = await ownFolder('script', yaml('').replace('dataset_path: json', 'dataset_path: ./own.py'));
  const pickle = await ownFolder('pickle', yaml('').replace('dataset_path: json', 'dataset_path: pandas'));
  const file = path.join(code, 'code.yaml');
  const others = [installed, template, metric, script, pickle].map((folder) =>
    path.join(folder, `${path.basename(folder)}.yaml`),
  );
  const why = await refusal(file, ...others);
  expect(why).toMatch(/code\.yaml: its YAML names Python code \(.*own\.py\)[^]*--run-task-code/);
  expect(why).toMatch(/installed\.yaml: its YAML names Python code/);
  expect(why).toMatch(/template\.yaml could not be built: .*unsafe/);
  expect(why).toMatch(/metric\.yaml: its YAML names the metric \.\/own\.py[^]*--run-task-code/);
  expect(why).toMatch(/script\.yaml: its YAML names a data set that is Python code \(\.\/own\.py\)/);
  expect(why).toMatch(/pickle\.yaml: its YAML names pickle files/);
  const trace = (folder: string): Promise<string | null> =>
    readFile(path.join(folder, 'trace'), 'utf8').catch(() => null);
  for (const folder of [code, metric, script, pickle]) expect(await trace(folder)).toBeNull();
  const [made] = await importNamed(file, '--run-task-code');
  expect((await loadTask(made?.folder ?? '')).test[0]).toMatchObject({ context: 'Own: Question 20?' });
  expect(await trace(code)).toBe('');
});

it('refuses lists of some items alone, and choices that Python judges, by name; a list of one is one', async () => {
  const target = (text: string): string => yaml('').replace('doc_to_target: a', `doc_to_target: "${text}"`);
  const some = await ownFolder('some', target('{{ [a] if a == 0 else a }}'));
  const one = await ownFolder('one', target('{{ [a] }}'));
  const why = await refusal(path.join(some, 'some.yaml'), 'truthfulqa_mc2');
  expect(why).toMatch(/some\.yaml: only some of its items list their right choices/);
  expect(why).toMatch(/truthfulqa_mc2: its own Python \(process_results\) judges the choices.*truthfulqa_mc1/);
  const [made] = await importNamed(path.join(one, 'one.yaml'));
  const { test: items } = await loadTask(made?.folder ?? '');
  expect(items.map((item) => 'choices' in item && item.answer)).toEqual([0, 1, 0]);
});

it('finds the tasks of a folder by name, and reads a file again at every import', async () => {
  const folder = await ownFolder('named', yaml('num_fewshot: 2\n'));
  const stock = await ownFolder('stock', yaml('').replace('task: quiz', 'task: sciq'));
  const asked = ['quiz', 'sciq', '--include-path', folder, '--include-path', stock];
  const [made, replacing] = await importNamed(...asked);
  // The harness has a task sciq too: by its name alone no other than that is meant.
  const found = await foundImports(path.join(work, 'workspace'), ['quiz', 'sciq'], AS_PUBLISHED);
  expect([...found.keys()]).toEqual(['quiz']);
  const own = await loadTask(replacing?.folder ?? '');
  expect(own.title).toBe('sciq (stock.yaml)');
  expect(own.description).toContain(`From ${path.join(stock, 'stock.yaml')}, in place of the harness's own task`);
  expect(await uncurl('import')).toMatch(/sciq .*stock\.yaml in place of it/);
  const first = await loadTask(made?.folder ?? '');
  expect(first.test).toHaveLength(3);
  expect(first.turns?.test[0]).toMatchObject({ question: 'Question 20?', replies: ['one', 'two'] });
  expect(first.turns?.test[0]?.examples).toHaveLength(2);
  await writeFile(path.join(folder, 'test.jsonl'), JSON.stringify({ q: 'Another?', a: 1 }));
  const file = path.join(folder, 'named.yaml');
  // Two files may give their tasks one name, which a file cannot be called on every system.
  const other = await ownFolder('other', yaml('').replace('task: quiz', 'task: Quiz'));
  const spelt = await ownFolder('spelt', yaml('').replace('task: quiz', 'task: ¿quiz?'));
  const [again, ...more] = await importNamed(file, path.join(other, 'other.yaml'), path.join(spelt, 'spelt.yaml'));
  expect(more.map(({ task }) => task)).toEqual(['Quiz', '¿quiz?']);
  for (const { folder: own } of more) expect((await loadTask(own)).test).toHaveLength(3);
  expect((await loadTask(again?.folder ?? '')).test).toHaveLength(1);
  // A verb that names the file lets the same Python read it.
  expect(await uncurl('info', file)).toContain('quiz');
});

it('says which command reads such a file', async () => {
  await expect(loadTask(path.join(work, 'written', 'add.yaml'))).rejects.toMatchObject({
    code: 'yaml-task',
    remedy: expect.stringMatching(/uncurl import FILE.*uncurl doctor --python/) as string,
  });
});
