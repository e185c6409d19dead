import { z } from 'zod';
import { MOST_MODELS, MOST_TASKS, sentence, shortName } from './bounds.ts';
import { runDevice } from './device.ts';
import { listedLabel } from './run-label.ts';

export const runKind = z.enum([
  'profile',
  'sweep',
  'export',
  'verify',
  'reproduce',
  'finetune',
  'experiment',
  'damage',
  'beside',
]);
export type RunKind = z.infer<typeof runKind>;

export const runState = z.enum(['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted']);
/** `interrupted`: neither finished nor being worked on (the engine was killed); it can be resumed. */
export type RunState = z.infer<typeof runState>;

/** Written first, and again when the run ends: everything needed to repeat it. */
export const runManifest = z.object({
  id: z.string(),
  kind: runKind,
  title: z.string(),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  state: runState,
  error: z.string().nullable(),
  /** The kind's own settings, complete: a sweep's settings, an export's plan. */
  spec: z.record(z.string(), z.unknown()),
  /** Paths are absolute, or `bundled:NAME` for bundled models. */
  models: z.array(z.object({ name: shortName, path: sentence, fingerprint: shortName })).max(MOST_MODELS),
  tasks: z.array(z.object({ name: shortName, path: sentence, hash: shortName })).max(MOST_TASKS),
  versions: z.record(z.string(), z.string()),
  device: runDevice,
  commandLine: z.string(),
  /** Path of the finished run's output (an export's folder, a profile's file); null where there is none. */
  output: z.string().nullable(),
  /** The bundled sweep: copied into a new workspace, so that its first screen is not empty. */
  sample: z.boolean().optional(),
  /** Only in a list: why the run cannot be read. It can only be moved to the trash. */
  damaged: z.string().optional(),
  /** Only in a list: the user's label. */
  label: listedLabel.optional(),
  /** Only in a list: whether an interrupted run was still waiting for its turn. */
  waited: z.boolean().optional(),
  /** Only in a list: the finding of a finished verification or reproduction. */
  finding: z.enum(['equal', 'different']).optional(),
});
export type RunManifest = z.infer<typeof runManifest>;

/** A run in the workspace's trash, by the name of its folder there. */
export const trashedRun = z.object({
  entry: z.string(),
  run: z.string(),
  kind: runKind,
  /** Its name; its id where the run cannot be read. */
  name: z.string(),
  trashedAt: z.iso.datetime(),
  sizeBytes: z.number(),
});
export type TrashedRun = z.infer<typeof trashedRun>;

/** A job's progress: the title is constant, the description changes. */
export const jobProgress = z.object({
  run: z.string(),
  kind: runKind,
  title: z.string(),
  description: z.string(),
  done: z.number(),
  total: z.number(),
  /** Steps that were already on disk. */
  reused: z.number(),
  elapsedMs: z.number(),
  /** Range for the time left; null until it can be estimated. */
  leftMs: z.object({ low: z.number(), high: z.number() }).nullable(),
});
export type JobProgress = z.infer<typeof jobProgress>;
