/**
 * The page "Your first real model" where it needs Python: from a machine without anything to a verdict on published
 * tasks and an upload, with models and data sets from one Hub on loopback.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createMadeEnvironments } from '../../main/finetune/made-environments.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { startLoopbackHub, TOKEN } from '../integration/loopback-hub.ts';
import { olmoeFiles } from '../integration/olmoe-model.ts';
import { pageCommands } from '../integration/page-commands.ts';
import { uncurl } from '../integration/run-uncurl.ts';
import { outputOf } from './run-python.ts';
import { openDataHub, python } from './task-hub.ts';

const ID = 'allenai/OLMoE-1B-7B-0924';
const POSITIONS = 2048;
const MODULES = 'import json, sys, sysconfig; print(json.dumps([sysconfig.get_path("purelib"), sys._base_executable]))';

/** Lets an environment that is still to be made see the packages of another one: pip then finds that nothing lacks. */
const withPackages = async (environment: string): Promise<string> => {
  const printed = await outputOf(python, ['-c', MODULES]);
  const [packages, base] = z.tuple([z.string(), z.string()]).parse(JSON.parse(printed));
  const version = path.basename(path.dirname(packages));
  const own =
    process.platform === 'win32'
      ? path.join(environment, 'Lib', 'site-packages')
      : path.join(environment, 'lib', version, 'site-packages');
  mkdirSync(own, { recursive: true });
  writeFileSync(path.join(own, 'other.pth'), `${packages}\n`);
  return base;
};

test('the page’s commands for published tasks, from an empty machine', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-first-model-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const data = await openDataHub(path.join(folder, 'data'), (at) => [['dataset_files.py', at]]);
  onTestFinished(data.close);
  const hub = await startLoopbackHub(data.address);
  onTestFinished(() => hub.close());
  hub.publish(ID, await olmoeFiles(POSITIONS));
  const home = path.join(folder, 'home');
  mkdirSync(home);
  const workspace = path.join(folder, 'workspace');
  const settings = path.join(folder, 'state', 'settings.json');
  const environment = {
    HOME: home,
    XDG_CACHE_HOME: path.join(home, '.cache'),
    HF_HOME: path.join(home, 'huggingface'),
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_OFFLINE: '0',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_TOKEN: TOKEN,
    UNCURL_WORKSPACE: workspace,
    UNCURL_SETTINGS: settings,
    // What is there already is enough; nothing is taken from a network.
    PIP_NO_INDEX: '1',
  };
  const [, commands = []] = pageCommands('first-model.md', folder, 'someone');
  const verbs = ['doctor', 'sweep', 'profile', 'plan', 'export', 'push'];
  expect(commands.map(({ args: [verb] }) => verb)).toEqual(verbs);

  // Without a Python the names mean nothing yet, and the refusal says what would read them.
  const [, sentence] = commands;
  const early = await uncurl(sentence?.args ?? [], { ...environment, UNCURL_HUB: 'never' });
  expect([early.code, early.stderr]).toEqual([2, expect.stringContaining('"uncurl doctor --python" makes one')]);
  expect(hub.seen).toEqual([]);

  await createMadeEnvironments(stateFolder(settings)).make(workspace);
  const base = await withPackages(path.join(workspace, 'python'));
  const printed = new Map<string, string>();
  for (const { line, args } of commands) {
    const own = args[0] === 'doctor' ? ['--python-base', base] : [];
    const { code, stdout, stderr } = await uncurl([...args, ...own], environment);
    expect(code, `${line}\n${stderr}`).toBe(0);
    expect(stdout + stderr).not.toContain(TOKEN);
    printed.set(args[0] ?? '', stdout);
  }
  expect(printed.get('sweep')).toMatch(/arc_challenge[^]*gsm8k/);
  const tasks = readdirSync(path.join(workspace, 'tasks')).filter((name) => name !== 'imported.json');
  expect(tasks.map((name) => name.replace(/-[0-9a-f]{12}$/, '')).sort()).toEqual(['arc_challenge', 'gsm8k']);
  expect(existsSync(path.join(home, 'huggingface', 'hub', 'models--allenai--OLMoE-1B-7B-0924'))).toBe(true);
  const card = hub.contentOf('someone/OLMoE-arc', 'README.md')?.toString() ?? '';
  expect(card).toMatch(new RegExp(`^---\nbase_model: ${ID}\n`));
  expect(card).toMatch(/## What pruning costs\n\nMeasured: arc_challenge/);

  // The token went to the Hub alone, and lies nowhere.
  expect(hub.seen.filter(({ host, authorization }) => host === 'cdn' && authorization !== null)).toEqual([]);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('site-packages'),
  );
  for (const file of files)
    expect(readFileSync(path.join(file.parentPath, file.name)).includes(TOKEN), file.name).toBe(false);

  // From now on the names need neither Python nor a network.
  const asked = hub.seen.length;
  await rm(path.join(workspace, 'python'), { recursive: true });
  const again = await uncurl(sentence?.args ?? [], { ...environment, UNCURL_HUB: 'never' });
  expect(again.code, again.stderr).toBe(0);
  expect(hub.seen).toHaveLength(asked);
});
