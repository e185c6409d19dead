import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { trainingSequences } from '../../../main/finetune/training-sequences.ts';
import { judge } from '../../../main/tasks/generation/judging.ts';
import { cutAtStops, requireRoom } from '../../../main/tasks/generation/stop-rule.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { isChoiceItem, isWrittenItem, profiledText } from '../../../main/tasks/task.ts';
import { bundledTasks, pairedTasks } from '../../../main/workspace/library.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const resources = new URL('../../../resources', import.meta.url).pathname;
const row = (id: string, more: Readonly<Record<string, unknown>> = { answer: `word ${id}` }): string =>
  JSON.stringify({ id, context: `${id}:`, ...more });
const metadata = (more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ name: 'quiz', metric: 'exact_match', until: ['\n'], maxNewTokens: 9, ...more });

interface Files {
  readonly 'task.json': string;
  readonly 'calibration.jsonl': string;
  readonly 'test.jsonl': string;
}
const good: Files = {
  'task.json': metadata(),
  'calibration.jsonl': `${row('c1')}\n${row('c2', { answers: ['one', 'two'] })}`,
  'test.jsonl': `${row('t1')}\n${row('t2', { answers: ['x', 'y'], options: ['x', 'z'] })}`,
};

const write = async (files: Partial<Files> = {}): Promise<string> => {
  const folder = join(await temporaryFolder(), 'quiz');
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries({ ...good, ...files })) await writeFile(join(folder, name), text);
  return folder;
};

test('written items: answers, where decoding stops, and what a profile reads', async () => {
  const task = await loadTask(await write());
  expect(task).toMatchObject({ name: 'quiz', metric: 'exact_match' });
  expect(task.test).toEqual([
    { id: 't1', context: 't1:', answers: ['word t1'], until: ['\n'], maxNewTokens: 9 },
    { id: 't2', context: 't2:', answers: ['x', 'y'], until: ['\n'], maxNewTokens: 9, options: ['x', 'z'] },
  ]);
  expect(task.calibration.map(profiledText)).toEqual(['c1:word c1', 'c2:one']);
});

const prompts = { 'calibration.jsonl': row('c1', {}), 'test.jsonl': `${row('t1', {})}\n${row('t2', {})}` };
const byEnding = { name: 'quiz', metric: 'ending', until: ['\n'], maxNewTokens: 9 };

test('prompts alone: a text is right where it ends, whatever it says', async () => {
  const task = await loadTask(await write({ ...prompts, 'task.json': JSON.stringify(byEnding) }));
  expect(task).toMatchObject({ metric: 'ending', judging: { rule: { right: 'ended' } } });
  expect(task.test).toEqual(
    ['t1', 't2'].map((id) => ({ id, context: `${id}:`, answers: [], until: ['\n'], maxNewTokens: 9 })),
  );
  expect(task.calibration.map(profiledText)).toEqual(['c1:']);
  const [item] = task.test.filter(isWrittenItem);
  if (item === undefined || task.judging === undefined) throw new TypeError('no prompts');
  expect(judge(task.judging, item, 'so', true)).toEqual([{ metric: 'ending', filtered: 'so', correct: true }]);
  expect(judge(task.judging, item, 'so', false)).toEqual([{ metric: 'ending', filtered: 'so', correct: false }]);
  const file = join(await temporaryFolder(), 'prompts.jsonl');
  await writeFile(file, prompts['test.jsonl']);
  expect(await loadTask(file)).toMatchObject({ metric: 'ending', judging: { rule: { right: 'ended' } } });
  // Answers may stand beside them: profiles read these, and no text is compared with them.
  expect(await loadTask(await write({ 'task.json': JSON.stringify(byEnding) }))).toMatchObject({ metric: 'ending' });
});

test('prompts are refused where answers are compared, shown or learnt', async () => {
  const mixed = join(await temporaryFolder(), 'mixed.jsonl');
  await writeFile(mixed, `${row('t1')}\n${row('t2', {})}`);
  const none = 'item "t2" has neither choices nor an answer';
  await expect(loadTask(mixed)).rejects.toMatchObject({ code: 'bad-item', message: expect.stringContaining(none) });
  await expect(loadTask(await write(prompts))).rejects.toMatchObject({ code: 'bad-item' });
  const withMore = (more: Readonly<Record<string, unknown>>): Promise<string> =>
    write({ ...prompts, 'task.json': JSON.stringify({ ...byEnding, ...more }) });
  await expect(loadTask(await withMore({ fewshot: 1 }))).rejects.toMatchObject({ code: 'bad-item' });
  await expect(loadTask(await withMore({ ignore_case: true }))).rejects.toMatchObject({ code: 'metric-does-not-fit' });
  const tokenizer = await loadTokenizer(`${resources}/models/uncurl-8`, 256);
  if (tokenizer === null) throw new TypeError('no tokenizer');
  const task = await loadTask(await withMore({}));
  expect(() => trainingSequences([task], tokenizer, 64)).toThrow('"c1" of quiz is a prompt alone');
});

