import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { chatMessage, type ChatMessage } from '../../../../main/tasks/chat/chat-messages.ts';
import type { ChatTemplate } from '../../../../main/tasks/chat/chat-template.ts';
import { renderChats } from '../../../../main/tasks/chat/render-chats.ts';
import { conversationRenderer } from '../../../../main/tasks/chat/render-conversation.ts';

const fixtures = new URL('../../../fixtures/chat/', import.meta.url);
const texts = z.record(z.string(), z.string().nullable());
/** Made by tests/fixtures/chat/render.py with Jinja 3.1.6 as transformers configures it. */
const expected = z
  .object({
    chats: z.record(z.string(), z.array(chatMessage)),
    templates: z.record(z.string(), texts),
    forms: z.array(z.object({ template: z.string(), texts })),
  })
  .parse(JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8')));

const now = new Date(2024, 6, 26, 9, 5, 3);
const tokens = { bos_token: '<s>', eos_token: '</s>' };
const chatOf = (source: string): ChatTemplate => ({
  source,
  tokens,
  variables: {},
  file: 'chat_template.jinja',
  hash: '',
});
/** In this thread, where nothing ends it. */
const render = (template: string, messages: readonly ChatMessage[], variables = {}): string =>
  conversationRenderer({ template, tokens, variables, nowMs: now.getTime(), conversations: [] })(messages).text;
const inThread = async (source: string, messages: readonly ChatMessage[]) => {
  const [rendered] = await renderChats(chatOf(source), [{ messages, location: 'item "a"' }], now);
  return rendered;
};
const hello: readonly ChatMessage[] = [{ role: 'user', content: 'x' }];
const isSystem = ({ role }: ChatMessage): boolean => role === 'system';

/** Where @huggingface/jinja differs from Jinja, a template is refused and never rendered otherwise. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "{{ missing }}|{{ missing.x if missing is defined else 'no' }}": /it prints a truth value/,
  '{{ messages[-1].content[:3] }}': /it prints a truth value/,
  "{% set x %}a{{ 1 }}b{% endset %}{{ x | upper }}{{ 'o-n e' | title }}": /it prints a list/,
  "{{ 'a' in missing }}": /it prints a truth value/,
  '{% for key, value in dict(': /the function dict\(\) is not supported/,
};

describe('renders like Jinja, or refuses', () => {
  test.each(Object.keys(expected.templates))('%s', (name) => {
    const source = readFileSync(new URL(name, fixtures), 'utf8');
    const own = expected.templates[name] ?? {};
    expect(Object.keys(own).length).toBe(4);
    for (const [chat, text] of Object.entries(own)) {
      const messages = expected.chats[chat] ?? [];
      if (text !== null) expect(render(source, messages), chat).toBe(text);
      else if (!messages.some(isSystem)) expect(() => render(source, messages), chat).toThrow();
    }
  });

  test.each(expected.forms)('$template', ({ template, texts: own }) => {
    const refused = Object.entries(REFUSED).find(([start]) => template.startsWith(start))?.[1];
    for (const [chat, text] of Object.entries(own)) {
      const messages = expected.chats[chat] ?? [];
      if (text === null) expect(() => render(template, messages), chat).toThrow();
      else if (refused === undefined) expect(render(template, messages), chat).toBe(text);
      else expect(() => render(template, messages), chat).toThrow(refused);
    }
  });

  test('and every pinned difference is one', () => {
    for (const start of Object.keys(REFUSED))
      expect(expected.forms.filter(({ template }) => template.startsWith(start))).toHaveLength(1);
  });

  test.each([
    ['{{ true }}', /a truth value/],
    ['{{ "a" ~ true }}', /a truth value/],
    ['{{ none }}', /it prints none/],
    ['{{ [1] }}', /a list/],
    ['{{ {"a": 1} | string }}', /a dict/],
    ['{{ 1.5 }}', /a number with a point/],
    ['{% if true %}{{ messages }}{% endif %}', /a list/],
    ['{{ missing.a.b }}', /a member of something that is not there/],
    ['{{ messages[0].content | length }}', /counts the characters/, '\u{1f600}'],
    ['{{ messages[0].content[:1] }}', /counts the characters/, '\u{1f600}'],
    ['{{ messages[0].content | trim }}', /rare white space/, '\ufeffa'],
    ['{{ messages[0].content.strip() }}', /rare white space/, 'a\x1c'],
  ])('%s is refused, as Python prints it otherwise', (source, why, content = 'x') => {
    expect(() => render(source, [{ role: 'user', content }])).toThrow(why);
  });

  test('with the variables that are given to it', () => {
    const source =
      '{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}{{ effort }}';
    expect(render(source, hello)).toBe('');
    expect(render(source, hello, { enable_thinking: false, effort: 'low' })).toBe('<think></think>low');
  });
});

test('a template that refuses a system turn is rendered again without it', async () => {
  const source = readFileSync(new URL('brackets.jinja', fixtures), 'utf8');
  const chat: readonly ChatMessage[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Why?' },
  ];
  expect(await inThread(source, chat)).toEqual({ text: '<s>[INST] Why? [/INST]\n', isWithoutSystem: true });
  await expect(inThread(source, expected.chats['twice'] ?? [])).rejects.toMatchObject({
    code: 'bad-chat-template',
    message: expect.stringContaining(
      'chat_template.jinja, on item "a": it refuses the conversation: turns must alternate between user and assistant.',
    ) as string,
  });
});

describe('refuses what a template must not do:', () => {
  test.each([
    ['{{ messages.__class__.__mro__ }}', /a member of something that is not there/],
    ['{{ cycler("a") }}', /the function cycler\(\) is not supported/],
    ['{{ messages | attr("x") }}', /filter/],
    ['{% set messages.x = 1 %}', /./],
    ['{% include "x" %}', /Unknown statement type: include/],
    ['{{ strftime_now("%s") }}', /the directive %s of strftime_now\(\) is not supported/],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /its macros call each other too often/],
    ['{{ range(999999) }}', /range\(\) of 999999 numbers/],
    [
      '{% set ns = namespace(a="xxxxxxxxxx") %}{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}',
      /16 MiB/,
    ],
  ])('%s', async (source, why) => {
    await expect(inThread(source, hello)).rejects.toThrow(why);
  });

  test('work without an end: its thread is ended', async () => {
    const loops = '{% for a in range(99999) %}'.repeat(3) + '{% set b = a %}' + '{% endfor %}'.repeat(3);
    await expect(inThread(loops, hello)).rejects.toThrow(/it takes more than 2 s of CPU time/);
    const fills = '{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = ns.a + ns.a %}{% endfor %}';
    await expect(inThread(fills, hello)).rejects.toThrow(/MB of memory|Invalid array length|CPU time/);
  });
});
