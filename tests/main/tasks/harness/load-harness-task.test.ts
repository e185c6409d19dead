import { readdirSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTask } from '../../../../main/tasks/load-task.ts';
import { profiledText } from '../../../../main/tasks/task.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { readExpectation, rowOf, scoredPair } from '../harness-expectation.ts';

const fixtures = new URL('../../../fixtures/tasks/harness', import.meta.url).pathname;

describe('contexts, choices and answers are those of lm-evaluation-harness, character for character:', () => {
  test.each(readdirSync(fixtures))('%s', async (name) => {
    const folder = join(fixtures, name);
    const task = await loadTask(join(folder, 'task.yaml'));
    const expected = readExpectation(folder);
    expect(task.test.length).toBe(expected.test.length);
    expect(task.calibration.length).toBeGreaterThan(0);
    for (const split of ['test', 'calibration'] as const) {
      for (const item of task[split]) {
        const row = expected[split].find(({ n }) => n === rowOf(item.id));
        if (row === undefined) throw new TypeError(item.id);
        if ('text' in item || 'text' in row) {
          expect(item).toEqual({ id: item.id, text: 'text' in row ? row.text : '' });
          continue;
        }
        expect(item.choices.map((choice) => scoredPair(item.context, choice))).toEqual(
          row.pairs.map(([context, continuation]) => scoredPair(context, continuation)),
        );
        expect(item.answer).toBe(row.answer);
        // What acc_norm divides by, wherever there is a context to take the delimiter.
        if (item.context !== '') expect(item.choices.map((choice) => Array.from(choice).length)).toEqual(row.lengths);
      }
    }
    expect(await loadTask(folder)).toEqual(task);
  });
});

const yaml = `task: quiz
dataset_path: json
dataset_kwargs: {data_files: {train: train.jsonl, validation: val.jsonl, test: test.jsonl}}
output_type: multiple_choice
training_split: train
test_split: test
doc_to_text: "{{ q }}"
doc_to_choice: [one, two]
doc_to_target: a
`;
const rows = (start: number, count: number): string =>
  Array.from({ length: count }, (_, index) =>
    JSON.stringify({ q: `Question ${String(start + index)}?`, a: index % 2, n: index }),
  ).join('\n');
const write = async (document: string, test_ = rows(20, 3), train = rows(0, 6)): Promise<string> => {
  const folder = await temporaryFolder();
  const file = join(folder, 'quiz.yaml');
  await writeFile(file, document);
  await writeFile(join(folder, 'train.jsonl'), train);
  await writeFile(join(folder, 'val.jsonl'), rows(50, 2));
  await writeFile(join(folder, 'test.jsonl'), test_);
  return file;
};

describe('few-shot', () => {
  test('the same examples for every item, none of them profiled, the same at every load', async () => {
    const file = await write(`${yaml}num_fewshot: 2\n`);
    const task = await loadTask(file);
    expect(task.calibration.length).toBe(4);
    const prefixes = new Set(
      [...task.test, ...task.calibration].map((item) => profiledText(item).replace(/Question \d+\?\s\w+$/, '')),
    );
    expect(prefixes.size).toBe(1);
    const [prefix = ''] = prefixes;
    expect(prefix).toMatch(/^Question \d\? (one|two)\n\nQuestion \d\? (one|two)\n\n$/);
    for (const item of task.calibration) expect(prefix).not.toContain(profiledText(item).slice(prefix.length));
    expect(task.description).toContain(
      '2-shot: before every item stand the same examples of train (drawn with seed 1234)',
    );
    expect((await loadTask(file)).hash).toBe(task.hash);
  });

  test('another seed draws others; another split leaves the calibration split whole; first_n takes the first', async () => {
    const prefixOf = async (more: string): Promise<string> =>
      profiledText((await loadTask(await write(yaml + more))).test[0] ?? { id: '', text: '' });
    const drawn = await Promise.all(
      [1, 2, 3, 4].map((seed) => prefixOf(`num_fewshot: 2\nmetadata: {fewshot_seed: ${String(seed)}}\n`)),
    );
    expect(new Set(drawn).size).toBeGreaterThan(1);
    const other = await loadTask(
      await write(`${yaml}num_fewshot: 2\nfewshot_split: validation\nfewshot_config: {sampler: first_n}\n`),
    );
    expect(other.calibration.length).toBe(6);
    expect(other.test[0]).toMatchObject({ context: 'Question 50? one\n\nQuestion 51? two\n\nQuestion 20? ' });
  });

  test('a text of the test split is no example and is not profiled', async () => {
    const task = await loadTask(
      await write(`${yaml}num_fewshot: 1\n`, rows(1, 1), `${rows(0, 1)}\n${rows(1, 1)}\n${rows(2, 1)}`),
    );
    expect([task.calibration.length, task.test.length]).toEqual([1, 1]);
    expect(JSON.stringify(task.calibration)).not.toContain('Question 1?');
    expect(task.description).toContain('1 calibration item was left out');
  });

  test('more examples than rows are refused', async () => {
    await expect(loadTask(await write(`${yaml}num_fewshot: 7\n`))).rejects.toThrow(
      /quiz\.yaml: 7 few-shot examples are asked for, and their split has 6 items/,
    );
  });
});

