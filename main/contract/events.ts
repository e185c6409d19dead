import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { besideColumn } from './beside.ts';
import { clusterWork } from './cluster.ts';
import { experimentArm } from './experiment.ts';
import { pythonEnvironment } from './device.ts';
import { harnessState } from './harness.ts';
import { jobProgress, runManifest } from './run.ts';
import { sweepChange } from './sweep-change.ts';

/** Events of the engine. A step's result is on disk before its event is sent. */
export const engineEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('job.progress'), progress: jobProgress }),
  /** A run was created, changed state or ended. */
  z.object({ type: z.literal('run.changed'), manifest: runManifest }),
  z.object({ type: z.literal('run.removed'), run: boundedText }),
  /** A problem that a running job found and continued without; it is in the job's log. */
  z.object({ type: z.literal('job.problem'), run: boundedText, text: boundedText }),
  z.object({ type: z.literal('settings.changed') }),
  /** The order of waiting jobs changed. */
  z.object({ type: z.literal('jobs.reordered') }),
  /** Labels of runs or the contents of the trash changed; `restored`: the run that came back from it. */
  z.object({ type: z.literal('runs.relisted'), restored: boundedText.optional() }),
  /** A running sweep has begun, or has more than before: with these events alone its document stays up to date. */
  z.object({ type: z.literal('sweep.changed'), run: boundedText, change: sweepChange }),
  /** The texts so far of a running side by side. */
  z.object({ type: z.literal('beside.written'), run: boundedText, columns: boundedList(besideColumn) }),
  /** A search for the best model that fits has written what it knows. */
  z.object({ type: z.literal('fit.changed'), run: boundedText }),
  z.object({ type: z.literal('experiment.arm'), run: boundedText, arm: experimentArm }),
  z.object({ type: z.literal('cluster.changed'), work: clusterWork }),
  /** A task was profiled: `profile.read` includes it now. */
  z.object({ type: z.literal('profile.ready'), run: boundedText, fingerprint: boundedText, task: boundedText }),
  z.object({ type: z.literal('models.changed') }),
  z.object({ type: z.literal('tasks.changed') }),
  /** The device for the next runs changed. */
  z.object({ type: z.literal('device.changed') }),
  /** The workspace's Python environment is being made, or its making ended. */
  z.object({ type: z.literal('python.changed'), environment: pythonEnvironment }),
  /** lm-evaluation-harness lists or imports tasks, or ended. */
  z.object({ type: z.literal('harness.changed'), state: harnessState }),
]);
export type EngineEvent = z.infer<typeof engineEvent>;
