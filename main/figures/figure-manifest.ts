import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';

/** The profiled model and task, if the run of the profile is no longer in the workspace. */
export interface ProfileRecord {
  readonly model: { readonly name: string; readonly fingerprint: string };
  readonly task: { readonly name: string; readonly hash: string };
}

/** The manifests of the runs in a figure or table of several. */
export interface RunsRecord {
  readonly runs: readonly RunManifest[];
}

/** Record in every saved figure and table, sufficient to find and to repeat its runs. */
export type FigureManifest = RunManifest | ProfileRecord | RunsRecord;

export const profileRecord = (model: ProfileRecord['model'], { task, taskHash }: TaskProfile): ProfileRecord => ({
  model: { name: model.name, fingerprint: model.fingerprint },
  task: { name: task, hash: taskHash },
});

/** The manifest as JSON in a file: without fields for lists of runs, which change while the run stays. */
export const manifestJson = (manifest: FigureManifest): string =>
  JSON.stringify('runs' in manifest ? { runs: manifest.runs.map(withoutListed) } : withoutListed(manifest));

const withoutListed = (manifest: RunManifest | ProfileRecord) => ({
  ...manifest,
  label: undefined,
  damaged: undefined,
  finding: undefined,
});

/** The run behind a figure in a line, for its footer. */
export const manifestLine = (manifest: FigureManifest): string =>
  'runs' in manifest
    ? `Runs ${manifest.runs.map(({ id }) => id).join(', ')}`
    : 'id' in manifest
      ? `Run ${manifest.id}, ${manifest.createdAt}`
      : `Model ${manifest.model.fingerprint}, task ${manifest.task.hash}`;

/**
 * The manifest as a file of its own: beside a table (`results.csv.manifest.json`), or beside all of a run's figures.
 */
export const manifestFile = (manifest: FigureManifest): string =>
  `${JSON.stringify(JSON.parse(manifestJson(manifest)), null, 2)}\n`;
