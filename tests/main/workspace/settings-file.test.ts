import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refuse } from '../../../main/contract/errors.ts';
import { NO_SETTINGS, waitsForStart } from '../../../main/contract/settings.ts';
import {
  changeSettings,
  readSettings,
  settingsFile,
  withSettingAtFault,
  withSetWorkspace,
} from '../../../main/workspace/settings-file.ts';
import { temporaryFolder } from './temporary-folder.ts';

test('the file lies in the configuration folder of the system, or where the environment says', () => {
  expect(settingsFile({ XDG_CONFIG_HOME: '/c' }, 'linux')).toBe('/c/uncurl-workbench/settings.json');
  expect(settingsFile({}, 'linux')).toMatch(/\/\.config\/uncurl-workbench\/settings\.json$/);
  expect(settingsFile({}, 'darwin')).toMatch(/Library\/Application Support\/uncurl-workbench\/settings\.json$/);
  expect(settingsFile({ APPDATA: '/a' }, 'win32')).toBe(join('/a', 'uncurl-workbench', 'settings.json'));
  expect(settingsFile({ UNCURL_SETTINGS: '/x/mine.json', XDG_CONFIG_HOME: '/c' }, 'linux')).toBe('/x/mine.json');
});

test('settings are changed one by one; those of a newer version stay', async () => {
  const file = join(await temporaryFolder(), 'deep', 'settings.json');
  expect(await readSettings(file)).toEqual(NO_SETTINGS);
  await changeSettings(file, { threads: 3, methods: ['reap', 'random'] });
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), fromTomorrow: [1] }));
  expect(await changeSettings(file, { theme: 'dark', threads: undefined })).toEqual({
    ...NO_SETTINGS,
    threads: 3,
    methods: ['reap', 'random'],
    theme: 'dark',
  });
  expect(await changeSettings(file, { threads: null })).toMatchObject({ threads: null, theme: 'dark' });
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ fromTomorrow: [1], theme: 'dark' });
});

test.each([
  ['{"threads":', /is not JSON/],
  ['[1]', /contains no settings/],
  ['{"threads":0}', /threads: /],
  ['{"device":"abacus"}', /device: /],
])('a file with %s is refused, not treated as empty, and not overwritten', async (text, reason) => {
  const file = join(await temporaryFolder(), 'settings.json');
  await writeFile(file, text);
  await expect(readSettings(file)).rejects.toMatchObject({
    code: 'settings-unreadable',
    message: expect.stringMatching(reason),
  });
  await expect(changeSettings(file, { theme: 'dark' })).rejects.toMatchObject({ code: 'settings-unreadable' });
  expect(await readFile(file, 'utf8')).toBe(text);
});

test('an invalid value is refused before anything is written', async () => {
  const file = join(await temporaryFolder(), 'settings.json');
  await changeSettings(file, { delta: 0.05 });
  await expect(changeSettings(file, { delta: 0.9 })).rejects.toMatchObject({ code: 'settings-unreadable' });
  expect(await readSettings(file)).toMatchObject({ delta: 0.05 });
});

test('the configured workspace is the default, unless the environment names another', () => {
  const set = { ...NO_SETTINGS, workspace: '/set' };
  expect(withSetWorkspace({ HOME: '/h' }, set)).toEqual({ HOME: '/h', UNCURL_WORKSPACE: '/set' });
  expect(withSetWorkspace({ UNCURL_WORKSPACE: '/named' }, set)).toEqual({ UNCURL_WORKSPACE: '/named' });
  expect(withSetWorkspace({ HOME: '/h' }, NO_SETTINGS)).toEqual({ HOME: '/h' });
});

test('what the engine does not use yet is reported, and nothing else', () => {
  const usual = { threads: 4, memoryBudgetBytes: 6e9, device: 'cpu', workspace: '/usual' } as const;
  const document = { file: '/f', settings: NO_SETTINGS, inUse: usual, usual };
  expect(waitsForStart(document)).toEqual([]);
  expect(waitsForStart({ ...document, settings: { ...NO_SETTINGS, threads: 2, delta: 0.1, device: 'cpu' } })).toEqual([
    'threads',
  ]);
  expect(waitsForStart({ ...document, inUse: { ...usual, workspace: '/other', device: 'webgpu' } })).toEqual([
    'device',
    'workspace',
  ]);
});

test('simultaneous changes of settings are all kept', async () => {
  const file = join(await temporaryFolder(), 'settings.json');
  await Promise.all([
    changeSettings(file, { theme: 'dark' }),
    changeSettings(file, { delta: 0.05 }),
    changeSettings(file, { threads: 3 }),
  ]);
  expect(await readSettings(file)).toMatchObject({ theme: 'dark', delta: 0.05, threads: 3 });
});

test('a start that fails because of a setting names the setting and its file; other failures are unchanged', () => {
  const refused = refuse('provider-refused', 'The device webgpu cannot be used: no adapter.', 'Choose another device.');
  const none = { device: null, workspace: null };
  expect(withSettingAtFault(refused, '/c/settings.json', { ...none, device: 'webgpu' })).toMatchObject({
    code: 'provider-refused',
    message: refused.message,
    remedy:
      'Choose another device. The setting "device" in /c/settings.json causes this. Change it there, or use --device.',
  });
  const damaged = refuse('not-a-workspace', '/w/workspace.json is not JSON.', 'Choose another folder.');
  expect(withSettingAtFault(damaged, '/c/settings.json', { ...none, workspace: '/w' })).toMatchObject({
    remedy: expect.stringContaining('"workspace" in /c/settings.json'),
  });
  for (const [error, set] of [
    [refused, none],
    [refused, { ...none, workspace: '/w' }],
    [damaged, { ...none, device: 'webgpu' }],
    [damaged, { ...none, workspace: '/other' }],
    [new Error('odd'), { device: 'webgpu', workspace: '/w' }],
  ] as const)
    expect(withSettingAtFault(error, '/c/settings.json', set)).toBe(error);
});
