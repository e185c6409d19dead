import { addSample, SAMPLE_RUN } from '../../sample/sample-run.ts';
import { openWorkspace } from '../../workspace/open-workspace.ts';
import { type Verb } from '../verb.ts';
import { WORKSPACE_OPTION, workspaceOf } from '../subjects.ts';

export const sample: Verb = {
  name: 'sample',
  usage: '[--workspace DIR]',
  summary:
    'Adds the sample (a finished sweep of the bundled models) to a workspace, and makes the workspace if it does not ' +
    'exist.',
  positionals: [0, 0],
  options: WORKSPACE_OPTION,
  run: async (reader, host) => {
    const workspace = await openWorkspace(workspaceOf(reader, host));
    const added = await addSample(workspace, host.resources);
    return {
      document: { workspace: workspace.path, run: SAMPLE_RUN, added },
      text: added
        ? `The sample is among the runs of ${workspace.path}, as "${SAMPLE_RUN}".`
        : `${workspace.path} already contains the sample: nothing was changed.`,
    };
  },
};
