import { z } from 'zod';
import { boundedList, boundedText, moment } from './bounds.ts';
import { setting } from './setting.ts';

/** A value of an sbatch option; a line break or a space would begin another option. */
const word = z.string().regex(/^[^\s'"\\]{1,200}$/, 'must be one word');
/** A name that ssh takes as a host only; a leading dash would make it an option of ssh. */
const hostName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,254}$/, 'must be a host, as your ssh knows it');
const line = z.string().regex(/^[^\r\n\0]{1,4000}$/, 'must be one line');

const oneWord = { range: 'one word' } as const;

/** Resources to request from a Slurm cluster: most fields are options of sbatch, passed on unchanged. */
export const clusterRequest = z.object({
  partition: setting(word.nullable().default(null), {
    label: 'Partition',
    flag: 'partition',
    value: 'P',
    help: 'Partition of the cluster (sbatch --partition).',
    otherwise: "the cluster's own",
    hint: 'default',
    ...oneWord,
  }),
  workers: setting(z.number().int().min(1).max(10_000).default(1), {
    label: 'Workers',
    flag: 'array',
    help: 'Workers: tasks of the array (sbatch --array).',
  }),
  gres: setting(word.nullable().default(null), {
    label: 'Resources',
    flag: 'gres',
    value: 'G',
    help: 'Generic resources of each worker (sbatch --gres), for example gpu:a100:1.',
    hint: 'gpu:a100:1',
    ...oneWord,
  }),
  constraint: setting(word.nullable().default(null), {
    label: 'Constraint',
    flag: 'constraint',
    value: 'F',
    help: 'Required features of the nodes (sbatch --constraint).',
    hint: 'none',
    ...oneWord,
  }),
  processors: setting(z.number().int().min(1).nullable().default(null), {
    label: 'Processors',
    flag: 'cpus',
    help: 'Processors of each worker, and threads of its runtime (sbatch --cpus-per-task).',
    otherwise: 'what the cluster gives',
    hint: 'default',
  }),
  memory: setting(word.nullable().default(null), {
    label: 'Memory',
    flag: 'mem',
    value: 'M',
    help: 'Memory of each worker (sbatch --mem), for example 64G.',
    otherwise: 'what the cluster gives',
    hint: '64G',
    ...oneWord,
  }),
  time: setting(word.nullable().default(null), {
    label: 'Time limit',
    flag: 'time',
    value: 'T',
    help: 'Limit on the time of each worker (sbatch --time), for example 04:00:00.',
    otherwise: "the partition's own",
    hint: '04:00:00',
    ...oneWord,
  }),
  host: setting(hostName.nullable().default(null), {
    label: 'Over ssh to',
    flag: 'host',
    value: 'HOST',
    help: 'Submit over your own ssh to this machine of the cluster.',
    otherwise: 'this machine',
    hint: 'this machine',
    range: 'a host, as your ssh knows it',
  }),
  setup: setting(boundedList(line).default([]), {
    label: 'Setup, one shell command per line',
    flag: 'setup',
    value: 'LINE',
    help: 'Shell line that runs before the work, for example "module load nodejs"; may be repeated.',
    otherwise: 'none',
    hint: 'module load nodejs',
    range: 'one line',
    control: 'lines',
  }),
  command: setting(line.nullable().default(null), {
    label: 'Command that starts uncurl on a node',
    flag: 'command',
    value: 'WORDS',
    help: 'Shell words that start uncurl on a node, for example "node /shared/uncurl/main/cli/uncurl.ts".',
    otherwise: 'same as here',
    hint: 'same as here',
    range: 'one line',
  }),
});
export type ClusterRequest = z.infer<typeof clusterRequest>;

/** One task of the array, or the joining job (`task` null). */
export const clusterTask = z.object({
  task: z.number().nullable(),
  /**
   * PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL, OUT_OF_MEMORY and others; UNKNOWN until Slurm
   * reports one.
   */
  state: boundedText,
  reason: boundedText.nullable(),
  node: boundedText.nullable(),
  /** Null before it has ended. */
  exitCode: z.number().nullable(),
  /** Signal that ended it; null where none did. */
  signal: z.number().nullable(),
  /** Since its start; null before it, and where Slurm did not report it. */
  elapsedMs: z.number().nullable(),
  /** Parts of the sweep that it has done; null for the joining job. */
  parts: z.number().nullable(),
  /** Path of its output. */
  log: boundedText.nullable(),
});
export type ClusterTask = z.infer<typeof clusterTask>;

/** A run's last submission to a cluster, in its last known state. */
export const clusterWork = z.object({
  run: boundedText,
  title: boundedText,
  request: clusterRequest,
  /** Ids of the two jobs. */
  array: z.number(),
  join: z.number(),
  /** Path of the batch script, stored in the run. */
  script: boundedText,
  submittedAt: moment,
  /** `unfollowed`: recorded in the run's folder, but not submitted by an engine of this user, so left alone. */
  state: z.enum(['active', 'done', 'failed', 'cancelled', 'unfollowed']),
  /** Why it failed, or is not followed, without a full stop: the task, its node and its end. */
  error: boundedText.nullable(),
  /** The controller does not answer at the moment; jobs continue. */
  away: z.boolean(),
  tasks: boundedList(clusterTask),
  /** Parts of the sweep that are done, of all of them. */
  parts: z.object({ done: z.number(), of: z.number() }),
});
export type ClusterWork = z.infer<typeof clusterWork>;

/** The last part of a task's output. */
export const clusterLog = z.object({ path: boundedText, text: boundedText, isWhole: z.boolean() });
export type ClusterLog = z.infer<typeof clusterLog>;

/** States of Slurm in which a job waits or runs. */
const ACTIVE = new Set([
  ...['PENDING', 'RUNNING', 'SUSPENDED', 'COMPLETING', 'CONFIGURING', 'STOPPED', 'REQUEUED', 'REQUEUE_HOLD'],
  ...['REQUEUE_FED', 'RESIZING', 'SIGNALING', 'SPECIAL_EXIT', 'STAGE_OUT', 'POWER_UP_NODE', 'RESV_DEL_HOLD'],
]);

export const isActive = ({ state }: Pick<ClusterTask, 'state'>): boolean => ACTIVE.has(state);

export const hasFailed = (task: Pick<ClusterTask, 'state'>): boolean => !isActive(task) && task.state !== 'COMPLETED';

/** The task that made a submission fail: a worker rather than the joining job, which ends because of it. */
export const firstFailure = (tasks: readonly ClusterTask[]): ClusterTask | undefined => {
  const failed = tasks.filter((task) => task.state !== 'UNKNOWN' && hasFailed(task));
  return failed.find(({ task }) => task !== null) ?? failed[0];
};
