import { clusterRequest, type ClusterWork } from '../../contract/cluster.ts';
import { CancelledError, fail, refuse } from '../../contract/errors.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { withEngine } from '../open-engine.ts';
import type { OptionReader, Verb, VerbHost, VerbResult } from '../verb.ts';
import { badValue, readSettings, settingOptions, switchOption, valueOption } from '../verb.ts';
import { CONFIRM_OPTION, confirmedCode, findRun, WORKSPACE_OPTION } from '../subjects.ts';
import { endedSweepText } from '../sweep-text.ts';
import { failureText, taskText } from '../../words/cluster.ts';
import type { Engine } from '../../engine/engine.ts';
import type { WorkShare } from '../../jobs/fill-steps.ts';
import { HERE_OPTIONS } from '../machine-options.ts';
import { textTable } from '../terminal-text.ts';

/** Reports changes of a run's submission; returns its last state once it has ended. Call before submitting. */
export const watchCluster = (
  engine: Pick<Engine, 'subscribe'>,
  run: string,
  host: Pick<VerbHost, 'say'>,
): { readonly ended: Promise<ClusterWork>; readonly stop: () => void } => {
  const said = new Map<number | null, string>();
  let isAway = false;
  let settle: (work: ClusterWork) => void = () => undefined;
  const ended = new Promise<ClusterWork>((resolve) => (settle = resolve));
  const stop = engine.subscribe((event) => {
    if (event.type !== 'cluster.changed' || event.work.run !== run) return;
    const { tasks, away, state } = event.work;
    if (away !== isAway)
      host.say(
        away
          ? 'The controller of the cluster does not answer; retrying.'
          : 'The controller of the cluster answers again.',
      );
    isAway = away;
    for (const task of tasks) {
      const text = taskText(task);
      if (task.state === 'UNKNOWN' || said.get(task.task) === text) continue;
      said.set(task.task, text);
      host.say(text);
    }
    if (state !== 'active') settle(event.work);
  });
  return { ended, stop: () => void stop() };
};

/**
 * Waits for a submission to end; an interrupt cancels its jobs.
 *
 * @throws WorkbenchError `cluster-task-failed` names the task that failed, its node, its end and its log.
 */
const followCluster = async (
  engine: Engine,
  run: string,
  ended: Promise<ClusterWork>,
  host: VerbHost,
): Promise<void> => {
  const interrupted = new Promise<never>((_, reject) => {
    const cancel = (): void => {
      host.say('Cancelling the jobs: finished steps stay on disk.');
      engine.call('cluster.cancel', { run }).then(() => reject(new CancelledError('The submission')), reject);
    };
    if (host.signal.aborted) cancel();
    else host.signal.addEventListener('abort', cancel, { once: true });
  });
  const last = await host.endsWell(Promise.race([ended, interrupted]));
  if (last.state === 'cancelled') throw new CancelledError('The submission');
  if (last.state === 'failed')
    throw fail(
      'cluster-task-failed',
      failureText(last),
      'Read the log, then submit again to go on: finished steps stay on disk.',
    );
};

export const submit: Verb = {
  name: 'submit',
  usage: 'RUN --slurm [--array N] [--workspace DIR]',
  summary:
    'Submits a sweep to a Slurm cluster that shares its workspace: an array that computes steps, and a joining job.',
  positionals: [1, 1],
  options: {
    slurm: switchOption('Submit to Slurm (the only supported scheduler).'),
    ...settingOptions(clusterRequest),
    detach: switchOption('Submit and end, without following the jobs.'),
    ...CONFIRM_OPTION,
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    if (!reader.flag('slurm')) throw refuse('bad-usage', 'No cluster is named.', 'Give --slurm.');
    const request = clusterRequest.parse(readSettings(reader, clusterRequest));
    const confirmed = confirmedCode(reader);
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    await (await openExistingWorkspace(workspace)).runs.read(run);
    return withEngine(
      reader,
      host,
      async (engine): Promise<VerbResult> => {
        const { ended, stop } = watchCluster(engine, run, host);
        try {
          const { script, array, join } = await engine.call('cluster.submit', { run, request, confirmed });
          host.say(`Submitted ${script}: array ${array}, joining job ${join}.`);
          if (reader.flag('detach'))
            return {
              document: { run, script, array, join },
              text: `Array ${array} and joining job ${join} are submitted.`,
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

const readShare = (reader: OptionReader): WorkShare => {
  const text = reader.text('share');
  if (text === undefined) return { kind: 'until-empty' };
  if (reader.flag('until-empty'))
    throw refuse('bad-usage', '--share and --until-empty exclude each other.', 'Give one of them.');
  const [, index = '', of = ''] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (!(Number(index) >= 1 && Number(index) <= Number(of))) throw badValue('share', text, 'i/n with i from 1 to n');
  return { kind: 'share', index: Number(index), of: Number(of) };
};

/** Index of this process in its Slurm array, from Slurm's environment. */
const taskOf = (host: VerbHost): number | null => {
  const text = host.environment['SLURM_ARRAY_TASK_ID'] ?? '';
  return /^\d+$/.test(text) ? Number(text) : null;
};

export const work: Verb = {
  name: 'work',
  usage: 'RUN [--share I/N | --until-empty] [--workspace DIR]',
  summary:
    'Computes steps of a sweep next to other processes, without a run of its own: `uncurl resume` then reads them.',
  positionals: [1, 1],
  engine: 'A run goes on with the engine that it was started with.',
  options: {
    share: valueOption('I/N', 'Compute every N-th part, starting with the I-th.'),
    'until-empty': switchOption('Compute parts that no other process computes, until all are done (default).'),
    ...CONFIRM_OPTION,
    ...WORKSPACE_OPTION,
    ...HERE_OPTIONS,
  },
  run: async (reader, host) => {
    const share = readShare(reader);
    const confirmed = confirmedCode(reader);
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    await (await openExistingWorkspace(workspace)).runs.read(run);
    const filled = await withEngine(
      reader,
      host,
      (engine) =>
        engine.fillSteps(run, {
          confirmed,
          share,
          task: taskOf(host),
          signal: host.signal,
          say: (line) => host.say(line),
        }),
      { workspace },
    );
    const { parts, of, computed, reused } = filled;
    return {
      document: { run, ...filled },
      text: `${parts} of ${of} parts of ${run} done here: ${computed} steps computed, ${reused} found on disk.`,
    };
  },
};

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
