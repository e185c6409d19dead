import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { WorkbenchError } from '../contract/errors.ts';
import { taskEntry, type TaskEntry, type TaskItem } from '../contract/task.ts';
import { fileChecksum } from '../files/checksums.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { readKept, writeKept } from '../files/kept-file.ts';
import { readApart } from '../files/regular-file.ts';
import { unreachableAnswers, unreachableText } from './generation/unreachable-answers.ts';
import { hashItems } from './items.ts';
import { chanceAccuracy, isWrittenItem, type Task } from './task.ts';

const taskFacts = taskEntry
  .pick({
    name: true,
    title: true,
    description: true,
    metric: true,
    source: true,
    licence: true,
    items: true,
    chance: true,
    writing: true,
    unreachable: true,
    withoutQuestion: true,
  })
  .extend({ hash: boundedText, profiled: boundedText });
/** What a list says of a task, without its items; `profiled` is the hash of those that a profile reads. */
export type TaskFacts = z.infer<typeof taskFacts>;

/** The rule for written answers, of the first such item. */
const writingOf = (items: readonly TaskItem[]): Pick<TaskEntry, 'writing'> => {
  const item = items.find(isWrittenItem);
  return item === undefined ? {} : { writing: { until: [...item.until], maxNewTokens: item.maxNewTokens } };
};

/** The hash of the items that a profile of a task reads. */
export const profiledHash = ({ calibration }: Pick<Task, 'calibration'>): string => hashItems(calibration);

export const factsOf = ({ calibration, test, judging, withoutQuestion = {}, ...task }: Task): TaskFacts => {
  const { name, title, description, metric, source, licence, hash } = task;
  const unreachable = unreachableAnswers(judging, test);
  return {
    name,
    title,
    description,
    metric,
    source,
    licence,
    hash,
    items: { calibration: calibration.length, test: test.length },
    chance: chanceAccuracy(test),
    ...writingOf(test),
    ...(unreachable === null ? {} : { unreachable: unreachableText(unreachable) }),
    withoutQuestion: { ...withoutQuestion },
    profiled: hashItems(calibration),
  };
};

/** All that decides what is read at a path: the bytes of the files, and the names beside them. */
const readFiles = z.object({
  files: boundedList(z.tuple([boundedText, boundedText])),
  folders: boundedList(z.tuple([boundedText, boundedList(boundedText)])),
});
type ReadFiles = z.infer<typeof readFiles>;

const keptTask = readFiles.extend({ path: boundedText, facts: taskFacts });
const keptTasks = z.object({
  format: z.literal('uncurl-tasks'),
  version: z.literal(1),
  /** The program that computed the facts. */
  program: boundedText,
  tasks: boundedList(keptTask),
});

const FILE = 'kept-tasks.json';
const MOST_BYTES = 16 * 2 ** 20;
/** Tasks that are kept, the last ones. */
const MOST_KEPT = 256;

const namesIn = async (folder: string): Promise<string[]> => (await readdir(folder)).sort();

/** Null for `work` on a file or folder that is gone or may not be read. */
const ifReadable = async <T>(work: () => Promise<T>): Promise<T | null> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WorkbenchError || fileErrorCode(error) !== null) return null;
    throw error;
  }
};

const stateOf = async (path: string, files: readonly string[]): Promise<ReadFiles> => {
  const isFolder = (await stat(path)).isDirectory();
  const folders = [...new Set([...(isFolder ? [path] : []), ...files.map((file) => dirname(file))])];
  return {
    files: await Promise.all(files.map(async (file): Promise<[string, string]> => [file, await fileChecksum(file)])),
    folders: await Promise.all(
      folders.map(async (folder): Promise<[string, string[]]> => [folder, await namesIn(folder)]),
    ),
  };
};

/** Whether the same files have the same bytes, among the same names. */
const isAsRead = async ({ files, folders }: ReadFiles): Promise<boolean> => {
  for (const [folder, names] of folders)
    if (JSON.stringify(await namesIn(folder)) !== JSON.stringify(names)) return false;
  for (const [file, checksum] of files) if ((await fileChecksum(file)) !== checksum) return false;
  return true;
};

/**
 * Facts of tasks, in a file of the user outside of workspaces. A start lists every task: to compare the bytes of its
 * files is less work than to parse and hash its items. Facts of another program are not used.
 */
export class KeptFacts {
  readonly #file: string;
  readonly #program: () => Promise<string>;
  #tasks: Promise<Map<string, z.infer<typeof keptTask>>> | null = null;
  #isWritten = true;

  /** `state`: the user's state folder. `program`: names the program that computes facts. */
  constructor(state: string, program: () => Promise<string>) {
    this.#file = join(state, FILE);
    this.#program = program;
  }

  /** Null: none are kept of the files as they are now. */
  async find(path: string): Promise<TaskFacts | null> {
    const found = (await (this.#tasks ??= this.#read())).get(path);
    if (found === undefined) return null;
    // What is not readable is told where the task is opened.
    return (await ifReadable(() => isAsRead(found))) === true ? found.facts : null;
  }

  /**
   * Remembers the facts of a task that was read from these files; `write` keeps them. Does nothing where a folder of
   * theirs may not be listed.
   */
  async note(path: string, task: Task, files: readonly string[]): Promise<void> {
    const state = await ifReadable(() => stateOf(path, files));
    if (state === null) return;
    // The task is still being read: another process may write this file meanwhile.
    const tasks = await (this.#tasks ??= readApart(() => this.#read()));
    tasks.delete(path);
    tasks.set(path, { path, facts: factsOf(task), ...state });
    this.#isWritten = false;
  }

  /** Does nothing where the folder cannot be written: the tasks are read again at the next start. */
  async write(): Promise<void> {
    if (this.#isWritten) return;
    this.#isWritten = true;
    const tasks = [...(await (this.#tasks ??= this.#read())).values()].slice(-MOST_KEPT);
    const content: z.infer<typeof keptTasks> = {
      format: 'uncurl-tasks',
      version: 1,
      program: await this.#program(),
      tasks,
    };
    const text = JSON.stringify(content);
    // Folders of very many files: the next start reads such tasks again.
    if (Buffer.byteLength(text) > MOST_BYTES) return;
    await writeKept(this.#file, text);
  }

  /** Empty: none are kept, those of another program, or none that can be read. */
  async #read(): Promise<Map<string, z.infer<typeof keptTask>>> {
    const kept = await readKept(this.#file, MOST_BYTES, keptTasks);
    if (kept === null || kept.program !== (await this.#program())) return new Map();
    return new Map(kept.tasks.map((task) => [task.path, task]));
  }
}
