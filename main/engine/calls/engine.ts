import { homedir } from 'node:os';
import { calls } from '../../contract/calls.ts';
import { listFolder } from '../../files/list-folder.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';
import { engineVersion } from '../machine.ts';

type EngineCallName = 'engine.facts' | 'folders.list';

export const engineCalls = (context: EngineContext): Pick<Answers, EngineCallName> => ({
  'engine.facts': answer(calls['engine.facts'], () => ({
    version: engineVersion,
    workspace: context.workspace.path,
    versions: { ...context.versions },
    device: context.device,
    memory: context.memory,
  })),
  'folders.list': answer(calls['folders.list'], async ({ handle }) => {
    const { path, parent, entries } = await listFolder(
      handle === undefined ? homedir() : context.handles.resolve(handle),
    );
    return {
      handle: context.handles.issue(path),
      path,
      parent: parent === null ? null : context.handles.issue(parent),
      entries: entries.map((entry) => ({
        handle: context.handles.issue(entry.path),
        name: entry.name,
        kind: entry.kind,
        isFolder: entry.isFolder,
      })),
    };
  }),
});