test('without a training split the validation split is profiled; with one split there is nothing to profile', async () => {
  const calibration = await loadTask(
    await write(yaml.replace('training_split: train', 'validation_split: validation')),
  );
  expect(calibration.calibration.map(({ id }) => id)).toEqual(['validation:1', 'validation:2']);
  const alone = await loadTask(await write(yaml.replace('training_split: train\n', '')));
  expect(alone.calibration).toEqual([]);
  expect(alone.description).toContain('there is no calibration split');
});

describe('refuses by name:', () => {
  const key = (from: string | RegExp, to: string): string => yaml.replace(from, to);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'a Python function',
      key('doc_to_target: a', 'doc_to_target: !function utils.target'),
      /quiz\.yaml, line 9: the tag !function is not supported: it names Python code/,
    ],
    [
      'a Python object',
      key('task: quiz', 'task: !!python/object:os.system quiz'),
      /quiz\.yaml, line 1: the tag !!python\/object:os\.system is not supported/,
    ],
    ['a group', `${yaml}group: many\n`, /the key "group" is not supported/],
    ['a list of tasks', key('task: quiz', 'task: [a, b]'), /task is a list, so this is a group/],
    ['include', `${yaml}include: _base.yaml\n`, /the key "include" is not supported/],
    ['process_docs', `${yaml}process_docs: x\n`, /the key "process_docs" is not supported/],
    ['filters', `${yaml}filter_list: [{name: a}]\n`, /the key "filter_list" is not supported/],
    ['a key nobody knows', `${yaml}doc_to_magic: x\n`, /the key "doc_to_magic" is not supported/],
    ['generation', key('multiple_choice', 'generate_until'), /output_type: .*It is "generate_until"/],
    [
      'a data set of the hub',
      key('dataset_path: json', 'dataset_path: allenai/ai2_arc'),
      /dataset_path: .*It is "allenai\/ai2_arc"/,
    ],
    ['a metric', `${yaml}metric_list: [{metric: f1}]\n`, /metric_list\.0\.metric: /],
    [
      'a metric of the other kind',
      `${yaml}metric_list: [{metric: word_perplexity}]\n`,
      /word_perplexity does not fit output_type multiple_choice/,
    ],
    ['choices that YAML reads as truth values', key('[one, two]', '[yes, no]'), /doc_to_choice: /],
    ['repeats', `${yaml}repeats: 3\n`, /repeats: /],
    ['another sampler', `${yaml}fewshot_config: {sampler: balanced}\n`, /fewshot_config\.sampler: /],
    ['fields of examples', `${yaml}fewshot_config: {doc_to_text: x}\n`, /fewshot_config: .*doc_to_text/],
    ['an address', key('test.jsonl', '"https://example.org/test.jsonl"'), /example\.org\/test\.jsonl is an address/],
    ['a file elsewhere', key('test.jsonl', '../test.jsonl'), /\.\.\/test\.jsonl is not beside the YAML file/],
    ['an absolute path', key('test.jsonl', '/etc/passwd'), /\/etc\/passwd is not beside/],
    ['a pattern', key('test.jsonl', '"*.jsonl"'), /\*\.jsonl is a pattern/],
    ['a split without a file', key('test_split: test', 'test_split: exam'), /the split "exam" has no file/],
    ['no split to measure', key('test_split: test\n', ''), /neither test_split nor validation_split is named/],
    [
      'one split for both',
      key('training_split: train', 'training_split: test'),
      /the split "test" is measured, and profiles would be taken from it/,
    ],
    [
      'examples of the test split',
      `${yaml}fewshot_split: test\nnum_fewshot: 1\n`,
      /few-shot examples would be taken from it/,
    ],
    [
      'a template outside the subset',
      key('{{ q }}', '{{ q | tojson }}'),
      /quiz\.yaml: doc_to_text: the filter "tojson" is not supported/,
    ],
    [
      'a name that no row has',
      key('{{ q }}', '{{ question }}'),
      /test\.jsonl, line 1: doc_to_text of .*quiz\.yaml: "question" is not in the row/,
    ],
    [
      'contexts as choices',
      key('{{ q }}', '{{ n }}'),
      /line 1: doc_to_text of .*: it gives a number, so the choices are contexts/,
    ],
    ['a column that is no text', key('"{{ q }}"', 'n'), /line 1: doc_to_text of .*: it is a whole number, not text/],
    [
      'choices that are no list',
      key('[one, two]', '"{{ q }}"'),
      /line 1: doc_to_choice of .*: what it gives is not a Python list/,
    ],
    ['one choice', key('[one, two]', '"{{ [q] }}"'), /line 1: doc_to_choice of .*: it gives 1 choices/],
    ['an empty choice', key('[one, two]', '["", two]'), /test\.jsonl, line 1: choice 0 is empty/],
    [
      'an answer that is no choice',
      key('doc_to_target: a', 'doc_to_target: q'),
      /line 1: doc_to_target of .*: "Question 20\?" is none of the choices/,
    ],
    [
      'an answer outside the choices',
      key('doc_to_target: a', 'doc_to_target: n'),
      /test\.jsonl, line 3: answer 2 is outside its 2 choices/,
    ],
    [
      'several answers',
      key('doc_to_target: a', 'doc_to_target: "{{ [a] }}"'),
      /line 1: doc_to_target of .*: it gives a list, so several answers are right/,
    ],
    [
      'a delimiter that acc_norm would count',
      `${yaml}target_delimiter: " -> "\nmetric_list: [{metric: acc_norm}]\n`,
      /train\.jsonl, line 1: acc_norm with the target_delimiter " -> "/,
    ],
    ['no YAML', `${yaml}  - x: [\n`, /quiz\.yaml, line 9: not YAML/],
    ['a key twice', `${yaml}task: again\n`, /line 10: not YAML \(Map keys must be unique/],
    ['no keys', 'just text', /not a list of keys and values/],
    [
      'aliases of aliases',
      `a: &a [${'x, '.repeat(50)}]\nb: &b [${'*a, '.repeat(50)}]\nc: [${'*b, '.repeat(50)}]\n`,
      /Excessive alias count/,
    ],
  ];
  test.each(cases)('%s', async (_what, document, message) => {
    const loading = loadTask(await write(document));
    await expect(loading).rejects.toMatchObject({ kind: 'refused' });
    await expect(loading).rejects.toThrow(message);
  });

  test('rows without answers, rows that are no JSON, several documents in a folder', async () => {
    await expect(loadTask(await write(yaml, '{"q": "x", "a": -1}'))).rejects.toThrow(
      /test\.jsonl, line 1: doc_to_target of .*: it is -1, as in splits without answers/,
    );
    await expect(loadTask(await write(yaml, '\n[1]'))).rejects.toThrow(/test\.jsonl, line 2: not an object/);
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'two'));
    await cp(join(fixtures, 'columns'), join(folder, 'two'), { recursive: true });
    await writeFile(join(folder, 'two', 'more.yml'), yaml);
    await expect(loadTask(join(folder, 'two'))).rejects.toThrow('holds several YAML files: more.yml, task.yaml');
  });
});

test('YAML is read as Python reads it: y and n are names', async () => {
  const task = await loadTask(await write(yaml.replace('{{ q }}', 'Is it so?').replace('[one, two]', '[y, n]')));
  expect(task.test[0]).toMatchObject({ choices: ['y', 'n'] });
});

test('a delimiter that is no white space belongs to the choices', async () => {
  const task = await loadTask(await write(`${yaml}target_delimiter: " -> "\n`));
  expect(task.test[0]).toEqual({ id: 'test:1', context: 'Question 20?', choices: [' -> one', ' -> two'], answer: 0 });
});
