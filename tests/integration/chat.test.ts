import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryFolder, uncurlHere } from './run-uncurl.ts';

const bundled = fileURLToPath(new URL('../../resources/models/uncurl-8', import.meta.url));
const outcome = z.object({ results: z.array(z.object({ method: z.string(), value: z.number() })) });
const profiled = z.object({ tasks: z.array(z.object({ task: z.string(), items: z.number(), tokens: z.number() })) });

/** A copy of a bundled model with a chat template. */
const withTemplate = async (template: string): Promise<string> => {
  const folder = join(await temporaryFolder(), 'chatty');
  await cp(bundled, folder, { recursive: true });
  await writeFile(join(folder, 'chat_template.jinja'), template);
  return folder;
};

const run = async (...args: readonly string[]): Promise<{ readonly json: unknown; readonly said: string }> => {
  const { code, stdout, stderr } = await uncurlHere([...args, '--json']);
  expect(code, stderr).toBe(0);
  const json: unknown = JSON.parse(stdout);
  return { json, said: stderr };
};

test("--chat uses the model's own template; without it the template is only mentioned", async () => {
  const same = await withTemplate('{% for m in messages %}{{ m.content }}{% endfor %}');
  const longer = await withTemplate('{% for m in messages %}sort {{ m.content }}{% endfor %}');
  const folder = await temporaryFolder();
  const profile = async (
    model: string,
    name: string,
    ...more: readonly string[]
  ): Promise<{ readonly tokens: number | undefined; readonly said: string }> => {
    const { json, said } = await run('profile', model, '--task', 'add', '--out', join(folder, name), ...more);
    return { tokens: profiled.parse(json).tasks[0]?.tokens, said };
  };
  const plain = await profile(same, 'plain');
  expect(plain.said).toContain(
    'chatty: It has a chat template (chat_template.jinja): tasks are asked as plain text unless the chat ' +
      'switch (--chat) is on.',
  );
  const { code, stdout } = await uncurlHere(['info', same]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/note +It has a chat template \(chat_template\.jinja\)/)]);
  const chatted = await profile(same, 'chatted', '--chat');
  expect(chatted.said).not.toContain('chat template');
  expect(chatted.tokens).toBe(plain.tokens);
  expect((await profile(longer, 'longer', '--chat')).tokens).toBeGreaterThan(plain.tokens ?? Infinity);

  const sweep = async (model: string, workspace: string, ...more: readonly string[]): Promise<readonly number[]> => {
    const { json } = await run(
      'sweep',
      model,
      '--task',
      'add',
      '--method',
      'frequency',
      '--factors',
      '1,2',
      '--limit',
      '40',
      '--workspace',
      join(folder, workspace),
      ...more,
    );
    return outcome.parse(json).results.map(({ value }) => value);
  };
  const values = await sweep(same, 'one');
  expect(values.length).toBe(2);
  expect(await sweep(same, 'two', '--chat')).toEqual(values);
  expect(await sweep(longer, 'three', '--chat')).not.toEqual(values);
});

test('a missing chat template, or one that accesses forbidden values, is refused before anything runs', async () => {
  const folder = await temporaryFolder();
  const refused = async (model: string, message: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await uncurlHere([
      'profile',
      model,
      '--task',
      'add',
      '--chat',
      '--out',
      join(folder, 'p'),
    ]);
    expect([code, stdout], stderr).toEqual([2, '']);
    expect(stderr).toMatch(message);
  };
  await refused('uncurl-8', /uncurl-8 has no chat template\./);
  await refused(
    await withTemplate('{{ lipsum() }}'),
    /chat_template\.jinja, on item "[^"]+" of add: the function lipsum\(\) is not supported/,
  );
  await expect(readFile(join(folder, 'p'))).rejects.toMatchObject({ code: 'ENOENT' });
});
