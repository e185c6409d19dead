import { readdirSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TaskItem } from '../../../../main/contract/task.ts';
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
        if ('answers' in item) throw new TypeError(item.id);
        expect(item.choices.map((choice) => scoredPair(item.context, choice))).toEqual(
          row.pairs.map(([context, continuation]) => scoredPair(context, continuation)),
        );
        expect(item.answer).toBe(row.answer);
        // The length by which acc_norm divides, if there is a context to take the delimiter.
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
  const prefixes = (items: readonly TaskItem[]): readonly string[] =>
    items.map((item) => profiledText(item).replace(/Question \d+\?\s\w+$/, ''));

  test('examples are drawn for every item, reproducibly; calibration items never precede ' + 'themselves', async () => {
    const file = await write(`${yaml}num_fewshot: 2\n`, rows(20, 8));
    const task = await loadTask(file);
    expect([task.calibration.length, task.test.length]).toEqual([6, 8]);
    for (const prefix of prefixes([...task.test, ...task.calibration]))
      expect(prefix).toMatch(/^Question \d\? (one|two)\n\nQuestion \d\? (one|two)\n\n$/);
    expect(new Set(prefixes(task.test)).size).toBeGreaterThan(3);
    task.calibration.forEach((item, index) => expect(prefixes([item])[0]).not.toContain(`Question ${String(index)}?`));
    expect(task.description).toContain(
      '2-shot: every item follows examples of train, drawn for each with seed 1234 as ' +
        'lm-evaluation-harness draws them.',
    );
    expect((await loadTask(file)).hash).toBe(task.hash);
  });

  test(
    'another seed draws others; another split leaves ' + 'the calibration split whole; first_n takes the first',
    async () => {
      const prefixOf = async (more: string): Promise<string> =>
        prefixes((await loadTask(await write(yaml + more))).test).join();
      const drawn = await Promise.all(
        [1, 2, 3, 4].map((seed) => prefixOf(`num_fewshot: 2\nmetadata: {fewshot_seed: ${String(seed)}}\n`)),
      );
      expect(new Set(drawn).size).toBeGreaterThan(1);
      const other = await loadTask(
        await write(`${yaml}num_fewshot: 2\nfewshot_split: validation\nfewshot_config: {sampler: first_n}\n`),
      );
      expect(other.calibration.length).toBe(6);
      expect(other.test[0]).toMatchObject({ context: 'Question 50? one\n\nQuestion 51? two\n\nQuestion 20? ' });
    },
  );

  test('the first examples of the calibration split precede every item and are not profiled', async () => {
    const task = await loadTask(await write(`${yaml}num_fewshot: 2\nfewshot_config: {sampler: first_n}\n`));
    expect(new Set(prefixes([...task.calibration, ...task.test]))).toEqual(
      new Set(['Question 0? one\n\nQuestion 1? two\n\n']),
    );
    expect(task.calibration.length).toBe(4);
  });

  test('from the test split: never the item itself, and calibration items have no examples', async () => {
    const task = await loadTask(await write(`${yaml}num_fewshot: 2\nfewshot_split: test\n`, rows(2, 5), rows(30, 3)));
    prefixes(task.test).forEach((prefix, index) => {
      expect(prefix.match(/Question/g)?.length).toBe(2);
      expect(prefix).not.toContain(`Question ${String(index + 2)}?`);
    });
    expect(prefixes(task.calibration)).toEqual(['', '', '']);
    expect(task.description).toContain(
      'They are test items, never the item itself, so calibration items have no examples.',
    );
  });

  test(
    'a text of the test split is not profiled, nor an example before what is; before test items it stands as ' +
      'in the harness',
    async () => {
      const task = await loadTask(
        await write(`${yaml}num_fewshot: 1\n`, rows(1, 1), `${rows(0, 1)}\n${rows(1, 1)}\n${rows(2, 1)}`),
      );
      expect([task.calibration.length, task.test.length]).toEqual([2, 1]);
      expect(JSON.stringify(task.calibration)).not.toContain('Question 1?');
      expect(task.description).toContain('1 calibration item was left out');
    },
  );

  test('more examples than rows are refused', async () => {
    await expect(loadTask(await write(`${yaml}num_fewshot: 7\n`))).rejects.toThrow(
      /quiz\.yaml: train: 7 few-shot examples are asked for, and their split has 6 items/,
    );
  });
});

const written = `task: quiz
dataset_path: json
dataset_kwargs: {data_files: {train: train.jsonl, test: test.jsonl}}
output_type: generate_until
training_split: train
test_split: test
doc_to_text: "{{ q }}"
doc_to_target: a
`;
const asked = (...values: readonly unknown[]): string =>
  values.map((a, index) => JSON.stringify({ q: `Sum ${String(index)}?`, a, choices: ['x', 'y'] })).join('\n');

