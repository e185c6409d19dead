import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode } from '../files/file-errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { namesIn, readTextIfThere } from '../files/regular-file.ts';
import { readLockHolder } from '../workspace/run-lock.ts';

/** Folder in a run's folder in which its workers record their progress: a folder for each part, and their hardware. */
export const WORK_FOLDER = 'work';
const UNITS = 'units';
export const HARDWARE_FILE = 'hardware.json';
export const DONE_FILE = 'done.json';

/** Note of the worker that finished a part; `task`: its index in the array of a cluster. */
export const doneFile = z.object({
  worker: boundedText,
  task: z.number().nullable().default(null),
  computed: z.number(),
  reused: z.number(),
});

/** Workers leave one line each. */
export const MAX_NOTE_BYTES = 2 ** 16;

/** The note in a file; null without one. */
export const readNote = (file: string): Promise<string | null> => readTextIfThere(file, { mostBytes: MAX_NOTE_BYTES });

const unitsFolder = (runFolder: string): string => join(runFolder, WORK_FOLDER, UNITS);
export const unitFolder = (runFolder: string, unit: string): string => join(unitsFolder(runFolder), unit);

/** Holder of the lock of a part: "process 12 on node03"; null without one. */
export const holderOf = async (folder: string): Promise<string | null> => {
  try {
    const holder = await readLockHolder(folder);
    return holder === null ? null : `process ${holder.pid} on ${holder.host}`;
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw explainFileError(error, folder);
  }
};

/** Names of the parts that have been begun. */
const unitsIn = (runFolder: string): Promise<readonly string[]> => namesIn(unitsFolder(runFolder));

/** Deletes the notes of workers, so that a new submission checks every step again; refused while a worker is active. */
export const clearWork = async (runFolder: string): Promise<void> => {
  for (const name of await unitsIn(runFolder)) {
    const holder = await holderOf(unitFolder(runFolder, name));
    if (holder !== null)
      throw refuse(
        'run-locked',
        `${holder} still computes steps of this run.`,
        'Wait until it ends, or cancel it there.',
      );
  }
  await rm(unitsFolder(runFolder), { recursive: true, force: true });
};

/** Counts finished parts by task of an array; the note of each is read once. */
export class DoneParts {
  readonly #runFolder: string;
  readonly #tasks = new Map<string, number | null>();

  constructor(runFolder: string) {
    this.#runFolder = runFolder;
  }

  async look(): Promise<{ readonly done: number; readonly byTask: ReadonlyMap<number, number> }> {
    for (const unit of await unitsIn(this.#runFolder)) {
      if (this.#tasks.has(unit)) continue;
      const file = join(unitFolder(this.#runFolder, unit), DONE_FILE);
      const done = await readJsonIfThere(file, doneFile, { mostBytes: MAX_NOTE_BYTES }, (cause) =>
        refuse('work-damaged', `${file} is damaged.`, 'Delete the file: the part is checked again.', cause),
      );
      if (done !== null) this.#tasks.set(unit, done.task);
    }
    const byTask = new Map<number, number>();
    for (const task of this.#tasks.values()) if (task !== null) byTask.set(task, (byTask.get(task) ?? 0) + 1);
    return { done: this.#tasks.size, byTask };
  }
}
