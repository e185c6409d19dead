/** Prompts from chat templates, compared with transformers on the same model folders. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { encodePrompt } from '../../main/inference/encode-item.ts';
import type { ChatMessage } from '../../main/tasks/chat/chat-messages.ts';
import { readChatTemplate } from '../../main/tasks/chat/chat-template.ts';
import { renderChats } from '../../main/tasks/chat/render-chats.ts';
import { runPython } from './run-python.ts';

const fixtures = fileURLToPath(new URL('../fixtures/chat', import.meta.url));
/** A tokenizer whose post-processor adds a BOS token. */
const tokenizerFolder = fileURLToPath(new URL('../fixtures/reference/scoring/mixtral-byte-fallback', import.meta.url));
const report = z.object({
  model: z.string(),
  texts: z.array(z.string().nullable()),
  tokens: z.array(z.array(z.number()).nullable()),
});

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const chats: readonly (readonly ChatMessage[])[] = [
  [user(' What is 1 + 1?\n')],
  [
    user('2 + 2 ='),
    assistant('4'),
    user('3 + 3 =\n\n'),
    assistant(' 6 '),
    user('{{ 4 }} + {% 4 %} = "caf\u00e9" \u2603'),
  ],
  [{ role: 'system', content: 'Be brief.\n\n' }, user('Is the sky blue?')],
  [user('a'), user('b')],
];

let work = '';
let folders: readonly string[] = [];
let theirs: readonly z.infer<typeof report>[] = [];

beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-chat-'));
  const templates = (await readdir(fixtures)).filter((name) => name.endsWith('.jinja'));
  folders = await Promise.all(
    templates.map(async (name) => {
      const folder = path.join(work, name.replace('.jinja', ''));
      await cp(tokenizerFolder, folder, { recursive: true });
      await writeFile(path.join(folder, 'chat_template.jinja'), await readFile(path.join(fixtures, name)));
      return folder;
    }),
  );
  theirs = await runPython(
    'chat_templates.py',
    folders.map((model) => ({ model, chats })),
    report,
  );
});
afterAll(() => rm(work, { recursive: true, force: true }));

it('gives the texts and tokens of transformers, and refuses what transformers refuses', async () => {
  expect(theirs.length).toBe(3);
  for (const { model, texts, tokens } of theirs) {
    const [template, tokenizer] = [await readChatTemplate(model), await loadTokenizer(model)];
    if (template === null || tokenizer === null) throw new TypeError(model);
    expect(texts.filter((text) => text !== null).length).toBeGreaterThanOrEqual(2);
    for (const [index, text] of texts.entries()) {
      const messages = chats[index] ?? [];
      const ours = renderChats(template, [{ messages, location: 'item "a"' }], new Date());
      if (text === null) {
        // A refused system turn is left out, as in lm-evaluation-harness; anything else is refused here too.
        if (messages.some(({ role }) => role === 'system'))
          expect(await ours).toMatchObject([{ isWithoutSystem: true }]);
        else await expect(ours).rejects.toMatchObject({ code: 'bad-chat-template' });
        continue;
      }
      expect(await ours).toEqual([{ text, isWithoutSystem: false }]);
      expect(encodePrompt(tokenizer, text)).toEqual(tokens[index]);
    }
  }
});