test('the hash also covers answers, stops, filters and options', async () => {
  const hash = async (files: Partial<Files>): Promise<string> => (await loadTask(await write(files))).hash;
  const base = await hash({});
  expect(await hash({ 'task.json': metadata({ title: 'Another' }) })).toBe(base);
  const others = await Promise.all([
    hash({ 'task.json': metadata({ until: ['.'] }) }),
    hash({ 'task.json': metadata({ maxNewTokens: 10 }) }),
    hash({ 'task.json': metadata({ ignore_case: true }) }),
    hash({
      'task.json': metadata({
        filters: [{ name: 'a', filter: [{ function: 'lowercase' }, { function: 'take_first' }] }],
      }),
    }),
    hash({ 'test.jsonl': row('t1', { answer: 'other' }) }),
  ]);
  expect(new Set([base, ...others]).size).toBe(6);
});

test('few-shot examples end with their first answer; the delimiter is the default stop string', async () => {
  const task = await loadTask(
    await write({
      'task.json': JSON.stringify({ name: 'quiz', metric: 'exact_match', fewshot: 1, fewshotDelimiter: '\n--\n' }),
    }),
  );
  expect(task.test[0]).toMatchObject({
    context: expect.stringMatching(/^c1:word c1\n--\nt1:$|^c2:one\n--\nt1:$/) as string,
    until: ['\n--\n'],
    maxNewTokens: 256,
  });
});

test('a file of written items stops like lm-evaluation-harness by default', async () => {
  const file = join(await temporaryFolder(), 'asked.jsonl');
  await writeFile(file, row('a'));
  const task = await loadTask(file);
  expect(task).toMatchObject({
    metric: 'exact_match',
    calibration: [],
    test: [{ answers: ['word a'], until: ['\n\n'], maxNewTokens: 256 }],
  });
  const [item] = task.test.filter(isWrittenItem);
  if (item === undefined || task.judging === undefined) throw new TypeError('no written task');
  expect(judge(task.judging, item, 'word a', true)).toEqual([
    { metric: 'exact_match,none', filtered: 'word a', correct: true },
  ]);
});

describe('refuses, naming file, line and key:', () => {
  const cases: readonly (readonly [string, Partial<Files>, RegExp])[] = [
    ['an answer that is missing', { 'test.jsonl': row('q', {}) }, /item "q" has neither choices nor an answer/],
    ['an answer that is empty', { 'test.jsonl': row('q', { answer: '' }) }, /\(id "q"\): answer:/],
    ['no answers', { 'test.jsonl': row('q', { answers: [] }) }, /\(id "q"\): answers:/],
    [
      'an answer that is no text',
      { 'test.jsonl': row('q', { answer: 1 }) },
      /\(id "q"\): answer: a string is expected, not 1\./,
    ],
    [
      'a choice without an answer',
      { 'test.jsonl': '{"id":"q","context":"c","choices":["a","b"]}' },
      /\(id "q"\): answer: missing; a number is expected\./,
    ],
    [
      'an answer beside answers',
      { 'test.jsonl': row('q', { answer: 'a', answers: ['b'] }) },
      /has both an answer and a list/,
    ],
    [
      'kinds that differ',
      { 'test.jsonl': `${row('q')}\n{"id":"r","context":"c","choices":["a","b"],"answer":0}` },
      /line 2 \(id "r"\): a multiple-choice item after a written item/,
    ],
    [
      'an empty stop string',
      { 'task.json': metadata({ until: [''] }) },
      /task\.json: until\.0: a stop string is empty/,
    ],
    ['no new tokens', { 'task.json': metadata({ maxNewTokens: 0 }) }, /task\.json: maxNewTokens:/],
    [
      'a filter that is not known',
      { 'task.json': metadata({ filters: [{ name: 'a', filter: [{ function: 'magic' }] }] }) },
      /task\.json: pipeline "a", filter 1 \(magic\): the filter "magic" is not supported/,
    ],
    [
      'an ill-formed expression',
      { 'task.json': metadata({ regexes_to_ignore: ['(a'] }) },
      /task\.json: regexes_to_ignore: it is not a regular expression/,
    ],
    ['a metric that is not known', { 'task.json': metadata({ metric: 'bleu' }) }, /task\.json: metric:/],
    [
      'a metric for other items',
      { 'task.json': JSON.stringify({ name: 'quiz', metric: 'acc' }) },
      /metric acc does not fit written items\. Use metric exact_match|metric acc does not fit written items/,
    ],
    [
      'written keys with another metric',
      { 'task.json': metadata({ metric: 'acc' }) },
      /task\.json: until is for generated text, but the metric is acc/,
    ],
    [
      'items of its own beside itemsOf',
      { 'task.json': metadata({ itemsOf: '../other' }) },
      /itemsOf is given, but the folder contains items of its own/,
    ],
    [
      'a text in both splits',
      { 'test.jsonl': JSON.stringify({ id: 't', context: 'c1:', answer: 'word c1' }) },
      /test item "t" has the text of calibration item "c1"/,
    ],
  ];
  test.each(cases)('%s', async (_what, files, message) => {
    const loading = loadTask(await write(files));
    await expect(loading).rejects.toMatchObject({ kind: 'refused' });
    await expect(loading).rejects.toThrow(message);
  });

  test('new tokens that leave no room for a prompt', async () => {
    const { name, test: items } = await loadTask(await write());
    expect(() => requireRoom(items, name, { maxPositions: 9 })).toThrow(
      'quiz: maxNewTokens is 9, but the model has 9 positions, so no prompt has room',
    );
    expect(() => requireRoom(items, name, { maxPositions: 10 })).not.toThrow();
  });
});

