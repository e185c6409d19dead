import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { checkPython } from '../../main/finetune/find-python.ts';
import { openTorchModel } from '../../main/torch/open-torch-model.ts';
import { TorchWorkers } from '../../main/torch/torch-model.ts';
import { resources, temporaryFolder } from '../integration/run-uncurl.ts';
import { overlaysIn } from '../open-model-runner.ts';
import { removeFolder } from '../remove-folder.ts';
import { items } from './same-statistics.ts';
import { outputOf, runPython } from './run-python.ts';

/** What PyTorch sees of a model and of its environment: a closed list, and all of it in the keys of results. */

const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';
const script = path.join(resources, 'torch', 'worker.py');
const bundled = path.join(resources, 'models', 'uncurl-8');
const control = { signal: new AbortController().signal };

/** Writes the path of each file that the process opens into the file that OPENED names. */
const WATCHING = `
import os, sys
log = os.environ.get('OPENED')
if log:
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    def watch(event, given):
        if event == 'open' and isinstance(given[0], (str, bytes)):
            os.write(out, os.fsencode(given[0]) + b'\\n')
    sys.addaudithook(watch)
`;

const folders: string[] = [];
/** A folder for the whole file. */
const lastingFolder = async (): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-closed-'));
  folders.push(folder);
  return folder;
};
afterAll(() => Promise.all(folders.map(removeFolder)));

/** A Python of its own that has the packages of the interop environment, and further ones. */
const ownPython = async (): Promise<{ readonly own: string; readonly site: string }> => {
  const folder = path.join(await lastingFolder(), 'own');
  await outputOf(python, ['-m', 'venv', '--without-pip', folder]);
  const paths = z.tuple([z.string(), z.string()]);
  const purelib = "import json, sysconfig; print(json.dumps([sysconfig.get_path('purelib'), '']))";
  const own = path.join(folder, 'bin', 'python');
  const [site] = paths.parse(JSON.parse(await outputOf(own, ['-c', purelib])));
  const [base] = paths.parse(JSON.parse(await outputOf(python, ['-c', purelib])));
  await writeFile(path.join(site, 'base.pth'), `${base}\n`);
  return { own, site };
};

const addPackage = async (site: string, version: string, module = ''): Promise<void> => {
  const info = path.join(site, `strange-${version}.dist-info`);
  await mkdir(info, { recursive: true });
  await writeFile(path.join(info, 'METADATA'), `Metadata-Version: 2.1\nName: strange\nVersion: ${version}\n`);
  await writeFile(path.join(site, 'strange.py'), module);
  await writeFile(
    path.join(info, 'RECORD'),
    `strange.py,sha256=${Buffer.from(module).toString('base64url')},${String(module.length)}\n` +
      `../../../bin/strange,sha256=x,1\n__pycache__/strange.pyc,,\nstrange-${version}.dist-info/RECORD,,\n`,
  );
};

const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER };

