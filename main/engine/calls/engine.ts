import { homedir, hostname } from 'node:os';
import type { z } from 'zod';
import type { folderListing } from '../../contract/calls.ts';
import { refuse } from '../../contract/errors.ts';
import { listWithin, readTypedPath } from '../../files/list-folder.ts';
import { addSample, restoreSample, SAMPLE_RUN } from '../../sample/sample-run.ts';
import type { Answers, EngineContext } from '../engine-context.ts';
import { engineVersion } from '../machine.ts';

type EngineCallName = 'engine.facts' | 'sample.add' | 'folders.list' | 'paths.name';

export const engineCalls = (context: EngineContext): Pick<Answers, EngineCallName> => ({
  'engine.facts': () => ({
    version: engineVersion,
    machine: hostname(),
    workspace: context.workspace.path,
    versions: { ...context.devices.current.versions },
    device: context.device,
    memory: context.memory,
    sampleProblem:
      context.sampleProblem === null
        ? null
        : { message: context.sampleProblem.message, remedy: context.sampleProblem.remedy },
  }),
  'sample.add': async (_, signal) => {
    await addSample(context.workspace, context.resources, signal);
    await restoreSample(context);
    context.emit({ type: 'run.changed', manifest: await context.workspace.runs.read(SAMPLE_RUN) });
    return { run: SAMPLE_RUN };
  },
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

/** Several roots, shown as the entries of a virtual folder. */
const listedRoots = ({ roots, handles }: EngineContext): z.input<typeof folderListing> => ({
  handle: handles.issue(roots[0] ?? ''),
  path: 'All folders',
  parent: null,
  entries: roots.map((root) => ({ handle: handles.issue(root), name: root, kind: 'folder', isFolder: true })),
});
