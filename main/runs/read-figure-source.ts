import { deflateSync } from 'node:zlib';
import { refuse } from '../contract/errors.ts';
import type { FigureSource } from '../figures/figures.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import type { BundledModels } from './bundled-models.ts';
import { readReportComparisons, readRunProfiles, readStoredSweep } from './read-run.ts';
import { readSweepDocument } from './sweep-record.ts';

/**
 * All that the figures of a run are drawn from, as it lies on disk. Refused (`nothing-to-draw`) where that is nothing.
 */
export const readFigureSource = async (
  workspace: Workspace,
  run: string,
  bundled: BundledModels,
): Promise<FigureSource> => {
  const folder = workspace.runs.folder(run);
  const manifest = await workspace.runs.read(run);
  const isMeasured = manifest.kind === 'sweep' && (await readSweepDocument(folder)) !== null;
  // Read with its thresholds, so that a run of an earlier version has the columns of today.
  const sweep = isMeasured ? await readStoredSweep(workspace, run, { bundled }) : null;
  const profiles = await readRunProfiles(folder, manifest);
  if (sweep === null && profiles.length === 0) {
    throw refuse(
      'nothing-to-draw',
      `${run} (${manifest.kind}, ${manifest.state}) holds no results and no profiles.`,
      'Choose a sweep or a profile that is done.',
    );
  }
  return {
    manifest,
    document: sweep?.document ?? null,
    profiles,
    comparisons: sweep === null ? [] : await readReportComparisons(workspace, sweep.document),
    sizeTrend: sweep?.sizeTrend,
    deflate: (bytes) => deflateSync(bytes, { level: 9 }),
  };
};
