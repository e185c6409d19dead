import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { runManifest, runName, type TrashedRun } from '../contract/run.ts';
import { explained, explainFileError, fileErrorCode, isSystemError, isTaken } from '../files/file-errors.ts';
import { explainReadError, namesIn, readRegularFile } from '../files/regular-file.ts';
import { temporaryNameFor } from '../files/write-atomically.ts';
import { kindFromName } from './run-damage.ts';
import { readListedLabel } from './run-label-file.ts';

/** Entries of RunStore.trash: the run's name and six hexadecimal digits. */
const ENTRY = /^([a-z0-9][a-z0-9-]{0,127})-[0-9a-f]{6}$/;
const MAX_MANIFEST_BYTES = 32 * 2 ** 20;

/** Runs in the trash: plain folders, until they are restored or deleted. */
export interface RunTrash {
  /** Latest first. Ignores everything else in the folder. */
  list(): Promise<TrashedRun[]>;
  /** Returns the run's name. */
  restore(entry: string): Promise<string>;
  /** Deletes one entry or all, permanently. */
  empty(entry?: string): Promise<{ readonly removed: number; readonly sizeBytes: number }>;
}

/** Size of an entry in bytes, as far as it can be read; an unreadable run does not hide the others. */
const sizeOf = async (path: string): Promise<number> => {
  try {
    const facts = await lstat(path);
    if (!facts.isDirectory()) return facts.size;
    let bytes = 0;
    for (const name of await readdir(path)) bytes += await sizeOf(join(path, name));
    return bytes;
  } catch (error) {
    if (isSystemError(error)) return 0;
    throw error;
  }
};

const nameOf = async (folder: string, run: string): Promise<string> => {
  try {
    const text = (await readRegularFile(join(folder, 'manifest.json'), { mostBytes: MAX_MANIFEST_BYTES })).toString();
    const parsed = runManifest.safeParse(JSON.parse(text));
    return parsed.success ? runName({ title: parsed.data.title, label: await readListedLabel(folder) }) : run;
  } catch (error) {
    // Damaged runs are listed under their names.
    const isDamage = error instanceof SyntaxError || error instanceof WorkbenchError || fileErrorCode(error) !== null;
    if (isDamage) return run;
    throw error;
  }
};

export const createRunTrash = (trashFolder: string, runsFolder: string, temporaryFolder: string): RunTrash => {
  const entries = async (): Promise<readonly (readonly [entry: string, run: string])[]> => {
    return (await namesIn(trashFolder)).flatMap((entry) => {
      const run = ENTRY.exec(entry)?.[1];
      return run === undefined ? [] : [[entry, run] as const];
    });
  };

  const found = async (entry: string): Promise<string> => {
    const known = (await entries()).find(([name]) => name === entry);
    if (known !== undefined) return known[1];
    throw refuse('not-in-trash', `${entry} is not in ${trashFolder}.`, 'List the runs in the trash.');
  };

  return {
    list: async () => {
      const listed: TrashedRun[] = [];
      for (const [entry, run] of await entries()) {
        const folder = join(trashFolder, entry);
        try {
          const trashedAt = new Date((await lstat(folder)).ctimeMs).toISOString();
          const kind = kindFromName(run);
          listed.push({
            entry,
            run,
            kind,
            name: await nameOf(folder, run),
            trashedAt,
            sizeBytes: await sizeOf(folder),
          });
        } catch (error) {
          // Emptied or restored by someone else meanwhile.
          if (fileErrorCode(error) !== 'ENOENT') throw explainReadError(error, folder);
        }
      }
      return listed.sort((left, right) => right.trashedAt.localeCompare(left.trashedAt));
    },
    restore: async (entry) => {
      const run = await found(entry);
      const folder = join(runsFolder, run);
      if (await isTaken(folder))
        throw refuse(
          'run-there',
          `There is a run "${run}" again, so ${entry} cannot be restored.`,
          'Move that one to the trash first.',
        );
      await explained(folder, rename(join(trashFolder, entry), folder));
      return run;
    },
    empty: async (entry) => {
      const doomed = entry === undefined ? (await entries()).map(([name]) => name) : [entry];
      if (entry !== undefined) await found(entry);
      let [removed, sizeBytes] = [0, 0];
      const hindrances: unknown[] = [];
      for (const name of doomed) {
        const leaving = temporaryNameFor(join(trashFolder, name), temporaryFolder);
        try {
          const bytes = await sizeOf(join(trashFolder, name));
          // Renamed first, so that a half-deleted run is never listed as a run.
          await rename(join(trashFolder, name), leaving);
          await rm(leaving, { recursive: true });
          [removed, sizeBytes] = [removed + 1, sizeBytes + bytes];
        } catch (error) {
          // Emptied or restored by someone else meanwhile; any other error concerns only this entry.
          if (!isSystemError(error, 'ENOENT')) hindrances.push(explainFileError(error, join(trashFolder, name)));
        }
      }
      if (hindrances.length > 0) throw hindrances[0];
      return { removed, sizeBytes };
    },
  };
};
