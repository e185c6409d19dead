import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../../../main/checkpoint/load-tokenizer.ts';
import { encodePrompt } from '../../../../main/inference/encode-item.ts';
import type { ChatSettings } from '../../../../main/contract/chat.ts';
import { askTasks, chatTasks, knownThinkEnd } from '../../../../main/tasks/chat/chat-task.ts';
import { type ChatTemplate, chatTemplateFile, readChatTemplate } from '../../../../main/tasks/chat/chat-template.ts';
import { loadTask } from '../../../../main/tasks/load-task.ts';
import type { Task } from '../../../../main/tasks/task.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const now = new Date(2024, 0, 2);
const chatTask = async (task: Task, chat: ChatTemplate, date = now): Promise<Task> =>
  (await chatTasks([task], chat, date))[0] ?? expect.fail('no task');
const SIMPLE =
  '{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}{% if ' +
  'add_generation_prompt %}<assistant>{% endif %}';

const model = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
};
const config = (chat_template: unknown): string =>
  JSON.stringify({ bos_token: { content: '<s>' }, eos_token: null, chat_template });
const templateOf = async (source = SIMPLE): Promise<ChatTemplate> => {
  const chat = await readChatTemplate(await model({ 'tokenizer_config.json': config(source) }));
  if (chat === null) throw new TypeError('no template');
  return chat;
};

/** A task as an import writes it: whole prompts, and their turns beside them. */
const imported = async (metadata: object, test: object, calibration: object): Promise<string> => {
  const folder = join(await temporaryFolder(), 'quiz');
  await mkdir(folder);
  const turns = (question: string, id: string) => ({
    id,
    system: 'Answer. ',
    question,
    replies: ['yes', 'no'],
    examples: [
      ['Is fire hot?', 'yes'],
      ['Is ice hot?', 'no'],
    ],
  });
  const harness = { version: '0.4.13', seeds: {}, tasks: [] };
  const files = {
    'task.json': { name: 'quiz', harness, ...metadata },
    'test.jsonl': { id: 'test:1', context: 'all of it', ...test },
    'test.turns.jsonl': turns('Is snow hot?', 'test:1'),
    'calibration.jsonl': { id: 'train:3', context: 'all of another', ...calibration },
    'calibration.turns.jsonl': turns('Is rain wet?', 'train:3'),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content));
  return folder;
};
const choices = (): Promise<string> =>
  imported({}, { choices: [' yes', ' no'], answer: 1 }, { choices: [' yes', ' no'], answer: 0 });

describe("asks as lm-evaluation-harness's --apply_chat_template --fewshot_as_multiturn does", () => {
  const prompt =
    '<s><system>Answer. </><user>Is fire hot?</><assistant>yes</><user>Is ice ' +
    'hot?</><assistant>no</><user>Is snow hot?</><assistant>';

  test('choices follow the prompt without a delimiter', async () => {
    const plain = await loadTask(await choices());
    const task = await chatTask(plain, await templateOf());
    expect(task.test).toEqual([{ id: 'test:1', context: prompt, choices: ['yes', 'no'], answer: 1 }]);
    expect(task.calibration).toMatchObject([
      { context: prompt.replace('snow hot', 'rain wet'), choices: ['yes', 'no'] },
    ]);
    expect(task.description).toContain('Asked through the chat template of tokenizer_config.json.');
    expect(plain.test).toMatchObject([{ context: 'all of it' }]);
  });

  test('written answers follow it too, and a profile reads the answer directly after it', async () => {
    const folder = await imported({ metric: 'exact_match' }, { answer: 'no' }, { answer: 'yes' });
    const task = await chatTask(await loadTask(folder), await templateOf());
    expect(task.test).toMatchObject([{ context: prompt, answers: ['yes', 'no'], until: ['\n\n'] }]);
    expect(task.calibration).toMatchObject([{ answers: ['yes', 'no'] }]);
  });

  test('an item of a folder is one user turn, its examples turns before it', async () => {
    const folder = await temporaryFolder();
    const item = (id: string): string => JSON.stringify({ id, context: `${id}?`, choices: [' yes', ' no'], answer: 0 });
    await mkdir(join(folder, 'quiz'));
    await writeFile(join(folder, 'quiz', 'task.json'), '{"name":"quiz","fewshot":1}');
    await writeFile(join(folder, 'quiz', 'calibration.jsonl'), item('a'));
    await writeFile(join(folder, 'quiz', 'test.jsonl'), item('b'));
    expect((await chatTask(await loadTask(join(folder, 'quiz')), await templateOf())).test).toMatchObject([
      { context: '<s><user>a?</><assistant> yes</><user>b?</><assistant>', choices: [' yes', ' no'] },
    ]);
    const copy = join(folder, 'WSC');
    await cp(new URL('../../../fixtures/tasks/superglue/CB', import.meta.url).pathname, copy, { recursive: true });
    const [first] = (await chatTask(await loadTask(copy), await templateOf())).test;
    expect(first).toMatchObject({
      context: expect.stringMatching(/^<s><user>[^]*Answer:<\/><assistant>$/) as string,
      choices: ['True', 'False', 'Neither'],
    });
  });
});

