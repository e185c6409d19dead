import { z } from 'zod';

/** One job, or one task of an array, as Slurm tells of it. */
export interface SlurmTask {
  readonly job: number;
  /** Job of the array that it belongs to, and its number there; null of a job by itself. */
  readonly array: number | null;
  readonly task: number | null;
  /** PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL, OUT_OF_MEMORY and others. */
  readonly state: string;
  readonly reason: string | null;
  readonly node: string | null;
  /** Null before it has ended. */
  readonly exitCode: number | null;
  /** Signal that ended it; null where none did. */
  readonly signal: number | null;
  readonly log: string | null;
}

const ACTIVE = new Set([
  ...['PENDING', 'RUNNING', 'SUSPENDED', 'COMPLETING', 'CONFIGURING', 'STOPPED', 'REQUEUED', 'REQUEUE_HOLD'],
  ...['REQUEUE_FED', 'RESIZING', 'SIGNALING', 'SPECIAL_EXIT', 'STAGE_OUT', 'POWER_UP_NODE'],
]);

export const isActive = ({ state }: SlurmTask): boolean => ACTIVE.has(state);
export const hasFailed = (task: SlurmTask): boolean => !isActive(task) && task.state !== 'COMPLETED';

/** Numbers of Slurm's JSON: whether they are set, and what to. */
const optional = z.object({ set: z.boolean(), number: z.number() });
const queue = z.object({
  jobs: z.array(
    z.object({
      job_id: z.number(),
      array_job_id: optional,
      array_task_id: optional,
      job_state: z.union([z.array(z.string()).min(1), z.string()]),
      state_reason: z.string().default(''),
      nodes: z.string().nullish(),
      standard_output: z.string().default(''),
    }),
  ),
});

const named = (text: string | null | undefined): string | null =>
  text === null || text === undefined || ['', '(null)', 'None', 'N/A'].includes(text) ? null : text;

/** Jobs that wait or run, from `squeue --json`. */
export const readQueue = (text: string): readonly SlurmTask[] =>
  queue.parse(JSON.parse(text)).jobs.map(({ job_id, array_job_id, array_task_id, job_state, ...job }) => ({
    job: job_id,
    array: array_job_id.set && array_job_id.number > 0 ? array_job_id.number : null,
    task: array_task_id.set ? array_task_id.number : null,
    state: typeof job_state === 'string' ? job_state : (job_state[0] ?? 'UNKNOWN'),
    reason: named(job.state_reason),
    node: named(job.nodes),
    exitCode: null,
    signal: null,
    log: named(job.standard_output),
  }));

/** Jobs from the lines of `scontrol show job -o`: also those that ended a short while ago. */
export const readJobLines = (text: string): readonly SlurmTask[] =>
  text.split('\n').flatMap((line) => {
    const field = (name: string): string | null => named(new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1]);
    const whole = (name: string): number | null => (/^\d+$/.test(field(name) ?? '') ? Number(field(name)) : null);
    const job = whole('JobId');
    if (job === null) return [];
    const [exitCode, signal] = (field('ExitCode') ?? '').split(':').map(Number);
    const task: SlurmTask = {
      job,
      array: whole('ArrayJobId'),
      task: whole('ArrayTaskId'),
      state: field('JobState') ?? 'UNKNOWN',
      reason: field('Reason'),
      node: field('NodeList'),
      exitCode: exitCode ?? null,
      signal: signal === undefined || signal === 0 ? null : signal,
      log: field('StdOut'),
    };
    return [isActive(task) ? { ...task, exitCode: null, signal: null } : task];
  });

/** "task 2 on node03: FAILED, exit code 1". */
export const taskText = ({ task, node, state, reason, exitCode, signal }: SlurmTask): string => {
  const name = task === null ? 'joining job' : `task ${String(task)}`;
  const place = node === null ? '' : ` on ${node}`;
  const end =
    signal !== null ? `, signal ${String(signal)}` : exitCode === null ? '' : `, exit code ${String(exitCode)}`;
  const why = reason === null || state === 'RUNNING' || state === 'COMPLETED' ? '' : ` (${reason})`;
  return `${name}${place}: ${state}${end}${why}`;
};
