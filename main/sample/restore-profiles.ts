import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineEvent } from '../contract/events.ts';
import type { RunManifest } from '../contract/run.ts';
import { taskProfileKey } from '../jobs/profile-step.ts';
import { NUMERICS_VERSION, type Numerics } from '../jobs/step-key.ts';
import type { Task } from '../tasks/task.ts';
import { readProfileFile, writeProfileFile } from '../workspace/profile-file.ts';
import type { Workspace } from '../workspace/open-workspace.ts';

export interface RestoredProfiles {
  readonly workspace: Pick<Workspace, 'runs' | 'steps'>;
  readonly numerics: Numerics;
  /** The tasks that come with the workbench. */
  readonly tasks: readonly Task[];
  emit(event: EngineEvent): void;
}

/** Whether this engine would have computed the run's numbers as it did. */
const isOfTheseNumerics = ({ versions, device }: RunManifest, numerics: Numerics): boolean =>
  versions['numerics'] === String(NUMERICS_VERSION) &&
  `onnxruntime ${versions['onnxruntime'] ?? 'unknown'}` === numerics.runtime &&
  device.provider === numerics.provider &&
  device.precision === numerics.precision;

/**
 * Puts the profiles of a run into the step store where they are missing there, so that they are found as if they had
 * been computed here. Profiles of another engine's numbers, or of a task that changed, are left where they are.
 */
export const restoreProfiles = async ({ workspace, numerics, tasks, emit }: RestoredProfiles, run: string): Promise<void> => {
  const { runs, steps } = workspace;
  if (!isOfTheseNumerics(await runs.read(run), numerics)) return;
  const folder = runs.folder(run);
  const files = (await readdir(folder)).filter((name) => /^profile.*\.safetensors$/.test(name));
  const restoreFile = async (name: string): Promise<void> => {
    const { model, fingerprint, tasks: profiled } = await readProfileFile(join(folder, name));
    await Promise.all(
      profiled.map(async (own) => {
        const task = tasks.find(({ hash }) => hash === own.hash);
        const key = task === undefined ? null : taskProfileKey(fingerprint, task, numerics);
        if (key === null || (await steps.has(key, 'safetensors'))) return;
        await steps.produce(key, 'safetensors', (temporary) => writeProfileFile(temporary, { model, fingerprint, tasks: [own] }));
        emit({ type: 'profile.ready', run, fingerprint, task: own.name });
      }),
    );
  };
  const restored = await Promise.allSettled(files.map(restoreFile));
  for (const file of restored) if (file.status === 'rejected') throw file.reason;
};
