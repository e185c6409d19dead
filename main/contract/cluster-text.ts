import type { ClusterTask, ClusterWork } from './cluster.ts';

/** States of Slurm in which a job waits or runs. */
const ACTIVE = new Set([
  ...['PENDING', 'RUNNING', 'SUSPENDED', 'COMPLETING', 'CONFIGURING', 'STOPPED', 'REQUEUED', 'REQUEUE_HOLD'],
  ...['REQUEUE_FED', 'RESIZING', 'SIGNALING', 'SPECIAL_EXIT', 'STAGE_OUT', 'POWER_UP_NODE', 'RESV_DEL_HOLD'],
]);

export const isActive = ({ state }: Pick<ClusterTask, 'state'>): boolean => ACTIVE.has(state);
export const hasFailed = (task: Pick<ClusterTask, 'state'>): boolean => !isActive(task) && task.state !== 'COMPLETED';

/** How a task ended: "exit code 1", "signal 9"; null before. */
export const endText = ({ signal, exitCode }: Pick<ClusterTask, 'signal' | 'exitCode'>): string | null =>
  signal !== null ? `signal ${String(signal)}` : exitCode === null ? null : `exit code ${String(exitCode)}`;

/** "task 2", "joining job". */
export const taskName = ({ task }: Pick<ClusterTask, 'task'>): string =>
  task === null ? 'joining job' : `task ${String(task)}`;

type TaskInWords = Pick<ClusterTask, 'task' | 'node' | 'state' | 'reason' | 'exitCode' | 'signal'>;

/** "task 2 on node03: FAILED, exit code 1 (NonZeroExitCode)". */
export const taskText = (task: TaskInWords): string => {
  const { node, state, reason } = task;
  const onNode = node === null ? '' : ` on ${node}`;
  const end = endText(task);
  const why = reason === null || state === 'RUNNING' || state === 'COMPLETED' ? '' : ` (${reason})`;
  return `${taskName(task)}${onNode}: ${state}${end === null ? '' : `, ${end}`}${why}`;
};

/** The task that made a submission fail: a worker rather than the joining job, which ends because of it. */
export const firstFailure = (tasks: readonly ClusterTask[]): ClusterTask | undefined => {
  const failed = tasks.filter((task) => task.state !== 'UNKNOWN' && hasFailed(task));
  return failed.find(({ task }) => task !== null) ?? failed[0];
};

/** Why a submission failed, with the path of the log to read. */
export const failureText = ({ error, tasks }: Pick<ClusterWork, 'error' | 'tasks'>): string => {
  const log = firstFailure(tasks)?.log ?? null;
  return `${error ?? 'The submission failed'}${log === null ? '' : `; its log: ${log}`}.`;
};