describe('generation tasks', () => {
  test('answers are texts, stops and filters those of the document; profiled texts include the delimiter', async () => {
    const more =
      'generation_kwargs: {until: ".", max_gen_toks: 7, do_sample: false, temperature: 0.7}\nfilter_list: ' +
      '[{name: low, filter: [{function: lowercase}, {function: take_first}]}]\nmetric_list: [{metric: ' +
      'exact_match, ignore_case: true, regexes_to_ignore: [","]}]\n';
    const task = await loadTask(await write(written + more, asked('1'), asked('A')));
    expect(task).toMatchObject({
      metric: 'exact_match',
      judging: { rule: { pipelines: [{ name: 'low' }], exactMatch: { ignore_case: true, regexes_to_ignore: [','] } } },
    });
    expect(task.test).toEqual([
      { id: 'test:1', context: 'Sum 0?', answers: ['1'], until: ['.'], maxNewTokens: 7, options: ['x', 'y'] },
    ]);
    expect(task.calibration.map(profiledText)).toEqual(['Sum 0? A']);
  });

  test("defaults are the harness's: the few-shot delimiter, 256 tokens, the first response", async () => {
    const task = await loadTask(await write(`${written}fewshot_delimiter: "--"\n`, asked(7, 1.5), asked(1)));
    // One float makes the whole column float, as in the datasets library.
    expect(task.test).toMatchObject([{ answers: ['7.0'], until: ['--'], maxNewTokens: 256 }, { answers: ['1.5'] }]);
    expect(task.judging?.rule.pipelines).toEqual([{ name: 'none', filter: [{ function: 'take_first' }] }]);
  });

  test('several right answers by a column or a template; a choice by its index', async () => {
    const lists = await loadTask(await write(written, asked(['1', 'one'], ['2']), asked(['3'])));
    expect(lists.test).toMatchObject([{ answers: ['1', 'one'] }, { answers: ['2'] }]);
    const template = await loadTask(
      await write(written.replace('doc_to_target: a', 'doc_to_target: "{{ [a, q] }}"'), asked('1'), asked('3')),
    );
    expect(template.test).toMatchObject([{ answers: ['1', 'Sum 0?'] }]);
    const chosen = await loadTask(
      await write(`${written}doc_to_choice: [no, yes]\n`.replace('[no, yes]', '["no", "yes"]'), asked(1), asked(0)),
    );
    expect(chosen.test).toMatchObject([{ answers: ['yes'] }]);
  });

  test('an example without an answer has no delimiters', async () => {
    const task = await loadTask(
      await write(`${written}num_fewshot: 2\nfewshot_config: {sampler: first_n}\n`, asked('1'), asked('', 'B', 'C')),
    );
    expect(task.test).toMatchObject([{ context: 'Sum 0?Sum 1? B\n\nSum 0?' }]);
  });

  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'drawing tokens',
      'generation_kwargs: {do_sample: true}\n',
      /generation_kwargs\.do_sample: only greedy decoding is supported/,
    ],
    [
      'a temperature',
      'generation_kwargs: {temperature: 1}\n',
      /generation_kwargs\.temperature is 1, so tokens would be sampled/,
    ],
    ['an empty stop string', 'generation_kwargs: {until: [""]}\n', /generation_kwargs\.until/],
    ['a setting that is not known', 'generation_kwargs: {num_beams: 4}\n', /generation_kwargs: .*num_beams/],
    ['no new tokens', 'generation_kwargs: {max_gen_toks: 0}\n', /generation_kwargs\.max_gen_toks/],
    ['bleu', 'metric_list: [{metric: bleu}]\n', /metric_list\.0\.metric: /],
    ['a metric of another kind', 'metric_list: [{metric: acc}]\n', /acc does not fit output_type generate_until/],
    [
      'a filter that is not known',
      'filter_list: [{name: a, filter: [{function: custom}]}]\n',
      /quiz\.yaml: pipeline "a", filter 1 \(custom\): the filter "custom" is not supported/,
    ],
    [
      'an ill-formed expression',
      'filter_list: [{name: a, filter: [{function: regex, regex_pattern: "(a"}]}]\n',
      /quiz\.yaml: pipeline "a", filter 1 \(regex\): it is not a regular expression/,
    ],
  ];
  test.each(cases)('refuses %s', async (_what, more, message) => {
    const loading = loadTask(await write(written + more, asked('1'), asked('2')));
    await expect(loading).rejects.toMatchObject({ kind: 'refused' });
    await expect(loading).rejects.toThrow(message);
  });

  test(
    'refuses rows that give a list among rows that do not, lists that are empty or hold no text, rows without ' +
      'an answer',
    async () => {
      await expect(loadTask(await write(written, asked('1', '2'), asked(['3'])))).rejects.toThrow(
        /train\.jsonl, line 1: doc_to_target gives a list, and the first measured row one text/,
      );
      await expect(loadTask(await write(written, asked([]), asked(['3'])))).rejects.toThrow(
        /test\.jsonl, line 1: doc_to_target of .*: it gives a list that is empty/,
      );
      await expect(loadTask(await write(written, asked(null), asked('3')))).rejects.toThrow(
        /test\.jsonl, line 1: doc_to_target of .*: it is None/,
      );
    },
  );

  test('multi_choice_regex needs the column "choices"', async () => {
    const more = 'filter_list: [{name: a, filter: [{function: multi_choice_regex}, {function: take_first}]}]\n';
    expect((await loadTask(await write(written + more, asked('1'), asked('2')))).test).toMatchObject([
      { options: ['x', 'y'] },
    ]);
    await expect(
      loadTask(
        await write(written + more, '{"q":"x","a":"y"}', asked('2').replace('"choices":["x","y"]', '"other":1')),
      ),
    ).rejects.toThrow(/item "test:1" has no options/);
  });
});

