import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import { readProfileFile } from '../workspace/profile-file.ts';
import { taskProfileOf } from './task-profile-of.ts';

export interface RunProfiles {
  /** The model's name in the run. */
  readonly model: string;
  readonly profiles: readonly TaskProfile[];
}

/** The profiles that a finished run left in its folder, by model. */
export const readRunProfiles = async (folder: string, manifest: RunManifest): Promise<readonly RunProfiles[]> => {
  const names = (await readdir(folder)).filter((name) => /^profile.*\.safetensors$/.test(name)).sort();
  const found: RunProfiles[] = [];
  for (const name of names) {
    const { model, fingerprint, tasks } = await readProfileFile(join(folder, name));
    found.push({
      model: manifest.models.find((entry) => entry.fingerprint === fingerprint)?.name ?? model,
      profiles: tasks.map((task) => taskProfileOf(task, task.statistics)),
    });
  }
  return found;
};
