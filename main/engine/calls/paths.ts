import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { refuse } from '../../contract/errors.ts';
import { MAX_GIVEN_BYTES, type PathKind } from '../../contract/path-kind.ts';
import { isFile, makeFolder } from '../../files/file-errors.ts';
import { kindOfFile, kindOfFolder } from '../../files/list-folder.ts';
import { explainReadError } from '../../files/regular-file.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import { isWorkspace } from '../../workspace/open-workspace.ts';
import type { Answers, EngineContext } from '../engine-context.ts';
import { openTask } from './tasks.ts';

type PathCall = 'paths.tell' | 'tasks.take';

/** Folder of the workspace for files whose content a page uploaded. */
const FOLDER = 'given';

/** The run whose folder this is: `runs/NAME` with a manifest, in a workspace; null for any other folder. */
const runAt = async (folder: string, here: string): Promise<PathKind | null> => {
  const workspace = dirname(dirname(folder));
  const isRun = basename(dirname(folder)) === 'runs' && (await isFile(join(folder, 'manifest.json')));
  if (!isRun || !(await isWorkspace(workspace))) return null;
  return { kind: 'run', run: basename(folder), workspace, isHere: workspace === (await realpath(here)) };
};

const tell = async (path: string, here: string): Promise<PathKind> => {
  try {
    const real = await realpath(path);
    const isFolder = (await stat(real)).isDirectory();
    const run = await runAt(isFolder ? real : dirname(real), here);
    if (run !== null) return run;
    const kind = await (isFolder ? kindOfFolder(real) : kindOfFile(real));
    return kind === 'model' || kind === 'task' ? { kind } : { kind: 'other', path, isFolder };
  } catch (error) {
    throw explainReadError(error, path);
  }
};

export const pathCalls = (context: EngineContext): Pick<Answers, PathCall> => {
  const { workspace, handles } = context;
  return {
    'paths.tell': ({ handle }) => tell(handles.resolve(handle), workspace.path),
    'tasks.take': async ({ name, base64 }, signal) => {
      const bytes = Buffer.from(base64, 'base64');
      if (bytes.length > MAX_GIVEN_BYTES)
        throw refuse(
          'file-too-large',
          `${name} has ${bytes.length} bytes; a page may give at most ${MAX_GIVEN_BYTES}.`,
          'Open it by its path: “Open task file…”.',
        );
      // One folder per content: the same file is stored once, another one of the same name beside it.
      const folder = join(workspace.path, FOLDER, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
      await makeFolder(folder);
      const file = join(folder, name);
      await writeFileAtomically(file, bytes, workspace.temporaryFolder);
      return openTask(context, file, signal);
    },
  };
};
