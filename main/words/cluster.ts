import { type ClusterTask, type ClusterWork, firstFailure } from '../contract/cluster.ts';

/** How a task ended: "exit code 1", "signal 9"; null before. */
export const endText = ({ signal, exitCode }: Pick<ClusterTask, 'signal' | 'exitCode'>): string | null =>
  signal !== null ? `signal ${signal}` : exitCode === null ? null : `exit code ${exitCode}`;

/** "task 2", "joining job". */
export const taskName = ({ task }: Pick<ClusterTask, 'task'>): string =>
  task === null ? 'joining job' : `task ${task}`;

type TaskInWords = Pick<ClusterTask, 'task' | 'node' | 'state' | 'reason' | 'exitCode' | 'signal'>;

/** "task 2 on node03: FAILED, exit code 1 (NonZeroExitCode)". */
export const taskText = (task: TaskInWords): string => {
  const { node, state, reason } = task;
  const onNode = node === null ? '' : ` on ${node}`;
  const end = endText(task);
  const why = reason === null || state === 'RUNNING' || state === 'COMPLETED' ? '' : ` (${reason})`;
  return `${taskName(task)}${onNode}: ${state}${end === null ? '' : `, ${end}`}${why}`;
};

/** Why a submission failed, with the path of the log to read. */
export const failureText = ({ error, tasks }: Pick<ClusterWork, 'error' | 'tasks'>): string => {
  const log = firstFailure(tasks)?.log ?? null;
  return `${error ?? 'The submission failed'}${log === null ? '' : `; its log: ${log}`}.`;
};
