import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { withEngine } from '../open-engine.ts';
import { HERE_OPTIONS } from '../machine-options.ts';
import { type Verb } from '../verb.ts';
import { CONFIRM_OPTION, confirmedCode, findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { textTable } from '../terminal-text.ts';

export const steps: Verb = {
  name: 'steps',
  usage: 'RUN [--workspace DIR]',
  summary: 'Lists the parts of a sweep that separate processes can measure, and which of them are on disk.',
  positionals: [1, 1],
  options: { ...CONFIRM_OPTION, ...WORKSPACE_OPTION, ...HERE_OPTIONS },
  run: async (reader, host) => {
    const confirmed = confirmedCode(reader);
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    await (await openExistingWorkspace(workspace)).runs.read(run);
    const listed = await withEngine(reader, host, (engine) => engine.listSteps(run, confirmed), { workspace });
    const left = listed.filter(({ state }) => state !== 'on disk').length;
    const rows = listed.map(({ model, task, part, state, holder }) => [model, task, part ?? 'unpruned', state, holder]);
    return {
      document: { run, steps: listed },
      text:
        `${textTable(['model', 'task', 'part', 'state', 'computed by'], rows)}\n\n` +
        `${left} of ${listed.length} to do.`,
    };
  },
};
