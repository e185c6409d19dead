import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { openEngine } from '../open-engine.ts';

const resources = fileURLToPath(new URL('../../../../resources', import.meta.url));

test('a profile through the chat template is a separate profile: read, planned with and refused as such', async () => {
  const folder = await temporaryFolder();
  const engine = await openEngine(join(folder, 'workspace'), { threads: 2 });
  const path = join(folder, 'chatty');
  await cp(join(resources, 'models', 'uncurl-8'), path, { recursive: true });
  await writeFile(join(path, 'chat_template.jinja'), '{% for m in messages %}sort {{ m.content }}{% endfor %}');
  const { handle: model, info } = await engine.call('models.open', { handle: engine.grantPath(path) });
  expect(info?.chatTemplate).toBe('chat_template.jinja');
  const listed = await engine.call('models.list', {});
  const plainModel = listed.find(({ name }) => name === 'uncurl-8');
  const task = (await engine.call('tasks.list', {})).find(({ name }) => name === 'add');
  if (plainModel === undefined || task === undefined) throw new Error('nothing bundled');
  expect(plainModel.info?.chatTemplate).toBeUndefined();
  const tasks = [task.handle];
  const tokens = async (chat: boolean): Promise<readonly number[]> =>
    (await engine.call('profile.read', { model, tasks, chat })).map((profile) => profile.tokens);

  await engine.finished((await engine.call('profile.start', { model, tasks, chat: true })).run);
  const [chatted = 0] = await tokens(true);
  expect(await tokens(false)).toEqual([]);
  const request = { model, tasks, method: 'frequency', factor: 2 } as const;
  await expect(engine.call('plan.make', request)).rejects.toMatchObject({ code: 'profile-missing' });
  expect((await engine.call('plan.make', { ...request, chat: true })).cost.keptPerLayer).toEqual([4, 4, 4]);

  await engine.finished((await engine.call('profile.start', { model, tasks })).run);
  const [plain = Infinity] = await tokens(false);
  expect(chatted).toBeGreaterThan(plain);
  expect(await tokens(true)).toEqual([chatted]);

  // A profile holds what some methods need, and not yet what others do.
  const ready = async (...methods: readonly string[]): Promise<readonly boolean[]> =>
    (await engine.call('profile.holds', { model, tasks, methods: [...methods] })).held;
  expect(await Promise.all([ready('frequency'), ready('easy-ep'), ready()])).toEqual([[true], [false], [true]]);
  const other = (await engine.call('tasks.list', {})).find(({ name }) => name === 'sort')?.handle ?? task.handle;
  expect((await engine.call('profile.holds', { model, tasks: [task.handle, other] })).held).toEqual([true, false]);

  const specs = (await engine.call('runs.list', {})).filter(({ kind }) => kind === 'profile').map(({ spec }) => spec);
  expect((await engine.call('runs.list', {})).map(({ title }) => title)).toEqual(
    expect.arrayContaining(['Profile of chatty on add', 'Profile of chatty on add, through its chat template']),
  );
  expect(specs.map((spec) => spec['chat'])).toEqual(expect.arrayContaining([true, undefined]));
  await expect(engine.call('profile.start', { model: plainModel.handle, tasks, chat: true })).rejects.toMatchObject({
    code: 'no-chat-template',
    kind: 'refused',
  });
  expect(await engine.call('profile.read', { model: plainModel.handle, tasks, chat: true })).toEqual([]);
});