describe('PyTorch', () => {
  let own = '';
  let site = '';
  beforeAll(async () => ({ own, site } = await ownPython()));

  test('opens the consumed files of a model alone, whatever lies beside them, with the same numbers', async () => {
    await writeFile(path.join(site, 'sitecustomize.py'), WATCHING);
    const [names = []] = await runPython('looked_for.py', [], z.array(z.string()));
    expect(names).toEqual(
      expect.arrayContaining(['adapter_config.json', 'pytorch_model.bin', 'preprocessor_config.json']),
    );
    const folder = path.join(await temporaryFolder(), 'model');
    await cp(bundled, folder, { recursive: true });
    const checkpointBefore = await openCheckpoint(bundled);
    const consumed = new Set(checkpointBefore.sources.map(({ name }) => name));
    const beside = [...names, 'modeling_own.py', 'custom_generate/generate.py', 'model-00002-of-00002.safetensors'];
    for (const name of beside.filter((each) => !consumed.has(each) && !each.endsWith('.index.json'))) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), name.endsWith('.json') ? '{}' : 'poison');
    }
    // Further files that the workbench reads as well, and stamps, belong to what is seen.
    for (const { name } of (await openCheckpoint(folder)).sources)
      if (!consumed.has(name)) await rm(path.join(folder, name));
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.sources.map(({ name }) => name)).toEqual([...consumed]);
    const log = path.join(await temporaryFolder(), 'opened');
    const watched = path.join(await temporaryFolder(), 'python');
    await writeFile(watched, `#!/bin/sh\nOPENED='${log}' exec '${own}' "$@"\n`, { mode: 0o755 });
    const answered = async (model: typeof checkpoint): Promise<unknown> => {
      const workers = new TorchWorkers({ python: watched, script, device: 'cpu', threads: 1 }, { keepsOne: false });
      const scratchFolder = await temporaryFolder();
      const opened = await openTorchModel(model, { ...settings, scratchFolder }, workers, 'float32');
      try {
        const runner = opened.runner(overlaysIn(scratchFolder));
        return (await runner.evaluate(items, [{ key: 'whole', plan: null }], control)).get('whole');
      } finally {
        await opened.dispose();
        await workers.dispose();
      }
    };
    const strewn = await answered(checkpoint);
    const opened = [...new Set((await readFile(log, 'utf8')).split('\n'))];
    const ofModel = opened.filter((file) => file.startsWith(folder) || file.includes('uncurl-seen-'));
    expect(ofModel.map((file) => path.basename(file)).filter((name) => !consumed.has(name))).toEqual([]);
    // All through the folder of links: the model's own is not looked at.
    expect(ofModel.filter((file) => file.startsWith(folder))).toEqual([]);
    expect(ofModel.map((file) => path.basename(file))).toEqual(expect.arrayContaining(['config.json']));
    expect(strewn).toEqual(await answered(checkpointBefore));
    await rm(path.join(site, 'sitecustomize.py'));
  });

  test('computes nothing with packages that changed between two models of a run, and says which', async () => {
    await addPackage(site, '1.0');
    const workers = new TorchWorkers({ python: own, script, device: 'cpu', threads: 1 }, { keepsOne: true });
    const scratchFolder = await temporaryFolder();
    const checkpoint = await openCheckpoint(bundled);
    const score = async () => {
      const opened = await openTorchModel(checkpoint, { ...settings, scratchFolder }, workers, 'float32');
      try {
        return await opened.runner(overlaysIn(scratchFolder)).evaluate(items, [{ key: 'a', plan: null }], control);
      } finally {
        await opened.dispose();
      }
    };
    try {
      await score();
      await rm(path.join(site, 'strange-1.0.dist-info'), { recursive: true });
      await addPackage(site, '1.1');
      // The process that waits was started before, and a new one after it: neither computes.
      for (const _ of [1, 2])
        await expect(score()).rejects.toMatchObject({
          code: 'other-packages',
          message: expect.stringContaining('strange (1.0 before, 1.1 now)'),
        });
      await rm(path.join(site, 'strange-1.1.dist-info'), { recursive: true });
      await addPackage(site, '1.0');
      await score();
    } finally {
      await workers.dispose();
    }
  });

  test('has another fingerprint with each change of its packages, and the same one elsewhere', async () => {
    const printOf = async (path_ = own): Promise<string> =>
      (await checkPython(path_, resources)).versions['environment'] ?? '';
    const seen = [await printOf()];
    const expectNew = async (change: () => Promise<unknown>): Promise<void> => {
      await change();
      const print = await printOf();
      expect(seen).not.toContain(print);
      expect(await printOf()).toBe(print);
      seen.push(print);
    };
    await expectNew(() => addPackage(site, '2.0'));
    await expectNew(() => addPackage(site, '2.0', 'changed = 1'));
    await expectNew(() => writeFile(path.join(site, 'start.pth'), 'import sys\n'));
    await expectNew(() => writeFile(path.join(site, 'sitecustomize.py'), 'a = 1\n'));
    // An adapter library from sources, without a RECORD that lists it: its code counts.
    await expectNew(async () => {
      await mkdir(path.join(site, 'peft'));
      await writeFile(path.join(site, 'peft', '__init__.py'), 'a = 1\n');
    });
    await expectNew(() => appendFile(path.join(site, 'peft', '__init__.py'), 'b = 2\n'));
    // Where scripts lie, and files that Python makes, say nothing about the code.
    const before = seen.at(-1);
    const record = path.join(site, 'strange-2.0.dist-info', 'RECORD');
    await appendFile(record, '../../../bin/other,sha256=y,2\nstrange-2.0.dist-info/INSTALLER,sha256=z,4\n');
    await mkdir(path.join(site, '__pycache__'), { recursive: true });
    expect(await printOf()).toBe(before);
    const moved = await ownPython();
    await cp(site, moved.site, { recursive: true });
    expect(await printOf(moved.own)).toBe(before);
  });

  test('imports no modules from the current folder, where anybody may have put them', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'json.py'), `open(${JSON.stringify(path.join(folder, 'ran'))}, 'w')\n`);
    await symlink(path.join(folder, 'json.py'), path.join(folder, 'importlib.py'));
    const command = ['baseline', bundled, '--task', 'add', '--engine', 'torch', '--python', own, '--threads', '1'];
    await promisify(execFile)(process.execPath, [path.resolve('main/cli/uncurl.ts'), ...command], { cwd: folder });
    await expect(readFile(path.join(folder, 'ran'))).rejects.toThrow('ENOENT');
  });
});
