import { isWorkspace, openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { optionReader } from '../option-values.ts';
import { WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { textTable } from '../text-table.ts';
import type { Verb } from '../verb.ts';

export const runs: Verb = {
  name: 'runs',
  usage: '[--workspace DIR]',
  summary: 'Lists the runs of a workspace, newest first.',
  positionals: [0, 0],
  options: { ...WORKSPACE_OPTION },
  run: async (given, host) => {
    const reader = optionReader(given);
    const path = workspaceOf(reader, host);
    // The usual workspace is made by the first run; one that is named must be there.
    const isMade = reader.text('workspace') !== undefined || (await isWorkspace(path));
    const manifests = isMade ? await (await openExistingWorkspace(path)).runs.list() : [];
    const rows = manifests.map(({ id, kind, state, createdAt, title }) => [
      id,
      kind,
      state,
      createdAt.slice(0, 19).replace('T', ' '),
      title,
    ]);
    const text =
      rows.length === 0 ? `${path} holds no runs.` : textTable(['run', 'kind', 'state', 'created', 'title'], rows);
    return { document: manifests, text };
  },
};
