import { z } from 'zod';
import { type ClusterRequest, type ClusterTask, isActive } from '../contract/cluster.ts';
import { fail, refuse, serialiseError, WorkbenchError } from '../contract/errors.ts';
import type { RunCommand } from './run-command.ts';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { shellWord } from '../words/equivalent-command.ts';

const directive = (name: string, value: string | number | null): string[] =>
  value === null ? [] : [`#SBATCH --${name}=${String(value)}`];

/** Bytes of each unit as sbatch counts it; megabytes without a unit. */
const MEMORY_UNITS: Readonly<Record<string, number>> = { '': 2 ** 20, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Gigabytes available for weights: `share` of a job's memory (`64G`); null where no size is named. A node has more
 * memory than the job may use, and only the script knows the job's limit.
 */
const weightGigabytes = (memory: string | null, share: number): string | null => {
  const [, number = '0', unit = ''] = /^(\d+)([KMGT]?)$/i.exec(memory ?? '') ?? [];
  const bytes = Number(number) * (MEMORY_UNITS[unit.toUpperCase()] ?? 0);
  return bytes === 0 ? null : String(Number(((bytes * share) / 1e9).toPrecision(3)));
};

/** Input of a batch script. */
interface ScriptOrder {
  readonly run: string;
  readonly workspace: string;
  /** Shell words that start the command line on a node. */
  readonly uncurl: string;
  /** Approval code of the run's manifest (run-binding.ts): a node may lack the user's key. */
  readonly code: string;
  /** Share of a job's memory that weights may take. */
  readonly memoryShare: number;
}

/**
 * The batch script of a run, readable for people too: `work` computes steps (one task of the array each), `join` then
 * assembles the run from them. Unset variables are not an error: scripts that systems load for `module` and the like
 * read some.
 */
export const slurmScript = (
  { run, workspace, uncurl, code, memoryShare }: ScriptOrder,
  { partition, gres, constraint, time, processors, memory, setup }: ClusterRequest,
): string => {
  const threads = processors === null ? [] : ['--threads', String(processors)];
  const gigabytes = weightGigabytes(memory, memoryShare);
  const weights = gigabytes === null ? [] : ['--memory', gigabytes];
  const rest = ['--workspace', workspace, '--confirm', code, ...threads, ...weights].map(shellWord).join(' ');
  return [
    '#!/bin/bash',
    `# Works on the sweep ${run}: "work" fills its steps, one task of the array each; "join" makes the run of them.`,
    `#SBATCH --job-name=${run}`,
    ...directive('partition', partition),
    ...directive('gres', gres),
    ...directive('constraint', constraint),
    ...directive('time', time),
    ...directive('cpus-per-task', processors),
    ...directive('mem', memory),
    'set -eo pipefail',
    ...setup,
    'case "$1" in',
    `  work) exec ${uncurl} work ${run} --until-empty ${rest} ;;`,
    `  join) exec ${uncurl} resume ${run} ${rest} ;;`,
    'esac',
    '',
  ].join('\n');
};

/** One job, or one task of an array, as reported by Slurm. */
export interface SlurmTask extends Readonly<Omit<ClusterTask, 'parts'>> {
  readonly job: number;
  /** The job's name; null where Slurm did not report it. */
  readonly name: string | null;
  /** The job of its array; null for a single job. */
  readonly array: number | null;
}

/** Numbers in Slurm's JSON: whether they are set, and their value; before Slurm 23.02 the number itself, or null. */
const optional = z.union([
  z.object({ set: z.boolean(), number: z.number() }),
  z
    .number()
    .nullable()
    .transform((number) => ({ set: number !== null, number: number ?? 0 })),
]);
const queue = z.object({
  jobs: boundedList(
    z.object({
      job_id: z.number(),
      name: boundedText.nullish(),
      array_job_id: optional,
      array_task_id: optional,
      job_state: z.union([boundedList(boundedText).min(1), boundedText]),
      state_reason: boundedText.default(''),
      nodes: boundedText.nullish(),
      standard_output: boundedText.default(''),
    }),
  ),
});

const named = (text: string | null | undefined): string | null =>
  text === null || text === undefined || ['', '(null)', 'None', 'N/A'].includes(text) ? null : text;

/** The state without its flags. A completing job has not ended; scontrol reports how it ends. */
const stateOf = (reported: string | readonly string[]): string => {
  const states = typeof reported === 'string' ? [reported] : reported;
  return states.includes('COMPLETING') ? 'COMPLETING' : (states[0] ?? 'UNKNOWN');
};

/** Parses waiting and running jobs from `squeue --json`. */
export const readQueue = (text: string): readonly SlurmTask[] =>
  queue.parse(JSON.parse(text)).jobs.map(({ job_id, name, array_job_id, array_task_id, job_state, ...job }) => ({
    job: job_id,
    name: named(name),
    array: array_job_id.set && array_job_id.number > 0 ? array_job_id.number : null,
    task: array_task_id.set ? array_task_id.number : null,
    state: stateOf(job_state),
    reason: named(job.state_reason),
    node: named(job.nodes),
    exitCode: null,
    signal: null,
    elapsedMs: null,
    log: named(job.standard_output),
  }));

/** Parses a time of scontrol, `[days-]hours:minutes:seconds`, as milliseconds. */
const durationMs = (text: string | null): number | null => {
  const match = /^(?:(\d+)-)?(\d+):(\d+):(\d+)$/.exec(text ?? '');
  if (match === null) return null;
  const [days, hours, minutes, seconds] = [match[1], match[2], match[3], match[4]].map((part) => Number(part ?? 0));
  return ((((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
};

/** Parses the lines of `scontrol show job -o`, which also lists recently ended jobs. */
export const readJobLines = (text: string): readonly SlurmTask[] =>
  text.split('\n').flatMap((line) => {
    const field = (name: string): string | null => named(new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1]);
    const whole = (name: string): number | null => (/^\d+$/.test(field(name) ?? '') ? Number(field(name)) : null);
    const job = whole('JobId');
    if (job === null) return [];
    // The log path may contain spaces: it ends where the next field begins.
    const log = named(/(?:^| )StdOut=(.*?)(?= [A-Za-z]\w*=| *$)/.exec(line)?.[1]);
    const [exitCode, signal] = (field('ExitCode') ?? '').split(':').map(Number);
    const task: SlurmTask = {
      job,
      name: field('JobName'),
      array: whole('ArrayJobId'),
      task: whole('ArrayTaskId'),
      state: field('JobState') ?? 'UNKNOWN',
      reason: field('Reason'),
      node: field('NodeList'),
      exitCode: exitCode ?? null,
      signal: signal === undefined || signal === 0 ? null : signal,
      elapsedMs: durationMs(field('RunTime')),
      log,
    };
    return [isActive(task) ? { ...task, exitCode: null, signal: null } : task];
  });

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

/** The properties of a node that may affect numbers. */
interface SlurmNode {
  readonly name: string;
  readonly features: string;
  /** Generic resources without their counts: `gpu:a100`. */
  readonly resources: string;
}

const withoutCounts = (resources: string): string =>
  resources
    .replaceAll(/\([^)]*\)/g, '')
    .split(',')
    .map((entry) => entry.replace(/:\d+$/, ''))
    .sort()
    .join(',');

/**
 * Parses the lines of `sinfo -h -N -o '%N|%f|%G|%P'`; a node of several partitions appears once. `partition` null:
 * nodes of the default partition, which a star marks.
 */
export const readNodes = (text: string, partition: string | null): readonly SlurmNode[] => {
  const nodes = text
    .split('\n')
    .filter((line) => line !== '' && (partition !== null || line.trimEnd().endsWith('*')))
    .map((line) => {
      const [name = '', features = '', resources = ''] = line.split('|').map((part) => part.trim());
      return { name, features: features === '(null)' ? '' : features, resources: withoutCounts(resources) };
    });
  return nodes.filter(({ name }, index) => nodes.findIndex((other) => other.name === name) === index);
};

/**
 * Refuses an array whose tasks could run on different hardware: all numbers of a run must come from one kind of node. A
 * named constraint, or a named type of GPU, selects one kind.
 *
 * @throws WorkbenchError `mixed-hardware`.
 */
export const requireOneKind = (nodes: readonly SlurmNode[], { gres, constraint }: ClusterRequest): void => {
  if (constraint !== null) return;
  const wanted = gres === null ? [] : withoutCounts(gres).split(',');
  const isTyped = wanted.some((entry) => entry.includes(':'));
  const able = nodes.filter(({ resources }) =>
    wanted.every((entry) =>
      resources.split(',').some((offered) => offered === entry || offered.startsWith(`${entry}:`)),
    ),
  );
  const kinds = new Map<string, string[]>();
  for (const { name, features, resources } of able) {
    const kind = isTyped ? features : `${features} ${resources === '(null)' ? '' : resources}`.trim();
    kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  }
  if (kinds.size <= 1) return;
  const listed = [...kinds].map(([kind, names]) => `${names.join(', ')} (${kind === '' ? 'nothing named' : kind})`);
  throw refuse(
    'mixed-hardware',
    `The array could run on different hardware: ${listed.join('; ')}.`,
    'Name one kind: --constraint FEATURE, --gres gpu:TYPE:1, or a partition of equal nodes.',
  );
};

export const nodesOf = async (run: RunCommand, partition: string | null): Promise<readonly SlurmNode[]> =>
  readNodes(
    await run('sinfo', ['-h', '-N', ...(partition === null ? [] : ['-p', partition]), '-o', '%N|%f|%G|%P']),
    partition,
  );