test(
  'without a training split the validation split is ' + 'profiled; with one split there is nothing to profile',
  async () => {
    const calibration = await loadTask(
      await write(yaml.replace('training_split: train', 'validation_split: validation')),
    );
    expect(calibration.calibration.map(({ id }) => id)).toEqual(['validation:1', 'validation:2']);
    const alone = await loadTask(await write(yaml.replace('training_split: train\n', '')));
    expect(alone.calibration).toEqual([]);
    expect(alone.description).toContain('there is no calibration split');
  },
);

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
    [
      'filters of multiple choice',
      `${yaml}filter_list: [{name: a, filter: [{function: take_first}]}]\n`,
      /filter_list does not fit output_type multiple_choice/,
    ],
    ['a pipeline without filters', `${yaml}filter_list: [{name: a}]\n`, /filter_list\.0\.filter: /],
    [
      'options of another metric',
      `${yaml}metric_list: [{metric: acc, ignore_case: true}]\n`,
      /ignore_case only applies to exact_match/,
    ],
    ['a key nobody knows', `${yaml}doc_to_magic: x\n`, /the key "doc_to_magic" is not supported/],
    [
      'log-likelihoods of single texts',
      key('multiple_choice', 'loglikelihood'),
      /output_type: .*It is "loglikelihood"/,
    ],
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
      'examples of a measured validation split',
      `${key('test_split: test', 'validation_split: validation')}fewshot_split: validation\nnum_fewshot: 1\n`,
      /the split "validation" is measured, and few-shot examples would be taken from it, the item itself among them/,
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
      /line 1: doc_to_choice of .*: its result is not a Python list/,
    ],
    ['one choice', key('[one, two]', '"{{ [q] }}"'), /line 1: doc_to_choice of .*: it gives 1 choices/],
    ['an empty choice', key('[one, two]', '["", two]'), /test\.jsonl, line 1: choice 0 is empty/],
    [
      'an answer that is no choice',
      key('doc_to_target: a', 'doc_to_target: q'),
      /line 1: doc_to_target of .*: "Question 20\?" is not one of the choices/,
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

  test('rows without answers, rows that are not JSON, several documents in a folder', async () => {
    await expect(loadTask(await write(yaml, '{"q": "x", "a": -1}'))).rejects.toThrow(
      /test\.jsonl, line 1: doc_to_target of .*: it is -1, as in splits without answers/,
    );
    await expect(loadTask(await write(yaml, '\n[1]'))).rejects.toThrow(/test\.jsonl, line 2: not an object/);
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'two'));
    await cp(join(fixtures, 'columns'), join(folder, 'two'), { recursive: true });
    await writeFile(join(folder, 'two', 'more.yml'), yaml);
    await expect(loadTask(join(folder, 'two'))).rejects.toThrow('contains several YAML files: more.yml, task.yaml');
  });
});

test('YAML is read like in Python: y and n are names', async () => {
  const task = await loadTask(await write(yaml.replace('{{ q }}', 'Is it so?').replace('[one, two]', '[y, n]')));
  expect(task.test[0]).toMatchObject({ choices: ['y', 'n'] });
});

test('a delimiter other than white space belongs to the choices', async () => {
  const task = await loadTask(await write(`${yaml}target_delimiter: " -> "\n`));
  expect(task.test[0]).toEqual({ id: 'test:1', context: 'Question 20?', choices: [' -> one', ' -> two'], answer: 0 });
});
