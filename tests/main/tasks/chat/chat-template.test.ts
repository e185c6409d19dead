import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ChatTemplate, renderChat } from '../../../../main/tasks/chat/chat-template.ts';
import { compileChatTemplate } from '../../../../main/tasks/template/compile-template.ts';
import { WorkMeter } from '../../../../main/tasks/template/work-meter.ts';

const fixtures = new URL('../../../fixtures/chat/', import.meta.url);
const texts = z.record(z.string(), z.string().nullable());
const message = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
/** Made by tests/fixtures/chat/render.py with Jinja 3.1.6 as transformers configures it. */
const expected = z
  .object({
    chats: z.record(z.string(), z.array(message)),
    templates: z.record(z.string(), texts),
    forms: z.array(z.object({ template: z.string(), texts })),
  })
  .parse(JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8')));

const now = (): Date => new Date(2024, 6, 26, 9, 5, 3);
const chatOf = (source: string): ChatTemplate => ({
  template: compileChatTemplate(source),
  tokens: new Map([
    ['bos_token', '<s>'],
    ['eos_token', '</s>'],
  ]),
  file: 'chat_template.jinja',
  hash: '',
});
const render = (source: string, messages: readonly z.infer<typeof message>[]): string =>
  renderChat(chatOf(source), messages, 'item "a"', now, new WorkMeter()).text;

const isSystem = ({ role }: z.infer<typeof message>): boolean => role === 'system';

describe('renders like Jinja', () => {
  test.each(Object.keys(expected.templates))('%s', (name) => {
    const source = readFileSync(new URL(name, fixtures), 'utf8');
    const own = expected.templates[name] ?? {};
    expect(Object.keys(own).length).toBe(4);
    for (const [chat, text] of Object.entries(own)) {
      const messages = expected.chats[chat] ?? [];
      if (text !== null) expect(render(source, messages), chat).toBe(text);
      else if (!messages.some(isSystem))
        expect(() => render(source, messages), chat).toThrow(expect.objectContaining({ code: 'bad-chat-template' }));
    }
  });

  test.each(expected.forms)('$template', ({ template, texts: own }) => {
    for (const [chat, text] of Object.entries(own)) {
      const messages = expected.chats[chat] ?? [];
      if (text === null)
        expect(() => render(template, messages), chat).toThrow(expect.objectContaining({ code: 'bad-chat-template' }));
      else expect(render(template, messages), chat).toBe(text);
    }
  });
});

test('a template that refuses a system turn is rendered again without it', () => {
  const source = readFileSync(new URL('brackets.jinja', fixtures), 'utf8');
  const chat = [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: 'Why?' },
  ];
  expect(renderChat(chatOf(source), chat, 'item "a"', now, new WorkMeter())).toEqual({
    text: '<s>[INST] Why? [/INST]\n',
    isWithoutSystem: true,
  });
  const twice = expected.chats['twice'] ?? [];
  expect(() => render(source, twice)).toThrow(
    'chat_template.jinja, on item "a": it refuses the conversation: turns must alternate between user and assistant.',
  );
});

describe('refuses constructs that a template must not use:', () => {
  test.each([
    ['{{ messages.__class__.__mro__ }}', /it (?:reads|takes)|not there/],
    ['{{ cycler("a") }}', /the function cycler\(\) is not supported/],
    ['{{ lipsum() }}', /the function lipsum\(\) is not supported/],
    ['{{ messages | attr("x") }}', /the filter "attr" is not supported/],
    ['{{ messages.append(1) }}', /the method \.append\(\) is not supported/],
    ['{% set ns = namespace() %}{% set ns._x = 1 %}', /a namespace has no member "_x"/],
    ['{% set messages.x = 1 %}', /which is not a namespace/],
    ['{% call f() %}x{% endcall %}', /the statement CallStatement is not supported/],
    ['{% include "x" %}', /it is not Jinja/],
    ['{%+ if true %}{% endif %}', /the \+ sign that keeps white space/],
    ['{{ strftime_now("%s") }}', /the directive %s of strftime_now\(\) is not supported/],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /nested too deeply|too much work/],
    ['{% for a in range(999999) %}{% endfor %}', /too much work/],
    ['{{ "x" * 9999999 }}', /too much work/],
  ])('%s', (source, why) => {
    expect(() => render(source, [{ role: 'user', content: 'x' }])).toThrow(why);
  });
});
