import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import type { ComparedFields } from '../../../main/contract/reproduction.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { CHECKSUM_FILE } from '../../../main/files/checksums.ts';
import { compareSweepFolders } from '../../../main/reproduction/compare-sweep-folders.ts';
import { isMatch } from '../../../main/reproduction/differences.ts';
import { compareExperiments, isExperimentMatch } from '../../../main/reproduction/experiment-differences.ts';
import { readCheckedSweep } from '../../../main/runs/checked-sweep.ts';
import { readExperimentRecord, requireExperimentRecord } from '../../../main/runs/experiment-record.ts';
import { type RunSource, vouchingBy } from '../../../main/runs/run-source.ts';
import { provenanceHeading } from '../../../main/words/provenance.ts';
import { openExistingWorkspace } from '../../../main/workspace/open-workspace.ts';
import { settingsFile } from '../../../main/workspace/settings-file.ts';
import { stateFolder } from '../../../main/workspace/user-key.ts';
import { sourceOf } from '../runs/source-of.ts';
import { type Edit, makeEdit } from './edits.ts';
import { copyOfRun, type SmallRuns } from './small-runs.ts';

/** Result of an edit. */
export interface Noticed {
  /** The field that was edited. */
  readonly path: string;
  /** `allowed`: the field is one of those that may differ. */
  readonly as: 'noticed' | 'allowed' | 'missed';
}

const nameOf = ({ file }: Edit): 'experiment-edited' | 'sweep-edited' =>
  file === 'experiment.json' ? 'experiment-edited' : 'sweep-edited';

const original = ({ sweep, experiment }: SmallRuns, { file }: Edit): string =>
  file === 'experiment.json' ? experiment : sweep;

/** A refusal that names the file counts as noticed; any other error is a defect. */
const refusedOr = async (path: string, look: () => Promise<Noticed['as']>): Promise<Noticed> => {
  try {
    return { path, as: await look() };
  } catch (error) {
    if (error instanceof WorkbenchError && error.code !== 'internal') return { path, as: 'noticed' };
    throw error;
  }
};

const asFound = (isEqual: boolean, fields: ComparedFields | undefined, path: string): Noticed['as'] => {
  if (!isEqual) return 'noticed';
  return fields?.allowed.some(({ field }) => field === path) === true ? 'allowed' : 'missed';
};

/** Compares a folder with the second run's, like `uncurl reproduce` after its run. */
export const reproduced = async (runs: SmallRuns, folder: string) =>
  compareSweepFolders(folder, runs.again.sweep, () => 8);

/** Whether a reproduction fails because of an edit of this field. */
export const byReproduce = async (runs: SmallRuns, edit: Edit): Promise<Noticed> => {
  const folder = await copyOfRun(runs.workspace, original(runs, edit), nameOf(edit));
  // An edit that also removes its checksum.
  await rm(join(folder, CHECKSUM_FILE));
  const path = await makeEdit(folder, edit);
  return refusedOr(path, async () => {
    if (edit.file !== 'experiment.json') {
      const found = await reproduced(runs, folder);
      return asFound(isMatch(found), found.fields, path);
    }
    const [before, after] = [await readExperimentRecord(folder), await readExperimentRecord(runs.again.experiment)];
    if (before === null || after === null) throw new Error('no records');
    const found = compareExperiments(before, after);
    return asFound(isExperimentMatch(found), found.fields, path);
  });
};

/** A new source each time, without anything cached. */
export const newSource = async (runs: SmallRuns): Promise<RunSource> =>
  sourceOf(await openExistingWorkspace(runs.workspace));

/** Whether report, figures, compare and window report that this field was edited. */
export const byReaders = async (runs: SmallRuns, edit: Edit): Promise<Noticed> => {
  const folder = await copyOfRun(runs.workspace, original(runs, edit), nameOf(edit));
  const path = await makeEdit(folder, edit);
  const source = await newSource(runs);
  return refusedOr(path, async () => {
    const manifest = await source.runs.read(basename(folder));
    if (edit.file === 'experiment.json') await requireExperimentRecord(folder, manifest);
    else if ((await readCheckedSweep(source, manifest))?.check?.state === 'differs') return 'noticed';
    return 'missed';
  });
};

/** The measured fields of a document; costs and notes do not follow from outcomes. */
export const measuredOf = (document: SweepDocument | null): unknown =>
  document === null
    ? null
    : {
        results: document.results.map(({ cost: _cost, ...result }) => result),
        thresholds: document.thresholds,
        rule: document.rule,
        multiplicity: document.multiplicity,
      };

/** Document of a run whose results were edited and whose checksums were removed. */
export const shownWithoutChecksums = async (
  runs: SmallRuns,
  edit: Edit,
): Promise<{ readonly path: string; readonly measured: unknown }> => {
  const folder = await copyOfRun(runs.workspace, runs.sweep, nameOf(edit));
  await rm(join(folder, CHECKSUM_FILE));
  const path = await makeEdit(folder, edit);
  const source = await newSource(runs);
  try {
    return { path, measured: measuredOf(await readCheckedSweep(source, await source.runs.read(basename(folder)))) };
  } catch (error) {
    if (error instanceof WorkbenchError) return { path, measured: error.code };
    throw error;
  }
};

/** How a run of the first workspace is headed for its user, after every file was read; null: as measured here. */
export const headingOf = async (
  { workspace: folder }: Pick<SmallRuns, 'workspace'>,
  run: string,
  state = stateFolder(settingsFile()),
): Promise<string | null> => {
  const workspace = await openExistingWorkspace(folder);
  try {
    return provenanceHeading(await workspace.runs.provenance(run, await vouchingBy(state, workspace)));
  } catch (error) {
    // A refusal shows no number.
    if (error instanceof WorkbenchError) return `refused: ${error.code}`;
    throw error;
  }
};
