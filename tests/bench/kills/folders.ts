import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Attack } from './attack.ts';
import { bundledModel, momentOf, runUncurl, undisturbed } from './command-line.ts';
import { filesOf, goOn, runsIn } from './sweeps.ts';

/** The folder of an export or a training exists completely, or not at all. */
export const killedExport = async (folder: string): Promise<Attack> => {
  const plan = path.join(folder, 'plan.json');
  await writeFile(plan, JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) }));
  const exportTo = (destination: string): readonly string[] => [
    ...['export', bundledModel, '--plan', plan, '--out', destination],
  ];
  const destination = path.join(folder, 'right-export', 'small');
  await mkdir(path.dirname(destination));
  const tookMs = await undisturbed(exportTo(destination));
  const right = await filesOf(destination);
  return {
    name: 'export',
    once: async (random) => {
      const parent = await mkdtemp(path.join(folder, 'exports-'));
      const destination = path.join(parent, 'small');
      let ended = await runUncurl(exportTo(destination), momentOf(random, tookMs));
      const kills = Number(ended.wasKilled);
      const isThere = (await readdir(parent)).includes('small');
      if (!isThere) ended = await runUncurl(exportTo(destination));
      const isSame = isThere || ended.code === 0 ? isDeepStrictEqual(await filesOf(destination), right) : null;
      const leftovers = (await readdir(parent)).filter((name) => name !== 'small').length;
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
