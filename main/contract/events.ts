import { z } from 'zod';
import { clusterWork } from './cluster.ts';
import { experimentArm } from './experiment.ts';
import { jobProgress, runManifest } from './run.ts';
import { sweepResult } from './sweep.ts';
import { curtailedPoint } from './curtailed-point.ts';

/** What the engine announces by itself. A step's result is on disk before its event is sent. */
export const engineEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('job.progress'), progress: jobProgress }),
  /** A run was created, changed state or ended. */
  z.object({ type: z.literal('run.changed'), manifest: runManifest }),
  z.object({ type: z.literal('run.removed'), run: z.string() }),
  /** What a running job found amiss and went on without: its log has it. */
  z.object({ type: z.literal('job.problem'), run: z.string(), text: z.string() }),
  /** What a person set changed. */
  z.object({ type: z.literal('settings.changed') }),
  /** Waiting jobs have another order. */
  z.object({ type: z.literal('jobs.reordered') }),
  /** What is said about runs changed, or what lies in the trash. */
  z.object({ type: z.literal('runs.relisted') }),
  /** A point of a running sweep. */
  z.object({ type: z.literal('sweep.point'), run: z.string(), result: sweepResult }),
  /** A candidate of a running sweep that stopped early: its verdict is told. */
  z.object({ type: z.literal('sweep.curtailed'), run: z.string(), point: curtailedPoint }),
  /** An arm of a running experiment. */
  z.object({ type: z.literal('experiment.arm'), run: z.string(), arm: experimentArm }),
  /** What a cluster does for a run has changed. */
  z.object({ type: z.literal('cluster.changed'), work: clusterWork }),
  /** A task was profiled: `profile.read` has it now. */
  z.object({ type: z.literal('profile.ready'), run: z.string(), fingerprint: z.string(), task: z.string() }),
  z.object({ type: z.literal('models.changed') }),
  z.object({ type: z.literal('tasks.changed') }),
  /** The next runs are computed with another device. */
  z.object({ type: z.literal('device.changed') }),
]);
export type EngineEvent = z.infer<typeof engineEvent>;
