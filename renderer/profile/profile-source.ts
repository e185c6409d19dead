import type { ModelEntry } from '../../main/contract/model.ts';
import type { TaskProfile } from '../../main/contract/profile.ts';
import { byNewest, type RunManifest } from '../../main/contract/run.ts';
import { isSameContent } from '../../main/contract/recorded.ts';
import { type FigureManifest, profileRecord } from '../../main/figures/figure-manifest.ts';
import { fileNames } from '../../main/figures/file-names.ts';
import type { RoutingNames } from '../../main/figures/views.ts';

/** Provenance of a profile, as stored in a saved map. */
export interface ProfileSource {
  readonly manifest: FigureManifest;
  readonly model: string;
  /** Profiles that share a colour scale: those of the run's tasks. */
  readonly profiles: readonly TaskProfile[];
  readonly names: RoutingNames;
}

/** The newest finished run that contains the profile of this model (by its content) and task (by hash). */
export const profileRun = (
  runs: readonly RunManifest[],
  model: Pick<ModelEntry, 'fingerprint' | 'sha256'>,
  { taskHash }: Pick<TaskProfile, 'taskHash'>,
): RunManifest | null =>
  runs
    .filter(({ kind, state }) => (kind === 'profile' || kind === 'sweep') && state === 'done')
    .filter(
      ({ models, tasks }) =>
        models.some((recorded) => isSameContent(recorded, model)) && tasks.some(({ hash }) => hash === taskHash),
    )
    .sort(byNewest)[0] ?? null;

/** The run behind a profile; if it is gone, the model and task themselves. `profiles` are the model's. */
export const profileSource = (
  runs: readonly RunManifest[],
  { name, fingerprint, sha256 }: Pick<ModelEntry, 'name' | 'fingerprint' | 'sha256'>,
  profile: TaskProfile,
  profiles: readonly TaskProfile[],
): ProfileSource => {
  const run = profileRun(runs, { fingerprint, sha256 }, profile);
  const tasks = (shared: readonly TaskProfile[]) => fileNames(shared.map(({ task }) => task));
  if (run === null) {
    return {
      manifest: profileRecord({ name, fingerprint: fingerprint ?? '' }, profile),
      model: name,
      profiles,
      names: { models: fileNames([name]), tasks: tasks(profiles) },
    };
  }
  const shared = run.tasks.flatMap(({ hash }) => profiles.filter(({ taskHash }) => taskHash === hash));
  return {
    manifest: run,
    model: run.models.find((recorded) => isSameContent(recorded, { fingerprint, sha256 }))?.name ?? name,
    profiles: shared,
    names: { models: fileNames(run.models.map((model) => model.name)), tasks: tasks(shared) },
  };
};
