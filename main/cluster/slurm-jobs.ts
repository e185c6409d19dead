import { WorkbenchError } from '../contract/errors.ts';
import type { RunCommand } from './run-command.ts';
import { hasFailed, isActive, readJobLines, readQueue, type SlurmTask, taskText } from './slurm-state.ts';

/** The array that works on a run, and the job that joins its steps. */
export interface SubmittedJobs {
  readonly array: number;
  readonly join: number;
}

const jobNumber = (text: string): number => {
  const number = Number(/^(\d+)/.exec(text.trim())?.[1]);
  if (!Number.isInteger(number))
    throw new WorkbenchError('cluster-answer', 'failed', `sbatch answered "${text.trim()}".`, 'Look at the cluster.');
  return number;
};

/** Submits a script's array and the job that joins what it leaves, if every task of it ends well. */
export const submitJobs = async (
  run: RunCommand,
  script: string,
  logFolder: string,
  workers: number,
): Promise<SubmittedJobs> => {
  const array = jobNumber(
    await run('sbatch', [
      '--parsable',
      `--array=1-${String(workers)}`,
      `--output=${logFolder}/worker-%A-%a.log`,
      script,
      'work',
    ]),
  );
  const join = jobNumber(
    await run('sbatch', [
      '--parsable',
      `--dependency=afterok:${String(array)}`,
      '--kill-on-invalid-dep=yes',
      `--output=${logFolder}/join-%j.log`,
      script,
      'join',
    ]),
  );
  return { array, join };
};

export const cancelJobs = async (run: RunCommand, { array, join }: SubmittedJobs): Promise<void> => {
  await run('scancel', [String(array), String(join)]);
};

const isUnknown = (error: unknown): boolean => error instanceof WorkbenchError && /invalid job id/i.test(error.message);

/** What is known of both jobs: of those in the queue from squeue, of those that ended from scontrol. */
export const readTasks = async (run: RunCommand, { array, join }: SubmittedJobs): Promise<readonly SlurmTask[]> => {
  const found = new Map<string, SlurmTask>();
  const put = (tasks: readonly SlurmTask[]): void => {
    for (const task of tasks) found.set(`${String(task.array ?? task.job)} ${String(task.task ?? '')}`, task);
  };
  for (const job of [array, join]) {
    try {
      put(readJobLines(await run('scontrol', ['show', 'job', '-o', String(job)])));
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }
  try {
    put(readQueue(await run('squeue', ['--json', `--jobs=${String(array)},${String(join)}`])));
  } catch (error) {
    if (!isUnknown(error)) throw error;
  }
  return [...found.values()];
};

/** The controller is gone, or starts again: jobs go on meanwhile. */
const isUnreachable = (error: unknown): boolean =>
  error instanceof WorkbenchError &&
  /unable to contact|connection refused|timed out|unexpected message|zero bytes|communication/i.test(error.message);

/** How often the cluster is asked. */
const ASK_EVERY_MS = 1_000;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));

/**
 * Follows both jobs to their end, saying what changes. Ends with the tasks as they were last seen; an abort cancels the
 * jobs and rejects.
 *
 * @throws WorkbenchError `cluster-task-failed`: names node, exit code and log of the first task that failed.
 */
export const followJobs = async (
  run: RunCommand,
  jobs: SubmittedJobs,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (line: string) => void },
): Promise<readonly SlurmTask[]> => {
  const said = new Map<string, string>();
  let isAway = false;
  for (;;) {
    if (signal.aborted) {
      await cancelJobs(run, jobs);
      signal.throwIfAborted();
    }
    let tasks: readonly SlurmTask[];
    try {
      tasks = await readTasks(run, jobs);
      if (isAway) say('The controller of the cluster answers again.');
      isAway = false;
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      if (!isAway) say('The controller of the cluster does not answer; asking on.');
      isAway = true;
      await pause();
      continue;
    }
    for (const task of tasks) {
      const name = `${String(task.job)} ${String(task.task ?? '')}`;
      if (said.get(name) === task.state) continue;
      said.set(name, task.state);
      if (task.task !== null || task.array === null) say(taskText(task));
    }
    if (tasks.every((task) => !isActive(task))) {
      const workers = tasks.filter(({ array }) => array !== null);
      const failed = workers.find(hasFailed) ?? tasks.find(hasFailed);
      if (failed === undefined) return tasks;
      throw new WorkbenchError(
        'cluster-task-failed',
        'failed',
        `${taskText(failed)}; its log: ${failed.log ?? 'none'}.`,
        'Read the log; submit again to go on: what is finished stays on disk.',
      );
    }
    await pause();
  }
};
