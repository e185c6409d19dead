import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import { shownManifest } from '../words/equivalent-command.ts';
import { escapeControls } from './escape.ts';
import { NOT_MEASURED_HERE, provenanceHeading } from '../words/provenance.ts';

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
  escapeControls(
    JSON.stringify('runs' in manifest ? { runs: manifest.runs.map(withoutListed) } : withoutListed(manifest)),
  );

/** Its provenance stays, since a file on its own must say that its numbers were not measured here. */
const withoutListed = (manifest: RunManifest | ProfileRecord): RunManifest | ProfileRecord => {
  if (!('id' in manifest)) return manifest;
  const { provenance } = manifest;
  return { ...shownManifest(manifest), ...(provenanceHeading(provenance) === null ? {} : { provenance }) };
};

/** Heads a figure or table of runs of which some were not measured here; null where all were. */
export const figureHeading = (manifest: FigureManifest): string | null => {
  if (!('runs' in manifest)) return 'id' in manifest ? provenanceHeading(manifest.provenance) : null;
  const others = manifest.runs.filter(({ provenance }) => provenanceHeading(provenance) !== null);
  return others.length === 0 ? null : `${NOT_MEASURED_HERE}: ${others.map(({ id }) => id).join(', ')}.`;
};

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
  `${escapeControls(JSON.stringify(JSON.parse(manifestJson(manifest)), null, 2))}\n`;
