import { z } from 'zod';

/** A value of an sbatch option; a line break or a space would begin another option. */
const word = z.string().regex(/^[^\s'"\\]{1,200}$/, 'must be one word');
/** A name that ssh takes as a host only; a leading dash would make it an option of ssh. */
const hostName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,254}$/, 'must be a host, as your ssh knows it');
const line = z.string().regex(/^[^\r\n\0]{1,4000}$/, 'must be one line');

/** What to request from a Slurm cluster: most fields are options of sbatch, passed on unchanged. */
export const clusterRequest = z.object({
  partition: word.nullable().default(null),
  /** Generic resources, for example `gpu:a100:1`. */
  gres: word.nullable().default(null),
  /** Required features of the nodes. */
  constraint: word.nullable().default(null),
  /** Workers: tasks of the array. */
  workers: z.number().int().min(1).max(10_000).default(1),
  /** Time limit of one worker, in Slurm's format. */
  time: word.nullable().default(null),
  /** Processors of one worker; null: the cluster's default. */
  processors: z.number().int().min(1).nullable().default(null),
  memory: word.nullable().default(null),
  /** Shell lines that run before the work, for example `module load nodejs`. */
  setup: z.array(line).default([]),
  /** Machine of the cluster, reached by the user's own ssh; null: this one. */
  host: hostName.nullable().default(null),
  /** Shell words that start the command line on a node; null: those that started this engine. */
  command: line.nullable().default(null),
});
export type ClusterRequest = z.infer<typeof clusterRequest>;

/** One task of the array, or the joining job (`task` null). */
export const clusterTask = z.object({
  task: z.number().nullable(),
  /** PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL and others; UNKNOWN until Slurm reports one. */
  state: z.string(),
  reason: z.string().nullable(),
  node: z.string().nullable(),
  /** Null before it has ended. */
  exitCode: z.number().nullable(),
  /** Signal that ended it; null where none did. */
  signal: z.number().nullable(),
  elapsedMs: z.number().nullable(),
  /** Parts of the sweep that it has done; null for the joining job. */
  parts: z.number().nullable(),
  /** Path of its output. */
  log: z.string().nullable(),
});
export type ClusterTask = z.infer<typeof clusterTask>;

/** A run's last submission to a cluster, in its last known state. */
export const clusterWork = z.object({
  run: z.string(),
  title: z.string(),
  request: clusterRequest,
  /** Ids of the two jobs. */
  array: z.number(),
  join: z.number(),
  /** Path of the batch script, stored in the run. */
  script: z.string(),
  submittedAt: z.iso.datetime(),
  /** `unfollowed`: recorded in the run's folder, but not submitted by an engine of this user, so left alone. */
  state: z.enum(['active', 'done', 'failed', 'cancelled', 'unfollowed']),
  /** Why it failed, or is not followed, without a full stop: the task, its node and its end. */
  error: z.string().nullable(),
  /** The controller does not answer at the moment; jobs continue. */
  away: z.boolean(),
  tasks: z.array(clusterTask),
  /** Parts of the sweep that are done, of all of them. */
  parts: z.object({ done: z.number(), of: z.number() }),
});
export type ClusterWork = z.infer<typeof clusterWork>;

/** The last part of a task's output. */
export const clusterLog = z.object({ path: z.string(), text: z.string(), isWhole: z.boolean() });
export type ClusterLog = z.infer<typeof clusterLog>;
