import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { NO_SETTINGS } from '../../../../main/contract/settings.ts';
import { createEngine } from '../../../../main/engine/engine.ts';
import { isWorkspace } from '../../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

const withSettings = async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'settings.json');
  const engine = await createEngine({
    workspace: join(folder, 'workspace'),
    resources: join(folder, 'none'),
    commandLine: 'test',
    threads: 3,
    memoryBudgetBytes: 1e9,
    settingsFile: file,
  });
  onTestFinished(() => engine.dispose());
  const events: string[] = [];
  engine.subscribe((event) => events.push(event.type));
  return { engine, folder, file, events };
};

test('settings are read with the values in use, and writing them notifies pages', async () => {
  const { engine, folder, file, events } = await withSettings();
  const before = await engine.call('settings.read', {});
  expect(before).toMatchObject({
    file,
    settings: NO_SETTINGS,
    inUse: { threads: 3, memoryBudgetBytes: 1e9, device: 'cpu', workspace: join(folder, 'workspace') },
  });
  const after = await engine.call('settings.write', { change: { theme: 'dark', delta: 0.05, notifications: true } });
  expect(after.settings).toEqual({ ...NO_SETTINGS, theme: 'dark', delta: 0.05, notifications: true });
  expect(await engine.call('settings.read', {})).toEqual(after);
  expect(events).toEqual(['settings.changed']);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ theme: 'dark', delta: 0.05, notifications: true });
  await expect(engine.call('settings.write', { change: { threads: 0 } })).rejects.toMatchObject({ kind: 'refused' });
});

test('a workspace is set by a folder from a dialog: created or, if it contains a model, refused at once', async () => {
  const { engine, folder } = await withSettings();
  const next = join(folder, 'next');
  const set = await engine.call('settings.write', { change: {}, workspace: engine.grantPath(next) });
  expect(set.settings.workspace).toBe(next);
  expect(await isWorkspace(next)).toBe(true);
  const model = join(folder, 'model');
  await mkdir(model);
  await writeFile(join(model, 'config.json'), '{}');
  await expect(engine.call('settings.write', { change: {}, workspace: engine.grantPath(model) })).rejects.toMatchObject(
    { code: 'not-a-workspace' },
  );
  expect((await engine.call('settings.write', { change: { threads: 2 } })).settings.workspace).toBe(next);
  expect((await engine.call('settings.write', { change: {}, workspace: null })).settings).toMatchObject({
    workspace: null,
    threads: 2,
  });
});
