import type { Dirent } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { refuse } from '../contract/errors.ts';
import { explainFileError, fileErrorCode, ifThere, isSystemError, makeFolder } from '../files/file-errors.ts';
import { explainReadError, readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically, writerOfTemporary } from '../files/write-atomically.ts';
import { createLibrary, type Library } from './library.ts';
import { userOf } from './maker-marks.ts';
import { createRunStore, type RunStore } from './run-store.ts';
import { createRunTrash, type RunTrash } from './run-trash.ts';
import { settingsFile } from './settings-file.ts';
import { createStepStore, type StepStore } from './step-store.ts';
import { stateFolder } from './user-key.ts';

const FOLDER = 'uncurl-workbench';

/** The system's folder for application data. */
const dataFolder = (environment: Readonly<Record<string, string | undefined>>): string => {
  switch (process.platform) {
    case 'win32':
      return environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support');
    default:
      return environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  }
};

/** The default workspace: UNCURL_WORKSPACE, else a folder in the user's application data. */
export const defaultWorkspace = (environment: Readonly<Record<string, string | undefined>> = process.env): string => {
  const named = environment['UNCURL_WORKSPACE'];
  return named !== undefined && named !== '' ? resolve(named) : join(dataFolder(environment), FOLDER, 'workspace');
};

const FORMAT = 'uncurl-workspace';
const VERSION = 1;
/** Age at which temporary files of killed engines are removed, as nobody can still be writing them. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/** The folder of runs, their shared steps, and the list of models and tasks. Plain files, no database. */
export interface Workspace {
  readonly path: string;
  readonly runs: RunStore;
  readonly trash: RunTrash;
  readonly steps: StepStore;
  readonly library: Library;
  /** Merged experts, refitted weights and constants; may be deleted between runs. */
  readonly overlayFolder: string;
  /** On the same file system as the rest: files are written here and renamed into place. */
  readonly temporaryFolder: string;
}

const markFile = z.object({ format: z.literal(FORMAT), version: z.number() });

const MARK = 'workspace.json';
const MAX_MARK_BYTES = 65_536;

/** Whether the folder is a workspace. Does not create one, so that readers can ask. */
export const isWorkspace = async (folder: string): Promise<boolean> => {
  try {
    return (await stat(join(folder, MARK))).isFile();
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT' || fileErrorCode(error) === 'ENOTDIR') return false;
    throw explainReadError(error, folder);
  }
};

export const openExistingWorkspace = async (folder: string): Promise<Workspace> => {
  if (!(await isWorkspace(folder))) {
    throw refuse(
      'no-workspace',
      `${resolve(folder)} is not a workspace: it contains no ${MARK}.`,
      'Name the folder that runs were written to.',
    );
  }
  return openWorkspace(folder);
};

/** Where exports go unless the user chooses another folder. */
export const EXPORTS_FOLDER = 'exports';

const MADE_FOLDERS = ['runs', 'steps', 'overlays', 'tmp'];
/** Folders of a workspace that are written to or cleaned up. */
const OWN_FOLDERS = [...MADE_FOLDERS, 'trash', 'given', 'tasks', 'python', EXPORTS_FOLDER];

const isLink = (entry: Dirent): boolean => entry.isSymbolicLink();

/**
 * Refuses a workspace in which one of its own folders is a link: writing and cleaning up would happen elsewhere, and
 * the workspace may come from a stranger.
 */
const requireOwnFolders = async (path: string): Promise<void> => {
  const entriesOf = async (folder: string): Promise<readonly Dirent[]> =>
    (await ifThere(() => readdir(folder, { withFileTypes: true }))) ?? [];
  const matching = (await entriesOf(path)).filter(({ name }) => OWN_FOLDERS.includes(name));
  // Steps lie in subfolders named by the first characters of their keys.
  const entries = [...matching, ...(matching.some(isLink) ? [] : await entriesOf(join(path, 'steps')))];
  const linked = entries.find(isLink);
  if (linked === undefined) return;
  throw refuse(
    'workspace-leads-out',
    `${join(linked.parentPath, linked.name)} is a link, not a folder of the workspace.`,
    'Replace it by a folder. To keep runs on another disk, choose a workspace there.',
  );
};

const checkMark = async (path: string): Promise<void> => {
  const file = join(path, MARK);
  const text = await readTextIfThere(file, { mostBytes: MAX_MARK_BYTES });
  if (text === null) {
    const strangers = (await readdir(path)).filter((name) => !name.startsWith('.'));
    if (strangers.includes('config.json') || strangers.some((name) => name.endsWith('.safetensors'))) {
      throw refuse(
        'not-a-workspace',
        `${path} contains a model, not a workspace.`,
        'Choose an empty or new folder for the workspace.',
      );
    }
    await writeFileAtomically(file, `${JSON.stringify({ format: FORMAT, version: VERSION }, null, 2)}\n`);
    return;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse('not-a-workspace', `${file} is not JSON.`, 'Choose another folder, or restore the file.', cause);
  }
  const mark = markFile.safeParse(json);
  if (!mark.success)
    throw refuse('not-a-workspace', `${file} does not describe a workspace.`, 'Choose another folder.');
  if (mark.data.version > VERSION) {
    throw refuse(
      'workspace-too-new',
      `${path} was written by a newer version (format ${mark.data.version}, this version reads up to ${VERSION}).`,
      'Update Uncurl Workbench, or choose another folder.',
    );
  }
};

const removeAbandoned = async (folder: string, now: number, isTemporary: (name: string) => boolean): Promise<void> => {
  for (const name of (await readdir(folder)).filter(isTemporary)) {
    const file = join(folder, name);
    try {
      if (now - (await stat(file)).mtimeMs > ABANDONED_AFTER_MS) await rm(file, { recursive: true, force: true });
    } catch (error) {
      // Already gone, or somebody else's: it takes space but does no harm.
      if (!isSystemError(error)) throw error;
    }
  }
};

/**
 * Opens a workspace; creates it if the folder is missing or empty. Refuses a folder that cannot be written. `state`:
 * folder with the key of the user whose steps are used (user-key.ts).
 */
export const openWorkspace = async (
  folder: string,
  now: () => number = Date.now,
  state: string = stateFolder(settingsFile()),
): Promise<Workspace> => {
  const path = resolve(folder);
  const inside = (name: string): string => join(path, name);
  const temporaryFolder = inside('tmp');
  try {
    await makeFolder(path);
    await checkMark(path);
    await requireOwnFolders(path);
    for (const name of MADE_FOLDERS) await makeFolder(inside(name));
    await removeAbandoned(temporaryFolder, now(), () => true);
    // Merged and refitted weights are written there, beside the finished ones.
    await removeAbandoned(inside('overlays'), now(), (name) => writerOfTemporary(name) !== null);
  } catch (error) {
    throw explainFileError(error, path);
  }
  return {
    path,
    runs: createRunStore(inside('runs'), temporaryFolder, inside('trash'), now),
    trash: createRunTrash(inside('trash'), inside('runs'), temporaryFolder),
    steps: createStepStore(
      { steps: inside('steps'), overlays: inside('overlays'), temporary: temporaryFolder },
      userOf(state),
    ),
    library: createLibrary(path, temporaryFolder),
    overlayFolder: inside('overlays'),
    temporaryFolder,
  };
};
