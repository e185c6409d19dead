import { expect, test } from 'vitest';
import { usesSettings, withSetOptions } from '../../../main/cli/run-command-line.ts';
import { verbs } from '../../../main/cli/verbs.ts';
import type { Verb } from '../../../main/cli/verb.ts';
import { NO_SETTINGS } from '../../../main/contract/settings.ts';

const verb = async (name: string): Promise<Verb> => {
  const load = verbs[name];
  if (load === undefined) throw new Error(`no verb ${name}`);
  return load();
};
const set = { ...NO_SETTINGS, threads: 3, memoryBudgetBytes: 2.5e9, device: 'webgpu', delta: 0.1 } as const;
const nothing = { positionals: ['x'], options: {} };

test('set threads and memory replace options that were not given; the set device only for serve', async () => {
  expect(withSetOptions(await verb('serve'), nothing, set).options).toEqual({
    threads: '3',
    memory: '2.5',
    device: 'webgpu',
  });
  expect(withSetOptions(await verb('sweep'), nothing, set)).toEqual({
    positionals: ['x'],
    options: { threads: '3', memory: '2.5' },
  });
  expect(withSetOptions(await verb('runs'), nothing, set).options).toEqual({});
});

test('the set memory is that of this engine, for facts on models too, and never the place to fill', async () => {
  for (const name of ['info', 'models'])
    expect(withSetOptions(await verb(name), nothing, set).options).toEqual({ memory: '2.5' });
  expect(withSetOptions(await verb('fit'), nothing, set).options).toEqual({ threads: '3', 'working-memory': '2.5' });
});

test('the command line overrides settings', async () => {
  const given = { positionals: [], options: { threads: '1', device: 'cpu' } };
  expect(withSetOptions(await verb('serve'), given, set).options).toEqual({
    threads: '1',
    memory: '2.5',
    device: 'cpu',
  });
  expect(withSetOptions(await verb('serve'), given, NO_SETTINGS)).toEqual(given);
});

test('verbs that use no setting do not read the file', async () => {
  const using = await Promise.all(['serve', 'sweep', 'runs', 'sample', 'methods'].map(verb));
  expect(using.map((one) => [one.name, usesSettings(one)])).toEqual([
    ['serve', true],
    ['sweep', true],
    ['runs', true],
    ['sample', true],
    ['methods', false],
  ]);
});
