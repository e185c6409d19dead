import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { RunnerCache } from '../jobs/runner-cache.ts';
import type { Numerics } from '../jobs/step-key.ts';
import type { SweepRecord } from '../jobs/sweep-record.ts';
import type { Task } from '../tasks/task.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import type { PathHandles } from '../workspace/path-handles.ts';

/** What the calls of an engine share. */
export interface EngineContext {
  readonly workspace: Workspace;
  readonly handles: PathHandles;
  readonly queue: JobQueue;
  readonly runners: RunnerCache;
  /** Models and tasks that come with the workbench, by name. */
  readonly bundled: {
    readonly models: ReadonlyMap<string, string>;
    readonly tasks: ReadonlyMap<string, string>;
  };
  /** Opened once and again when its files change. */
  readonly checkpoint: (folder: string) => Promise<Checkpoint>;
  readonly task: (path: string) => Promise<Task>;
  readonly numerics: Numerics;
  readonly versions: Readonly<Record<string, string>>;
  readonly device: RunManifest['device'];
  readonly memory: { readonly totalBytes: number; readonly budgetBytes: number };
  readonly commandLine: string;
  /** Sweeps of this engine that are being worked on. */
  readonly liveSweeps: Map<string, SweepRecord>;
  emit(event: EngineEvent): void;
}
