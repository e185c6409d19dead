import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledError, refuse } from '../../contract/errors.ts';
import { commandsOn } from '../../cluster/run-command.ts';
import { followJobs, submitJobs } from '../../cluster/slurm-jobs.ts';
import { nodesOf, requireOneKind } from '../../cluster/slurm-nodes.ts';
import { type ClusterRequest, slurmScript } from '../../cluster/slurm-script.ts';
import { writeFileAtomically } from '../../files/write-atomically.ts';
import { clearWork, WORK_FOLDER } from '../../jobs/fill-steps.ts';
import { readSweepDocument } from '../../runs/sweep-record.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { optionReader, type OptionReader } from '../option-values.ts';
import { findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { sweepText } from '../sweep-text.ts';
import type { Verb } from '../verb.ts';

const SCRIPT = 'slurm.sh';

const readRequest = (reader: OptionReader): ClusterRequest => ({
  partition: reader.text('partition') ?? null,
  gres: reader.text('gres') ?? null,
  constraint: reader.text('constraint') ?? null,
  workers: reader.whole('array', 1) ?? 1,
  time: reader.text('time') ?? null,
  processors: reader.whole('cpus', 1) ?? null,
  memory: reader.text('mem') ?? null,
  setup: reader.texts('setup'),
});

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
    host: { type: 'string', value: 'HOST', help: 'Submit over your own ssh to this machine of the cluster.' },
    detach: { type: 'boolean', help: 'Submit and end, without following the jobs.' },
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    if (!reader.flag('slurm')) throw refuse('bad-usage', 'No cluster is named.', 'Give --slurm.');
    const request = readRequest(reader);
    const { workspace, run } = findRun(given.positionals[0] ?? '', reader, host);
    const { runs, path, temporaryFolder } = await openExistingWorkspace(workspace);
    const manifest = await runs.read(run);
    if (manifest.kind !== 'sweep')
      throw refuse('not-a-sweep', `${run} is a ${manifest.kind}, not a sweep.`, 'Choose a sweep.');
    const command = commandsOn(reader.text('host') ?? null);
    requireOneKind(await nodesOf(command, request.partition), request);
    const folder = runs.folder(run);
    await clearWork(folder);
    const logs = join(folder, WORK_FOLDER);
    await mkdir(logs, { recursive: true });
    const script = join(folder, SCRIPT);
    const uncurl = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
    await writeFileAtomically(script, slurmScript(run, path, uncurl, request), temporaryFolder);
    const jobs = await submitJobs(command, script, logs, request.workers);
    host.say(`Submitted ${script}: array ${String(jobs.array)}, joining job ${String(jobs.join)}.`);
    if (reader.flag('detach'))
      return {
        document: { run, script, ...jobs },
        text: `Array ${String(jobs.array)} and joining job ${String(jobs.join)} are submitted.`,
      };
    try {
      await followJobs(command, jobs, { signal: host.signal, say: (line) => host.say(line) });
    } catch (error) {
      if (host.signal.aborted) throw new CancelledError('The submission');
      throw error;
    }
    const document = await readSweepDocument(folder);
    if (document === null) throw new Error(`${run} was joined, and has no results`);
    const summary = document.notes?.at(-1) ?? '';
    return { document: { ...document, summary, ...jobs, script }, text: `${sweepText(document)}\n${summary}` };
  },
};
