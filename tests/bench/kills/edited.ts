import { existsSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RandomSource } from '../../../main/statistics/random.ts';
import type { Attack } from './attack.ts';
import { bundledModel, momentOf, root, runUncurl, undisturbed } from './command-line.ts';
import { tunedFiles } from './folders.ts';
import { filesOf, goOn, measuredIn, runsIn } from './sweeps.ts';

/** Commands that are killed, and whose files of unfinished work are edited before they are resumed. */

type Args = (workspace: string) => readonly string[];

interface Edited {
  readonly name: string;
  readonly args: Args;
  /** Folders in the workspace whose files are edited. */
  readonly folders: (workspace: string) => Promise<readonly string[]>;
  /** Whether a killed command had done its work, so that there is nothing to resume. */
  readonly isDone?: (workspace: string) => boolean;
  /** What must equal that of the undisturbed command. */
  readonly result: (workspace: string) => Promise<unknown>;
}

/** Changes a file as a person, another program or a bad disk might; the times of before stay in half of the cases. */
const edit = async (random: RandomSource, file: string, others: readonly string[]): Promise<void> => {
  const { size, atime, mtime } = await stat(file);
  // The last one needs another file.
  switch (random.integer(others.length === 0 ? 4 : 5)) {
    case 0: {
      const handle = await open(file, 'r+');
      const at = random.integer(Math.max(1, size));
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
      await handle.write(Buffer.from([(buffer[0] ?? 0) ^ (1 << random.integer(8))]), 0, 1, at);
      await handle.close();
      break;
    }
    case 1:
      await truncate(file, random.integer(Math.max(1, size)));
      break;
    case 2: {
      // Zeros over a stretch: other weights, where the file has a plain layout.
      const handle = await open(file, 'r+');
      const length = Math.min(4096, size);
      await handle.write(Buffer.alloc(length), 0, length, random.integer(Math.max(1, size - length)));
      await handle.close();
      break;
    }
    case 3:
      return rm(file);
    default:
      await copyFile(others[random.integer(others.length)] ?? file, file);
  }
  if (random.float() < 0.5) await utimes(file, atime, mtime);
};

/** A command that is killed, edited and resumed, again in three cases of ten, until it ends. */
const killedAndEdited = async (
  folder: string,
  { name, args, folders, isDone = () => false, result }: Edited,
): Promise<Attack> => {
  const whole = await mkdtemp(path.join(folder, 'right-'));
  const tookMs = await undisturbed(args(whole));
  const right = await result(whole);
  return {
    name,
    once: async (random) => {
      const workspace = await mkdtemp(path.join(folder, 'edited-'));
      let ended = await runUncurl(args(workspace), momentOf(random, tookMs));
      let [kills, edits] = [0, 0];
      while (ended.wasKilled) {
        kills += 1;
        if (isDone(workspace)) break;
        const files: string[] = [];
        for (const each of await folders(workspace))
          for (const file of (await filesOf(each).catch(() => new Map<string, string>())).keys())
            files.push(path.join(each, file));
        for (let count = 1 + random.integer(2); count > 0 && files.length > 0; count -= 1) {
          const [file = ''] = files.splice(random.integer(files.length), 1);
          await edit(random, file, files);
          edits += 1;
        }
        ended = await goOn(args(workspace), workspace, random.float() < 0.3 ? momentOf(random, tookMs) : null);
      }
      const isSame = ended.code === 0 || isDone(workspace) ? isDeepStrictEqual(await result(workspace), right) : null;
      await rm(workspace, { recursive: true });
      return { kills, resumed: kills, isSame, said: ended.said, leftovers: 0, edits };
    },
  };
};

const inRuns = async (workspace: string, name: string): Promise<readonly string[]> =>
  (await runsIn(workspace)).map((run) => path.join(workspace, 'runs', run, name));

const recordIn = async (workspace: string, file: string): Promise<readonly unknown[]> =>
  Promise.all(
    (await inRuns(workspace, file)).map(async (each): Promise<unknown> => {
      const { arms } = JSON.parse(await readFile(each, 'utf8')) as { readonly arms: unknown };
      return arms;
    }),
  );

/** A task with a few items of a bundled one. */
const fewItems = async (folder: string, items: number): Promise<string> => {
  const task = path.join(folder, 'few');
  await mkdir(task, { recursive: true });
  await writeFile(path.join(task, 'task.json'), JSON.stringify({ name: 'few' }));
  for (const split of ['calibration', 'test']) {
    const lines = await readFile(path.join(root, 'resources', 'tasks', 'german', `${split}.jsonl`), 'utf8');
    await writeFile(path.join(task, `${split}.jsonl`), `${lines.split('\n').slice(0, items).join('\n')}\n`);
  }
  return task;
};

const ITEMS = 48;
const training = (python: string): readonly string[] => [
  ...['--router-steps', '2', '--epochs', '8', '--batch', String(ITEMS), '--rate', '0.001', '--save-every', '1'],
  ...['--python', python, '--threads', '1'],
];

/** In the place of Python: a training of a second, in which kills by the thousand can be tried. */
export const trainer = path.join(import.meta.dirname, 'trainer.mjs');

export const editedTraining = async (folder: string, python: string): Promise<Attack> => {
  const task = await fewItems(folder, ITEMS);
  return killedAndEdited(folder, {
    name: `edited training${python === trainer ? ' (without PyTorch)' : ''}`,
    args: (workspace) => [
      ...['finetune', bundledModel, '--task', task, '--out', `${workspace}-tuned`, '--workspace', workspace],
      ...training(python),
    ],
    folders: (workspace) => inRuns(workspace, 'training'),
    isDone: (workspace) => existsSync(`${workspace}-tuned`),
    result: async (workspace) => {
      const files = await tunedFiles(`${workspace}-tuned`);
      await rm(`${workspace}-tuned`, { recursive: true });
      return files;
    },
  });
};

export const editedArms = async (folder: string, python: string): Promise<Attack> => {
  const task = await fewItems(folder, ITEMS);
  return killedAndEdited(folder, {
    name: `edited arms${python === trainer ? ' (without PyTorch)' : ''}`,
    args: (workspace) => [
      ...['experiment', 'uncurl-8', 'uncurl-16', '--task', task, '--arms', 'as-is,tuned', '--seeds', '0'],
      ...[...training(python), '--workspace', workspace],
    ],
    folders: (workspace) => inRuns(workspace, 'arms'),
    result: (workspace) => recordIn(workspace, 'experiment.json'),
  });
};

export const editedTorchSweep = (folder: string, python: string): Promise<Attack> =>
  killedAndEdited(folder, {
    name: 'edited torch sweep',
    args: (workspace) => [
      ...['sweep', bundledModel, '--task', 'capital', '--method', 'reap', 'frequency', '--factors', '1,2,4'],
      ...['--limit', '24', '--engine', 'torch', '--python', python, '--precision', 'float32'],
      ...['--workspace', workspace, '--threads', '1'],
    ],
    // A command that was killed before it had made its workspace leaves none.
    folders: async (workspace) =>
      (await readdir(workspace).catch(() => []))
        .filter((name) => ['steps', 'overlays'].includes(name))
        .map((name) => path.join(workspace, name)),
    result: (workspace) => measuredIn(workspace),
  });
