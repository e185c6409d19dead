import type { RunKind, RunManifest } from '../contract/run.ts';
import type { Job, RunModel, RunTask } from '../jobs/job-context.ts';
import { recordedPath } from '../workspace/library.ts';
import { bindRun } from './approved-run.ts';
import type { EngineContext } from './engine-context.ts';
import { deviceOf } from './machine.ts';

/** Description of a new run, for its manifest. */
export interface RunDescription {
  readonly kind: RunKind;
  readonly title: string;
  /** Everything needed to make the same job again, beside models and tasks. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly models: readonly RunModel[];
  readonly tasks: readonly RunTask[];
  /** Leaves the run for other workers, or to be resumed. */
  readonly later?: boolean | undefined;
}

/** Makes the run's folder and manifest, and queues its job. */
export const startRun = async (
  context: EngineContext,
  description: RunDescription,
  job: Job,
): Promise<{ run: string }> => {
  const { kind, title, spec, models, tasks, later = false } = description;
  const manifest: Omit<RunManifest, 'id' | 'kind' | 'createdAt'> = {
    title,
    finishedAt: null,
    state: 'queued',
    error: null,
    spec: { ...spec },
    models: models.map(({ name, checkpoint }) => ({
      name,
      path: recordedPath(checkpoint.folder, context.bundled.models),
      fingerprint: checkpoint.fingerprint,
    })),
    tasks: tasks.map(({ name, task }) => ({
      name,
      path: recordedPath(task.path, context.bundled.tasks),
      hash: task.hash,
    })),
    versions: { ...context.versions },
    // An export is verified on the CPU, whatever device measured its plan.
    device: kind === 'export' || kind === 'verify' ? deviceOf(context.device.threads) : context.device,
    commandLine: context.commandLine,
    output: null,
  };
  const created = await context.workspace.runs.create(kind, manifest, (made) => bindRun(context, made));
  if (later) {
    await created.lock.release();
    context.emit({ type: 'run.changed', manifest: await context.workspace.runs.read(created.manifest.id) });
  } else context.queue.add(created, job);
  return { run: created.manifest.id };
};

/** "french", "french and german", "9 tasks": a list of names for a title. */
export const nameList = (names: readonly string[], plural: string): string =>
  names.length <= 2 ? names.join(' and ') : `${String(names.length)} ${plural}`;
