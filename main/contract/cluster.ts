import { z } from 'zod';

/** A word of sbatch's options; a line break or a space would begin another option. */
const word = z.string().regex(/^[^\s'"\\]{1,200}$/, 'must be one word');
/** A name that ssh takes for a host and for nothing else: what begins with a dash is an option of ssh. */
const hostName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,254}$/, 'must be a host, as your ssh knows it');
const line = z.string().regex(/^[^\r\n\0]{1,4000}$/, 'must be one line');

/** What a user asks of a Slurm cluster: most fields are options of sbatch, passed on as they are. */
export const clusterRequest = z.object({
  partition: word.nullable().default(null),
  /** Generic resources, for example `gpu:a100:1`. */
  gres: word.nullable().default(null),
  /** Features that nodes must have. */
  constraint: word.nullable().default(null),
  /** Workers: tasks of the array. */
  workers: z.number().int().min(1).max(10_000).default(1),
  /** Limit on the time of one worker, as Slurm writes it. */
  time: word.nullable().default(null),
  /** Processors of one worker; null: what the cluster gives. */
  processors: z.number().int().min(1).nullable().default(null),
  memory: word.nullable().default(null),
  /** Shell lines that run before the work, for example `module load nodejs`. */
  setup: z.array(line).default([]),
  /** Machine of the cluster that is reached by the user's own ssh; null: this one. */
  host: hostName.nullable().default(null),
  /** Shell words that start the command line on a node; null: those that started this engine's. */
  command: line.nullable().default(null),
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
