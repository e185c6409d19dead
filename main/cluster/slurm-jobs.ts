import { isActive } from '../contract/cluster-text.ts';
import { WorkbenchError } from '../contract/errors.ts';
import type { RunCommand } from './run-command.ts';
import { readJobLines, readQueue, type SlurmTask } from './slurm-state.ts';

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
  try {
    const join = await run('sbatch', [
      '--parsable',
      `--dependency=afterok:${String(array)}`,
      '--kill-on-invalid-dep=yes',
      `--output=${logFolder}/join-%j.log`,
      script,
      'join',
    ]);
    return { array, join: jobNumber(join) };
  } catch (error) {
    // Its tasks would compute for a run that nobody follows.
    await run('scancel', [String(array)]);
    throw error;
  }
};

export const cancelJobs = async (run: RunCommand, { array, join }: SubmittedJobs): Promise<void> => {
  await run('scancel', [String(array), String(join)]);
};

const isUnknown = (error: unknown): boolean => error instanceof WorkbenchError && /invalid job id/i.test(error.message);

const nameOf = ({ array, job, task }: SlurmTask): string => `${String(array ?? job)} ${String(task ?? '')}`;

/** What is known of both jobs: of those in the queue from squeue, of those that ended from scontrol. */
export const readTasks = async (
  run: RunCommand,
  { array, join }: SubmittedJobs,
  signal?: AbortSignal,
): Promise<readonly SlurmTask[]> => {
  const found = new Map<string, SlurmTask>();
  const ask = async (read: () => Promise<readonly SlurmTask[]>): Promise<void> => {
    try {
      for (const task of await read()) {
        const elapsedMs = task.elapsedMs ?? found.get(nameOf(task))?.elapsedMs ?? null;
        found.set(nameOf(task), { ...task, elapsedMs });
      }
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  };
  for (const job of [array, join])
    await ask(async () => readJobLines(await run('scontrol', ['show', 'job', '-o', String(job)], signal)));
  await ask(async () => readQueue(await run('squeue', ['--json', `--jobs=${String(array)},${String(join)}`], signal)));
  return [...found.values()];
};

/** The controller is gone, or starts again: jobs go on meanwhile. */
const isUnreachable = (error: unknown): boolean =>
  error instanceof WorkbenchError &&
  /unable to contact|connection refused|timed out|unexpected message|zero bytes|communication/i.test(error.message);

/** What was seen of both jobs at one look; null: the controller did not answer. */
export type SeenTasks = readonly SlurmTask[] | null;

/**
 * Looks at both jobs until nothing of them waits or runs, or until it is told to stop. Tasks that ended stay in what is
 * seen when Slurm has forgotten them.
 */
export const followJobs = async (
  run: RunCommand,
  jobs: SubmittedJobs,
  {
    seen,
    pause,
    signal,
  }: {
    readonly seen: (tasks: SeenTasks) => Promise<void>;
    /** Waits until the next look. */
    readonly pause: () => Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<readonly SlurmTask[]> => {
  const ended = new Map<string, SlurmTask>();
  for (;;) {
    let tasks: SeenTasks = null;
    try {
      const fresh = await readTasks(run, jobs, signal);
      // A task that is put into the queue anew is one that ended no longer.
      for (const task of fresh) {
        if (isActive(task)) ended.delete(nameOf(task));
        else ended.set(nameOf(task), task);
      }
      tasks = [...ended.values(), ...fresh.filter(isActive)];
    } catch (error) {
      if (!isUnreachable(error)) throw error;
    }
    signal.throwIfAborted();
    await seen(tasks);
    if (tasks !== null && !tasks.some(isActive)) return tasks;
    await pause();
    signal.throwIfAborted();
  }
};
