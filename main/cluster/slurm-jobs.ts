import { isActive } from '../contract/cluster.ts';
import { fail, refuse, serialiseError, WorkbenchError } from '../contract/errors.ts';
import type { RunCommand } from './run-command.ts';
import { readJobLines, readQueue, type SlurmTask } from './slurm-state.ts';

/** The array that works on a run, and the job that joins its steps. */
export interface SubmittedJobs {
  /** Name of both jobs: the run's name. */
  readonly run: string;
  readonly array: number;
  readonly join: number;
}

const jobNumber = (text: string): number => {
  const number = Number(/^(\d+)/.exec(text.trim())?.[1]);
  if (!Number.isInteger(number))
    throw fail('cluster-answer', `sbatch answered "${text.trim()}".`, 'Look at the cluster.');
  return number;
};

/** Escapes a folder for sbatch's file name patterns. */
const inPattern = (folder: string): string => folder.replaceAll('%', '%%');

/**
 * Submits a script's array, and a job that joins the steps once every task of the array succeeded: both under `name`,
 * or neither.
 *
 * @throws WorkbenchError of the command, and `cluster-array-left` where the array stays though no job joins it.
 */
export const submitJobs = async (
  run: RunCommand,
  name: string,
  script: string,
  logFolder: string,
  workers: number,
): Promise<Pick<SubmittedJobs, 'array' | 'join'>> => {
  // A variable of the environment (SBATCH_JOB_NAME) would override the name in the script.
  const named = `--job-name=${name}`;
  const array = jobNumber(
    await run('sbatch', [
      '--parsable',
      named,
      `--array=1-${workers}`,
      `--output=${inPattern(logFolder)}/worker-%A-%a.log`,
      script,
      'work',
    ]),
  );
  const joining = [
    '--parsable',
    named,
    `--dependency=afterok:${array}`,
    '--kill-on-invalid-dep=yes',
    `--output=${inPattern(logFolder)}/join-%j.log`,
    script,
    'join',
  ];
  try {
    return { array, join: jobNumber(await run('sbatch', joining)) };
  } catch (error) {
    await withdrawArray(run, array, error);
    throw error;
  }
};

/** Cancels an array that no job joins. */
const withdrawArray = async (run: RunCommand, array: number, refused: unknown): Promise<void> => {
  try {
    await run('scancel', [String(array)]);
  } catch (error) {
    throw fail(
      'cluster-array-left',
      `The joining job was not submitted (${serialiseError(refused).message}), and the array could not be cancelled ` +
        `(${serialiseError(error).message}).`,
      `Cancel it by hand: scancel ${array}`,
      refused,
    );
  }
};

const isUnknown = (error: unknown): boolean => error instanceof WorkbenchError && /invalid job id/i.test(error.message);

/**
 * Cancels both jobs independently: one that Slurm has forgotten has ended, and must not keep the other alive. Slurm
 * reuses job numbers: a job with another name is not ours.
 *
 * @throws WorkbenchError refused: `another-job` where both have other names; and of the command.
 */
export const cancelJobs = async (run: RunCommand, { run: name, array, join }: SubmittedJobs): Promise<void> => {
  const found = await tasksOfNumbers(run, { array, join });
  const others = found.filter((task) => task.name !== name);
  const [other] = others;
  if (other !== undefined && others.length === found.length)
    throw refuse(
      'another-job',
      `Job ${other.array ?? other.job} is called ${other.name ?? '(nothing)'}, not ${name}: Slurm has ` +
        'reused the number for another job.',
      'Nothing was cancelled. Look at the queue (squeue), and cancel your own jobs by hand.',
    );
  for (const job of [join, array]) {
    const tasks = found.filter((task) => (task.array ?? task.job) === job);
    if (tasks.length === 0 || tasks.some((task) => others.includes(task))) continue;
    try {
      await run('scancel', [String(job)]);
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }
};

/** Whether squeue cannot print JSON: Slurm before 21.08, or built without it. */
const hasNoJson = (error: unknown): boolean =>
  error instanceof WorkbenchError && /json|unrecognized option/i.test(error.message);

const nameOf = ({ array, job, task }: SlurmTask): string => `${array ?? job} ${String(task ?? '')}`;

/** Reads all known jobs with these numbers, whatever their names. */
const tasksOfNumbers = async (
  run: RunCommand,
  { array, join }: Pick<SubmittedJobs, 'array' | 'join'>,
  signal?: AbortSignal,
): Promise<readonly SlurmTask[]> => {
  const found = new Map<string, SlurmTask>();
  const ask = async (read: () => Promise<readonly SlurmTask[]>): Promise<void> => {
    try {
      for (const task of await read()) {
        if (![array, join].includes(task.array ?? task.job)) continue;
        const elapsedMs = task.elapsedMs ?? found.get(nameOf(task))?.elapsedMs ?? null;
        found.set(nameOf(task), { ...task, elapsedMs });
      }
    } catch (error) {
      if (!isUnknown(error) && !hasNoJson(error)) throw error;
    }
  };
  for (const job of [array, join])
    await ask(async () => readJobLines(await run('scontrol', ['show', 'job', '-o', String(job)], signal)));
  await ask(async () => readQueue(await run('squeue', ['--json', `--jobs=${array},${join}`], signal)));
  return [...found.values()];
};

/**
 * Reads both jobs' tasks: ended ones from scontrol, queued ones from squeue too, which without JSON adds nothing to
 * scontrol's report. Before Slurm 23.02, squeue's JSON lists the jobs of all users. A job with another name has a
 * reused number.
 */
export const readTasks = async (
  run: RunCommand,
  jobs: SubmittedJobs,
  signal?: AbortSignal,
): Promise<readonly SlurmTask[]> => (await tasksOfNumbers(run, jobs, signal)).filter(({ name }) => name === jobs.run);

/** Whether the controller, or the ssh host in front of it, is down or restarting: jobs go on meanwhile. */
const isUnreachable = (error: unknown): boolean =>
  error instanceof WorkbenchError && (error.code === 'cluster-unreachable' || UNREACHABLE.test(error.message));
const UNREACHABLE =
  /unable to contact|connection refused|timed out|unexpected message|zero bytes|communication|standby/i;

/** Tasks of both jobs at one poll; null: the controller did not answer. */
export type SeenTasks = readonly SlurmTask[] | null;

/**
 * Polls both jobs until no task waits or runs, or until it is asked to stop. Ended tasks are kept after Slurm has
 * forgotten them. A failed poll after a successful one says nothing about the jobs: polling goes on.
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
    /** Waits until the next poll. */
    readonly pause: () => Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<readonly SlurmTask[]> => {
  const ended = new Map<string, SlurmTask>();
  let hasAnswered = false;
  for (;;) {
    let tasks: SeenTasks = null;
    try {
      const fresh = await readTasks(run, jobs, signal);
      // A task that is requeued is no longer an ended one.
      for (const task of fresh) {
        if (isActive(task)) ended.delete(nameOf(task));
        else ended.set(nameOf(task), task);
      }
      tasks = [...ended.values(), ...fresh.filter(isActive)];
      hasAnswered = true;
    } catch (error) {
      const isOfCommand = error instanceof WorkbenchError && error.code === 'cluster-command-failed';
      if (!isUnreachable(error) && !(hasAnswered && isOfCommand)) throw error;
    }
    signal.throwIfAborted();
    await seen(tasks);
    if (tasks !== null && !tasks.some(isActive)) return tasks;
    await pause();
    signal.throwIfAborted();
  }
};
