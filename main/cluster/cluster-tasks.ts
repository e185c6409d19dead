import type { ClusterRequest, ClusterTask } from '../contract/cluster.ts';
import type { SlurmTask } from './slurm.ts';

/** Before Slurm has reported a task, and after it has forgotten it. */
const UNKNOWN = 'UNKNOWN';

const blank = (task: number | null): ClusterTask => ({
  task,
  state: UNKNOWN,
  reason: null,
  node: null,
  exitCode: null,
  signal: null,
  elapsedMs: null,
  parts: task === null ? null : 0,
  log: null,
});

/**
 * Every task of the array by its number, then the joining job. Slurm reports all waiting tasks as one entry, the array
 * itself: each of them is listed as waiting. `parts`: number of parts that each task has finished.
 */
export const clusterTasks = (
  seen: readonly SlurmTask[],
  { workers }: Pick<ClusterRequest, 'workers'>,
  parts: ReadonlyMap<number, number>,
): readonly ClusterTask[] => {
  const taskOf = (number: number | null, found: SlurmTask | undefined): ClusterTask => {
    if (found === undefined) return blank(number);
    const { state, reason, node, exitCode, signal, elapsedMs, log } = found;
    // A task that has not begun has no end and no log yet: the log path of waiting tasks contains a pattern instead of
    // their numbers.
    const hasBegun = found.task === number && node !== null;
    return {
      task: number,
      state,
      reason,
      node,
      exitCode: hasBegun ? exitCode : null,
      signal: hasBegun ? signal : null,
      elapsedMs: hasBegun ? elapsedMs : null,
      parts: number === null ? null : (parts.get(number) ?? 0),
      log: hasBegun ? log : null,
    };
  };
  const ofArray = seen.filter(({ array }) => array !== null);
  const waiting = ofArray.find(({ task }) => task === null);
  const numbers = Array.from({ length: workers }, (_, index) => index + 1);
  return [
    ...numbers.map((number) => taskOf(number, ofArray.find(({ task }) => task === number) ?? waiting)),
    taskOf(
      null,
      seen.find(({ array }) => array === null),
    ),
  ];
};
