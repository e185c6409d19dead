import { clusterRequest, type ClusterRequest } from '../../contract/cluster.ts';
import { refuse } from '../../contract/errors.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { followCluster, watchCluster } from '../follow-cluster.ts';
import { withEngine } from '../open-engine.ts';
import { optionReader, type OptionReader } from '../option-values.ts';
import { CONFIRM_OPTION, confirmedCode, findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { sweepText } from '../sweep-text.ts';
import type { Verb, VerbResult } from '../verb.ts';

const readRequest = (reader: OptionReader): ClusterRequest => {
  const given = {
    partition: reader.text('partition'),
    gres: reader.text('gres'),
    constraint: reader.text('constraint'),
    workers: reader.whole('array', 1),
    time: reader.text('time'),
    processors: reader.whole('cpus', 1),
    memory: reader.text('mem'),
    setup: [...reader.texts('setup')],
    host: reader.text('host'),
    command: reader.text('command'),
  };
  const parsed = clusterRequest.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refuse(
    'bad-value',
    `${issue?.path.join('.') ?? 'An option'}: ${issue?.message ?? 'cannot be passed on'}.`,
    'Give it as sbatch takes it.',
  );
};

export const submit: Verb = {
  name: 'submit',
  usage: 'RUN --slurm [--array N] [--workspace DIR]',
  summary:
    'Lets a Slurm cluster work on a sweep whose workspace it shares: an array that fills steps, and a joining job.',
  positionals: [1, 1],
  options: {
    slurm: { type: 'boolean', help: 'Submit to Slurm, which is what there is.' },
    array: { type: 'string', value: 'N', help: 'Workers (default 1).' },
    partition: { type: 'string', value: 'P', help: 'Partition of the cluster.' },
    gres: { type: 'string', value: 'G', help: 'Generic resources of each worker, for example gpu:a100:1.' },
    constraint: { type: 'string', value: 'F', help: 'Features that nodes must have.' },
    time: { type: 'string', value: 'T', help: 'Limit on the time of one worker, for example 04:00:00.' },
    cpus: { type: 'string', value: 'N', help: 'Processors of each worker, and threads of its runtime.' },
    mem: { type: 'string', value: 'M', help: 'Memory of each worker, for example 64G.' },
    setup: {
      type: 'string',
      multiple: true,
      value: 'LINE',
      help: 'Shell line that runs before the work, for example "module load nodejs"; may be repeated.',
    },
    command: {
      type: 'string',
      value: 'WORDS',
      help: 'How uncurl starts on a node (default: as here), for example "node /shared/uncurl/main/cli/uncurl.ts".',
    },
    host: { type: 'string', value: 'HOST', help: 'Submit over your own ssh to this machine of the cluster.' },
    detach: { type: 'boolean', help: 'Submit and end, without following the jobs.' },
    ...CONFIRM_OPTION,
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    if (!reader.flag('slurm')) throw refuse('bad-usage', 'No cluster is named.', 'Give --slurm.');
    const request = readRequest(reader);
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
            text: `${sweepText(document)}\n${summary}`,
          };
        } finally {
          stop();
        }
      },
      { workspace },
    );
  },
};
