import type { FamilyDocument } from '../contract/family.ts';
import { refuse } from '../contract/errors.ts';
import type { RunManifest } from '../contract/run.ts';
import { sweepSettings, type SweepDocument } from '../contract/sweep.ts';
import { familyDocument, type MeasuredPairs } from '../evaluation/family-document.ts';
import { familyModels } from '../evaluation/family-models.ts';
import { familyComparisons, measurePairs } from '../evaluation/family-pairs.ts';
import { comparableResults } from '../evaluation/recorded-trainings.ts';
import { readSweepDocument, withThresholds } from '../jobs/sweep-record.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { bundledFingerprints, instrumentNotes, type BundledModels } from './instrument-note.ts';
import { readPointOutcomes } from './point-outcomes.ts';

type Stores = Pick<Workspace, 'runs' | 'steps'>;

/** Measures pruned-large against scratch-small of a sweep, from its stored outcomes. */
export const readFamilyPairs = async (stores: Stores, { run, results }: Pick<SweepDocument, 'run' | 'results'>): Promise<MeasuredPairs> => {
  const comparisons = familyComparisons(results, familyModels(results));
  const points = comparisons.flatMap(({ pruned, scratch }) => [pruned, scratch]);
  return measurePairs(comparisons, await readPointOutcomes(stores, run, points));
};

/**
 * The family of a sweep's models, noting where they are bundled instruments; beside those, other trainings of their sizes
 * as far as they were recorded.
 */
export const familyOf = async (
  manifest: RunManifest,
  document: SweepDocument,
  delta: number,
  pairs: MeasuredPairs,
  bundled: BundledModels,
): Promise<FamilyDocument> => {
  const recorded = await bundled.recorded();
  const family = familyDocument(document, delta, pairs, recorded === null ? [] : comparableResults(recorded, manifest, document.results));
  return { ...family, notes: [...instrumentNotes(manifest, await bundledFingerprints(bundled)), ...family.notes] };
};

export interface StoredSweep {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly family: FamilyDocument;
}

/** A sweep and its family as they lie on disk; `delta` is the sweep's own unless given. */
export const readStoredSweep = async (
  stores: Stores,
  run: string,
  { delta: given, bundled }: { readonly delta?: number | undefined; readonly bundled: BundledModels },
): Promise<StoredSweep> => {
  const manifest = await stores.runs.read(run);
  if (manifest.kind !== 'sweep') throw refuse('not-a-sweep', `${run} is a ${manifest.kind}, not a sweep.`, 'Choose a sweep.');
  const stored = await readSweepDocument(stores.runs.folder(run));
  if (stored === null) {
    throw refuse('nothing-measured', `${run} (${manifest.state}) has not measured anything yet.`, 'Wait for its first point, or resume it.');
  }
  const delta = given ?? sweepSettings.shape.delta.parse(manifest.spec['delta']);
  const document = withThresholds(stored, delta);
  return { manifest, document, family: await familyOf(manifest, document, delta, await readFamilyPairs(stores, document), bundled) };
};
