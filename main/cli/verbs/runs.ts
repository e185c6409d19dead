import { isWorkspace, openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { optionReader } from '../option-values.ts';
import { WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';
import { textTable } from '../text-table.ts';
import type { Verb } from '../verb.ts';

export const runs: Verb = {
  name: 'runs',
  usage: '[--trash RUN] [--workspace DIR]',
  summary: 'Lists the runs of a workspace, newest first, damaged ones with the reason; or moves one to the trash.',
  positionals: [0, 0],
  options: {
    trash: {
      type: 'string',
      value: 'RUN',
      help: "Moves this run into the workspace's trash, whatever is wrong with it.",
    },
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    const path = workspaceOf(reader, host);
    const unwanted = reader.text('trash');
    if (unwanted !== undefined) {
      const at = await (await openExistingWorkspace(path)).runs.trash(unwanted);
      return {
        document: { run: unwanted, at },
        text: `${unwanted} lies in ${at} now: delete it there, or move it back.`,
      };
    }
    // The usual workspace is made by the first run; one that is named must be there.
    const isMade = reader.text('workspace') !== undefined || (await isWorkspace(path));
    const manifests = isMade ? await (await openExistingWorkspace(path)).runs.list() : [];
    const rows = manifests.map(({ id, kind, state, createdAt, title, damaged }) => [
      id,
      kind,
      damaged === undefined ? state : 'damaged',
      createdAt.slice(0, 19).replace('T', ' '),
      damaged ?? title,
    ]);
    const text =
      rows.length === 0 ? `${path} holds no runs.` : textTable(['run', 'kind', 'state', 'created', 'title'], rows);
    return { document: manifests, text };
  },
};
