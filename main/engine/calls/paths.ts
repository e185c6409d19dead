import { homedir } from 'node:os';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { z } from 'zod';
import type { folderListing } from '../../contract/calls.ts';
import { refuse } from '../../contract/errors.ts';
import type { PathKind } from '../../contract/path-kind.ts';
import { isFile } from '../../files/file-errors.ts';
import { kindOfFile, kindOfFolder, listWithin, readTypedPath } from '../../files/list-folder.ts';
import { explainReadError } from '../../files/regular-file.ts';
import { isWorkspace } from '../../workspace/open-workspace.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';

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

/** Several roots, shown as the entries of a virtual folder. */
const listedRoots = ({ roots, handles }: EngineContext): z.input<typeof folderListing> => ({
  handle: handles.issue(roots[0] ?? ''),
  path: 'All folders',
  parent: null,
  entries: roots.map((root) => ({ handle: handles.issue(root), name: root, kind: 'folder', isFolder: true })),
});

export const pathCalls = (context: EngineContext): AnswersTo<'paths' | 'folders'> => ({
  'paths.tell': ({ handle }) => tell(context.handles.resolve(handle), context.workspace.path),
  'paths.name': ({ handle }) => ({ path: context.handles.resolve(handle) }),
  'folders.list': async ({ handle, path: typed, hidden }) => {
    const [first, second] = context.roots;
    if (first === undefined)
      throw refuse('no-browsing', 'Folders are not listed here.', 'Choose the folder in the dialog of the system.');
    if (handle === undefined && typed === undefined && second !== undefined) return listedRoots(context);
    const asked = handle === undefined ? first : context.handles.resolve(handle);
    const chosen =
      typed === undefined ? { folder: asked, file: null } : await readTypedPath(context.roots, typed, homedir());
    const { path, parent, entries } = await listWithin(context.roots, chosen.folder, hidden);
    return {
      handle: context.handles.issue(path),
      path,
      parent: parent === null ? null : context.handles.issue(parent),
      file: chosen.file === null ? undefined : context.handles.issue(chosen.file),
      entries: entries.map((entry) => ({
        handle: context.handles.issue(entry.path),
        name: entry.name,
        kind: entry.kind,
        isFolder: entry.isFolder,
      })),
    };
  },
});
