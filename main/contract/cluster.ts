import { z } from 'zod';
import { settingTexts } from './setting.ts';

/** A word of sbatch's options; a line break or a space would begin another option. */
const word = z.string().regex(/^[^\s'"\\]{1,200}$/, 'must be one word');
/** A name that ssh takes for a host and for nothing else: what begins with a dash is an option of ssh. */
const hostName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,254}$/, 'must be a host, as your ssh knows it');
const line = z.string().regex(/^[^\r\n\0]{1,4000}$/, 'must be one line');

const oneWord = { range: 'one word' } as const;

/** What a user asks of a Slurm cluster: most fields are options of sbatch, passed on as they are. */
export const clusterRequest = z.object({
  partition: word.nullable().default(null).register(settingTexts, {
    label: 'Partition',
    flag: 'partition',
    value: 'P',
    help: 'Partition of the cluster (sbatch --partition).',
    otherwise: "the cluster's own",
    hint: 'default',
    ...oneWord,
  }),
  workers: z.number().int().min(1).max(10_000).default(1).register(settingTexts, {
    label: 'Workers',
    flag: 'array',
    help: 'Workers: tasks of the array (sbatch --array).',
  }),
  gres: word.nullable().default(null).register(settingTexts, {
    label: 'Resources',
    flag: 'gres',
    value: 'G',
    help: 'Generic resources of each worker (sbatch --gres), for example gpu:a100:1.',
    hint: 'gpu:a100:1',
    ...oneWord,
  }),
  constraint: word.nullable().default(null).register(settingTexts, {
    label: 'Constraint',
    flag: 'constraint',
    value: 'F',
    help: 'Features that nodes must have (sbatch --constraint).',
    hint: 'none',
    ...oneWord,
  }),
  processors: z.number().int().min(1).nullable().default(null).register(settingTexts, {
    label: 'Processors',
    flag: 'cpus',
    help: 'Processors of each worker, and threads of its runtime (sbatch --cpus-per-task).',
    otherwise: 'what the cluster gives',
    hint: 'default',
  }),
  memory: word.nullable().default(null).register(settingTexts, {
    label: 'Memory',
    flag: 'mem',
    value: 'M',
    help: 'Memory of each worker (sbatch --mem), for example 64G.',
    otherwise: 'what the cluster gives',
    hint: '64G',
    ...oneWord,
  }),
  time: word.nullable().default(null).register(settingTexts, {
    label: 'Time limit',
    flag: 'time',
    value: 'T',
    help: 'Limit on the time of each worker (sbatch --time), for example 04:00:00.',
    otherwise: "the partition's own",
    hint: '04:00:00',
    ...oneWord,
  }),
  host: hostName.nullable().default(null).register(settingTexts, {
    label: 'Over ssh to',
    flag: 'host',
    value: 'HOST',
    help: 'Submit over your own ssh to this machine of the cluster.',
    otherwise: 'this machine',
    hint: 'this machine',
    range: 'a host, as your ssh knows it',
  }),
  setup: z.array(line).default([]).register(settingTexts, {
    label: 'Setup, a shell line each',
    flag: 'setup',
    value: 'LINE',
    help: 'Shell line that runs before the work, for example "module load nodejs"; may be repeated.',
    otherwise: 'none',
    hint: 'module load nodejs',
    range: 'one line',
    control: 'lines',
  }),
  command: line.nullable().default(null).register(settingTexts, {
    label: 'How uncurl starts on a node',
    flag: 'command',
    value: 'WORDS',
    help: 'Shell words that start uncurl on a node, for example "node /shared/uncurl/main/cli/uncurl.ts".',
    otherwise: 'as here',
    hint: 'as here',
    range: 'one line',
  }),
});
export type ClusterRequest = z.infer<typeof clusterRequest>;

/** One task of the array, or the joining job (`task` null). */
export const clusterTask = z.object({
  task: z.number().nullable(),
  /** PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL and others; UNKNOWN before Slurm told of it. */
  state: z.string(),
  reason: z.string().nullable(),
  node: z.string().nullable(),
  /** Null before it has ended. */
  exitCode: z.number().nullable(),
  /** Signal that ended it; null where none did. */
  signal: z.number().nullable(),
  elapsedMs: z.number().nullable(),
  /** Parts of the sweep that it has done; null of the joining job. */
  parts: z.number().nullable(),
  /** Path of what it printed. */
  log: z.string().nullable(),
});
export type ClusterTask = z.infer<typeof clusterTask>;

/** What a cluster does for a run: the last submission, as it was last seen. */
export const clusterWork = z.object({
  run: z.string(),
  title: z.string(),
  request: clusterRequest,
  /** Numbers of the two jobs. */
  array: z.number(),
  join: z.number(),
  /** Path of the batch script, which the run keeps. */
  script: z.string(),
  submittedAt: z.iso.datetime(),
  /** `unfollowed`: the run's folder tells of it, and no engine of this user has submitted it: nothing is done about it. */
  state: z.enum(['active', 'done', 'failed', 'cancelled', 'unfollowed']),
  /** Why it failed, or is not followed, without a full stop: the task, its node and its end. */
  error: z.string().nullable(),
  /** The controller does not answer at the moment; jobs go on meanwhile. */
  away: z.boolean(),
  tasks: z.array(clusterTask),
  /** Parts of the sweep that are done, of all of them. */
  parts: z.object({ done: z.number(), of: z.number() }),
});
export type ClusterWork = z.infer<typeof clusterWork>;

/** The end of what a task printed. */
export const clusterLog = z.object({ path: z.string(), text: z.string(), isWhole: z.boolean() });
export type ClusterLog = z.infer<typeof clusterLog>;
