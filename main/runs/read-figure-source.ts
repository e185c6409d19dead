import { refuse } from '../contract/errors.ts';
import type { FigureSource } from '../figures/figures.ts';
import { readReportComparisons, readRunProfiles, readStoredSweep } from './read-run.ts';
import type { RunSource } from './run-source.ts';
import { readSweepDocument } from './sweep-record.ts';

/**
 * The data of a run's figures, computed from its files. Refused (`nothing-to-draw`) where nothing was measured.
 */
export const readFigureSource = async (source: RunSource, run: string): Promise<Omit<FigureSource, 'deflate'>> => {
  const folder = source.runs.folder(run);
  const manifest = await source.runs.read(run);
  const isMeasured = manifest.kind === 'sweep' && (await readSweepDocument(folder)) !== null;
  const sweep = isMeasured ? await readStoredSweep(source, run) : null;
  const profiles = await readRunProfiles(folder, manifest);
  if (sweep === null && profiles.length === 0) {
    throw refuse(
      'nothing-to-draw',
      `${run} (${manifest.kind}, ${manifest.state}) contains no results and no profiles.`,
      'Choose a finished sweep or profile.',
    );
  }
  return {
    manifest,
    document: sweep?.document ?? null,
    profiles,
    comparisons: sweep === null ? [] : await readReportComparisons(source, sweep.document),
    sizeTrend: sweep?.sizeTrend,
  };
};
