import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';

/** What was profiled, where the run that did it is no longer in the workspace. */
export interface ProfileRecord {
  readonly model: { readonly name: string; readonly fingerprint: string };
  readonly task: { readonly name: string; readonly hash: string };
}

/** What every saved figure and table carries: enough to find and to repeat what it shows. */
export type FigureManifest = RunManifest | ProfileRecord;

export const profileRecord = (model: ProfileRecord['model'], { task, taskHash }: TaskProfile): ProfileRecord => ({
  model: { name: model.name, fingerprint: model.fingerprint },
  task: { name: task, hash: taskHash },
});

/** The manifest as a file carries it: without what only a list of runs tells, which changes while the run stays. */
export const manifestJson = (manifest: FigureManifest): string =>
  JSON.stringify({ ...manifest, label: undefined, damaged: undefined, finding: undefined });

/** The run behind a figure in a line, as its footer says it. */
export const manifestLine = (manifest: FigureManifest): string =>
  'id' in manifest
    ? `Run ${manifest.id}, ${manifest.createdAt}`
    : `Model ${manifest.model.fingerprint}, task ${manifest.task.hash}`;