test(
  'every bundled task has a written twin of the same items with the right choices as answers, without their ' +
    'line end',
  async () => {
    const tasks = await bundledTasks(resources);
    const chosen = pairedTasks(tasks.keys()).filter((name) => !name.endsWith('-written'));
    expect(chosen.length).toBe(9);
    for (const name of chosen) {
      const [choice, written] = await Promise.all([
        loadTask(tasks.get(name) ?? ''),
        loadTask(tasks.get(`${name}-written`) ?? ''),
      ]);
      for (const split of ['calibration', 'test'] as const) {
        const right = choice[split]
          .filter(isChoiceItem)
          .map(({ id, context, choices, answer }) => ({ id, context, text: choices[answer] }));
        expect(
          written[split]
            .filter(isWrittenItem)
            .map(({ id, context, answers, until }) => ({ id, context, text: `${answers.join()}${until.join()}` })),
        ).toEqual(right);
      }
      expect(written).toMatchObject({ metric: 'exact_match', source: choice.source, licence: choice.licence });
      const [item] = written.test.filter(isWrittenItem);
      if (item === undefined || written.judging === undefined) throw new TypeError(name);
      expect(judge(written.judging, item, item.answers[0] ?? '', true)).toMatchObject([{ correct: true }]);
      expect(judge(written.judging, item, `${item.answers[0] ?? ''}s`, true)).toMatchObject([{ correct: false }]);
    }
  },
);

test('the tasks of wordy-16 fit its positions and are spelt with its characters', async () => {
  const { descriptor, folder } = await openCheckpoint(join(resources, 'models', 'wordy-16'));
  const tokenizer = await loadTokenizer(folder, descriptor.vocabulary);
  if (tokenizer === null) expect.fail('no tokenizer');
  const unknown = tokenizer.encode('\u00e9', false)[0];
  const tasks = await bundledTasks(resources);
  const paired = new Set(pairedTasks(tasks.keys()));
  const own = [...tasks].filter(([name]) => !paired.has(name));
  expect(own.map(([name]) => name)).toEqual(['count', 'digits', 'down', 'spell', 'working']);
  for (const [name, path] of own) {
    const { test: items, calibration } = await loadTask(path);
    expect([items.length, calibration.length]).toEqual([300, 300]);
    requireRoom(items, name, descriptor);
    for (const item of [...items, ...calibration].filter(isWrittenItem)) {
      const [answer = ''] = item.answers;
      const tokens = tokenizer.encode(item.context + answer, false);
      expect(tokens.length).toBe(item.context.length + answer.length);
      expect(tokens).not.toContain(unknown);
      // With room to spare for a text that goes on.
      expect(answer.length + 30).toBeLessThan(item.maxNewTokens);
      expect(item.context.length + item.maxNewTokens).toBeLessThanOrEqual(descriptor.maxPositions);
    }
  }
});

test('a text is cut at the first occurrence of each stop string in turn', () => {
  expect(cutAtStops('a.b\nc', ['\n', '.'])).toBe('a');
  expect(cutAtStops('a.b', [])).toBe('a.b');
  expect(cutAtStops('.', ['.'])).toBe('');
});