test('the template, and what it prints, are part of the hash', async () => {
  const task = await loadTask(await choices());
  const hash = async (source: string, date = now): Promise<string> =>
    (await chatTask(task, await templateOf(source), date)).hash;
  const dated = `${SIMPLE}{{ strftime_now('%d') }}`;
  expect(await hash(SIMPLE)).toBe(await hash(SIMPLE, new Date(2025, 5, 6)));
  const others = [
    task.hash,
    await hash(SIMPLE),
    await hash(`${SIMPLE}{# x #}`),
    await hash(dated),
    await hash(dated, new Date(2025, 5, 6)),
  ];
  expect(new Set(others).size).toBe(others.length);
});

test('the description of the task says if the template takes no system turn', async () => {
  const strict = `{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}${SIMPLE}`;
  const task = await chatTask(await loadTask(await choices()), await templateOf(strict));
  expect(task.test).toMatchObject([{ context: expect.stringMatching(/^<s><user>Is fire hot/) as string }]);
  expect(task.description).toContain('It takes no system turn, so 2 items are asked without their description.');
});

test('refuses texts, and a failing template, naming file and item', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'text.jsonl'), '{"id":"a","text":"Some words."}');
  const text = await loadTask(join(folder, 'text.jsonl'));
  const chat = await templateOf();
  await expect(chatTask(text, chat)).rejects.toThrow(
    'text: a chat template was requested, but perplexity measures texts, which have no turns',
  );
  const task = await loadTask(await choices());
  const failing = await templateOf('{{ messages[0].content.nothing.more }}');
  await expect(chatTask(task, failing)).rejects.toThrow(
    /tokenizer_config\.json, on item "train:3" of quiz: it reads a member of something that is not there/,
  );
});

describe('finds the template of a model folder', () => {
  const sourceOf = async (files: Readonly<Record<string, string>>): Promise<string | undefined> =>
    (await readChatTemplate(await model(files)))?.source;

  test('in a file of its own, in the configuration of the tokenizer, or in chat_template.json', async () => {
    expect(
      await sourceOf({
        'chat_template.jinja': 'own',
        'tokenizer_config.json': config('config'),
        'chat_template.json': config('json'),
      }),
    ).toBe('own');
    expect(await sourceOf({ 'tokenizer_config.json': config('config'), 'chat_template.json': config('json') })).toBe(
      'config',
    );
    expect(await sourceOf({ 'tokenizer_config.json': config(undefined), 'chat_template.json': config('json') })).toBe(
      'json',
    );
    expect(
      await sourceOf({
        'tokenizer_config.json': config([
          { name: 'tool_use', template: 'tools' },
          { name: 'default', template: 'plain' },
        ]),
      }),
    ).toBe('plain');
    expect(await sourceOf({ 'tokenizer_config.json': config(undefined) })).toBeUndefined();
    expect(await chatTemplateFile(await model({ 'tokenizer_config.json': config('x') }))).toBe('tokenizer_config.json');
    expect(await chatTemplateFile(await model({ 'config.json': '{}' }))).toBeNull();
  });

  test.each([
    [
      'named ones without a default',
      config([{ name: 'tool_use', template: 'x' }]),
      /its chat templates are tool_use; none is named "default"/,
    ],
    ['no text', config(3), /chat_template is neither a string nor a list/],
    ['no JSON', '{', /is not a JSON object/],
  ])('refuses %s', async (_what, text, message) => {
    await expect(readChatTemplate(await model({ 'tokenizer_config.json': text }))).rejects.toThrow(message);
  });
});

