import { failureText, taskText } from '../words/cluster.ts';
import type { ClusterWork } from '../contract/cluster.ts';
import { CancelledError, WorkbenchError } from '../contract/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { VerbHost } from './verb.ts';

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
export const followCluster = async (
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
    throw new WorkbenchError(
      'cluster-task-failed',
      'failed',
      failureText(last),
      'Read the log, then submit again to go on: finished steps stay on disk.',
    );
};
