import { clusterRequest } from '../../contract/cluster.ts';
import { refuse } from '../../contract/errors.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { followCluster, watchCluster } from '../follow-cluster.ts';
import { withEngine } from '../open-engine.ts';
import { optionReader, readSettings, settingOptions } from '../option-values.ts';
import { CONFIRM_OPTION, confirmedCode, findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { endedSweepText } from '../sweep-text.ts';
import type { Verb, VerbResult } from '../verb.ts';

export const submit: Verb = {
  name: 'submit',
  usage: 'RUN --slurm [--array N] [--workspace DIR]',
  summary:
    'Submits a sweep to a Slurm cluster that shares its workspace: an array that computes steps, and a joining job.',
  positionals: [1, 1],
  options: {
    slurm: { type: 'boolean', help: 'Submit to Slurm (the only supported scheduler).' },
    ...settingOptions(clusterRequest),
    detach: { type: 'boolean', help: 'Submit and end, without following the jobs.' },
    ...CONFIRM_OPTION,
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    if (!reader.flag('slurm')) throw refuse('bad-usage', 'No cluster is named.', 'Give --slurm.');
    const request = clusterRequest.parse(readSettings(reader, clusterRequest));
    const confirmed = confirmedCode(reader);
    const { workspace, run } = findRun(given.positionals[0] ?? '', reader, host);
    await (await openExistingWorkspace(workspace)).runs.read(run);
    return withEngine(
      reader,
      host,
      async (engine): Promise<VerbResult> => {
        const { ended, stop } = watchCluster(engine, run, host);
        try {
          const { script, array, join } = await engine.call('cluster.submit', { run, request, confirmed });
          host.say(`Submitted ${script}: array ${String(array)}, joining job ${String(join)}.`);
          if (reader.flag('detach'))
            return {
              document: { run, script, array, join },
              text: `Array ${String(array)} and joining job ${String(join)} are submitted.`,
            };
          await followCluster(engine, run, ended, host);
          const document = await engine.call('sweep.read', { run });
          const summary = document.notes?.at(-1) ?? '';
          return {
            document: { ...document, summary, array, join, script },
            text: endedSweepText(document, summary),
          };
        } finally {
          stop();
        }
      },
      { workspace },
    );
  },
};