test('variables reach the template, and the end of thinking the written items; both are part of the hash', async () => {
  const folder = await imported({ metric: 'exact_match' }, { answer: 'no' }, { answer: 'yes' });
  const plain = await loadTask(folder);
  const thinking = `${SIMPLE}{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}`;
  const of = await model({ 'tokenizer_config.json': config(thinking) });
  const asked = async (settings: ChatSettings): Promise<Task> =>
    (await askTasks(of, [plain], now, settings))[0] ?? expect.fail('no task');
  const [usual, without, whole, other] = await Promise.all([
    asked({}),
    asked({ chatArgs: { enable_thinking: false } }),
    asked({ thinkEnd: '' }),
    asked({ thinkEnd: 'END' }),
  ]);
  expect(without.test).toMatchObject([{ context: expect.stringMatching(/<think><\/think>$/) as string }]);
  expect(usual.test).toMatchObject([{ thinkEnd: '</think>' }]);
  expect(usual.description).toContain('The answer is what follows the last </think>.');
  expect(whole.test[0]).not.toHaveProperty('thinkEnd');
  expect(other.test).toMatchObject([{ thinkEnd: 'END' }]);
  expect(new Set([usual, without, whole, other].map(({ hash }) => hash)).size).toBe(4);
});

test.each([
  ['{% set c = m.content.split("</think>") %}', '</think>'],
  ['[THINK]x[/THINK]', '[/THINK]'],
  ['<seed:think></seed:think>', '</seed:think>'],
  ['<|channel|>analysis<|message|> <|channel|>final<|message|>', '<|message|>'],
  ['<|im_start|>assistant', null],
])('the template %s ends its thinking by %s', (source, end) => {
  expect(knownThinkEnd({ source })).toBe(end);
});

test('a folder without turns, or with those of other items, is refused', async () => {
  const folder = await choices();
  await writeFile(join(folder, 'test.turns.jsonl'), '');
  await expect(loadTask(folder)).rejects.toThrow('has the turns of 0 items; test has 1');
  const other = { id: 'other', system: '', examples: [], question: '', replies: [] };
  await writeFile(join(folder, 'test.turns.jsonl'), JSON.stringify(other));
  await expect(loadTask(folder)).rejects.toThrow('the turns of item "other" stand in another place');
  await rm(join(folder, 'test.turns.jsonl'));
  await expect(chatTask(await loadTask(folder), await templateOf())).rejects.toMatchObject({ code: 'no-turns' });
});

test('a prompt that begins with the text of the BOS token gets no second one', async () => {
  const folder = new URL('../../../fixtures/reference/scoring/mixtral-byte-fallback', import.meta.url).pathname;
  const tokenizer = await loadTokenizer(folder);
  if (tokenizer?.prefixToken === null || tokenizer === null) throw new TypeError('no BOS');
  const bos = tokenizer.decode([tokenizer.prefixToken]);
  const count = (tokens: readonly number[]): number => tokens.filter((token) => token === tokenizer.prefixToken).length;
  expect(count(encodePrompt(tokenizer, 'hello'))).toBe(1);
  expect(count(encodePrompt(tokenizer, `${bos}hello`))).toBe(1);
  expect(count(tokenizer.encode(`${bos}hello`, true))).toBe(2);
});
