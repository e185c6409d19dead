import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';
import { type ClusterTask, isActive } from '../contract/cluster.ts';

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
