import { setTimeout as pause } from 'node:timers/promises';
import { clusterTasks } from '../cluster/cluster-tasks.ts';
import type { RunCommand } from '../cluster/run-command.ts';
import { followJobs } from '../cluster/slurm.ts';
import { type ClusterRequest, type ClusterWork, firstFailure } from '../contract/cluster.ts';
import { taskText } from '../words/cluster.ts';
import { DoneParts } from '../jobs/work-folder.ts';

/**
 * Polling interval at the start, local and over ssh (where each question opens a connection). It grows with time, since
 * many clients ask one controller.
 */
const ASK_EVERY_MS = 1_000;
const ASK_HOST_EVERY_MS = 5_000;
const ASK_AT_LEAST_EVERY_MS = 10_000;
/** The polling interval grows to this share of the time waited so far. */
const LATE_BY = 1 / 30;

export const askAgainAfterMs = (waitedMs: number, { host }: Pick<ClusterRequest, 'host'>): number =>
  Math.max(host === null ? ASK_EVERY_MS : ASK_HOST_EVERY_MS, Math.min(ASK_AT_LEAST_EVERY_MS, waitedMs * LATE_BY));
/** Number of polls after which elapsed times are announced although nothing else has changed. */
const TICK_EVERY = 3;

const withoutTime = (work: ClusterWork): string =>
  JSON.stringify({ ...work, tasks: work.tasks.map((task) => ({ ...task, elapsedMs: null })) });

/**
 * Follows a submission until its jobs have ended and announces changes. Returns how it ended: done if the run on disk
 * is done, else failed with the task, its node, its exit and its log.
 */
export const followClusterWork = async (
  submitted: ClusterWork,
  {
    command,
    runFolder,
    isRunDone,
    changed,
    ticked,
    signal,
  }: {
    readonly command: RunCommand;
    readonly runFolder: string;
    readonly isRunDone: () => Promise<boolean>;
    readonly changed: (work: ClusterWork) => Promise<void>;
    /** Called now and then when only the elapsed time has changed. */
    readonly ticked: (work: ClusterWork) => void;
    readonly signal: AbortSignal;
  },
): Promise<ClusterWork> => {
  const { request } = submitted;
  const parts = new DoneParts(runFolder);
  let work = submitted;
  let looks = 0;
  let waitedMs = 0;
  await followJobs(command, submitted, {
    signal,
    seen: async (tasks) => {
      const { done, byTask } = await parts.look();
      const next: ClusterWork =
        tasks === null
          ? { ...work, away: true }
          : {
              ...work,
              away: false,
              tasks: [...clusterTasks(tasks, request, byTask)],
              parts: { done, of: work.parts.of },
            };
      const isNew = withoutTime(next) !== withoutTime(work);
      work = next;
      looks += 1;
      if (isNew) await changed(work);
      else if (looks % TICK_EVERY === 0) ticked(work);
    },
    pause: async () => {
      const pauseMs = askAgainAfterMs(waitedMs, request);
      waitedMs += pauseMs;
      await pause(pauseMs, undefined, { signal });
    },
  });
  const failed = firstFailure(work.tasks);
  if (failed !== undefined) return { ...work, state: 'failed', error: taskText(failed) };
  if (await isRunDone()) return { ...work, state: 'done' };
  const jobs = `${work.array} and ${work.join}`;
  return { ...work, state: 'failed', error: `Slurm no longer knows the jobs ${jobs}, and the run is not done` };
};
