import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readGguf } from '../../../main/checkpoint/gguf/read-gguf.ts';
import type { Attack } from './attack.ts';
import { bundledModel, momentOf, runUncurl, undisturbed } from './command-line.ts';
import { filesOf, goOn, runsIn } from './sweeps.ts';

/** Tensors of a GGUF file: name, type and shape, and the hash of its bytes; and the hash of all before them. */
export const ggufTensors = async (file: string): Promise<ReadonlyMap<string, string>> => {
  const { tensors, headerBytes } = await readGguf(file);
  const handle = await open(file, 'r');
  const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  try {
    const found = new Map([['header', hashOf(headerBytes)]]);
    for (const { name, type, shape, byteOffset, byteLength } of tensors) {
      const { buffer } = await handle.read(Buffer.alloc(byteLength), 0, byteLength, byteOffset);
      found.set(name, `${type} ${shape.join('x')} ${hashOf(buffer)}`);
    }
    return found;
  } finally {
    await handle.close();
  }
};

/** What an export wrote: every file by its bytes, and a GGUF file tensor by tensor. */
const exportedIn = async (folder: string): Promise<ReadonlyMap<string, unknown>> => {
  const files = new Map<string, unknown>(await filesOf(folder));
  for (const name of files.keys())
    if (name.endsWith('.gguf')) files.set(name, await ggufTensors(path.join(folder, name)));
  return files;
};

/** Options of exports by name. */
export const exports: Readonly<Record<string, readonly string[]>> = {
  export: [],
  'GGUF export': ['--format', 'gguf', '--gguf-type', 'q8_0'],
};

/** The folder of an export or a training exists completely, or not at all. */
export const killedExport = async (folder: string, name: string, options: readonly string[]): Promise<Attack> => {
  const plan = path.join(folder, 'plan.json');
  await writeFile(plan, JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) }));
  const exportTo = (destination: string): readonly string[] => [
    ...['export', bundledModel, '--plan', plan, '--out', destination, ...options],
  ];
  const destination = path.join(await mkdtemp(path.join(folder, 'right-export-')), 'small');
  const tookMs = await undisturbed(exportTo(destination));
  const right = await exportedIn(destination);
  return {
    name,
    once: async (random) => {
      const parent = await mkdtemp(path.join(folder, 'exports-'));
      const destination = path.join(parent, 'small');
      let ended = await runUncurl(exportTo(destination), momentOf(random, tookMs));
      const kills = Number(ended.wasKilled);
      const isThere = (await readdir(parent)).includes('small');
      if (!isThere) ended = await runUncurl(exportTo(destination));
      const isSame = isThere || ended.code === 0 ? isDeepStrictEqual(await exportedIn(destination), right) : null;
      const leftovers = (await readdir(parent)).filter((each) => each !== 'small').length;
      await rm(parent, { recursive: true });
      return { kills, resumed: Number(!isThere), isSame, said: ended.said, leftovers };
    },
  };
};

/** Files of a tuned model without the parts that may differ between trainings: time and place. */
export const tunedFiles = async (destination: string): Promise<ReadonlyMap<string, string>> => {
  const files = new Map(await filesOf(destination));
  files.delete('uncurl_finetune.json');
  return files;
};

/** A training in Python, killed with its engine and resumed from its last state. */
export const killedTraining = async (folder: string, python: string): Promise<Attack> => {
  const train = (destination: string, workspace: string): readonly string[] => [
    ...['finetune', bundledModel, '--task', 'capital', '--out', destination, '--workspace', workspace],
    ...['--python', python, '--router-steps', '4', '--epochs', '4', '--batch', '64', '--save-every', '2'],
    ...['--rate', '0.001', '--threads', '1'],
  ];
  const destination = path.join(folder, 'right-training', 'tuned');
  await mkdir(path.dirname(destination));
  const tookMs = await undisturbed(train(destination, path.join(folder, 'right-training', 'workspace')));
  const right = await tunedFiles(destination);
  return {
    name: 'fine-tune',
    once: async (random) => {
      const parent = await mkdtemp(path.join(folder, 'trainings-'));
      const [destination, workspace] = [path.join(parent, 'tuned'), path.join(parent, 'workspace')];
      const args = train(destination, workspace);
      let ended = await runUncurl(args, momentOf(random, tookMs));
      let kills = 0;
      const isThere = async (): Promise<boolean> => (await readdir(parent)).includes('tuned');
      while (ended.wasKilled) {
        kills += 1;
        if (await isThere()) break;
        const again = random.float() < 0.3 ? momentOf(random, tookMs) : null;
        ended =
          (await runsIn(workspace)).length > 0 ? await goOn(args, workspace, again) : await runUncurl(args, again);
      }
      const isSame = (await isThere()) ? isDeepStrictEqual(await tunedFiles(destination), right) : null;
      const leftovers = (await readdir(parent)).filter((name) => name.startsWith('.')).length;
      await rm(parent, { recursive: true });
      return { kills, resumed: kills, isSame, said: ended.said, leftovers };
    },
  };
};
