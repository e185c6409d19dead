import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type CompareDocument, MOST_SWEEPS, type SweepsComparison } from '../contract/compare.ts';
import { refuse } from '../contract/errors.ts';
import type { TaskProfile } from '../contract/profile.ts';
import { type RunManifest, runName } from '../contract/run.ts';
import { isSameContent } from '../contract/recorded.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import { sweepSettings, type SweepDocument } from '../contract/sweep.ts';
import type { AnswerKind } from '../contract/task.ts';
import { compareMethods, type MeasuredMethods, measureMethods } from '../evaluation/comparison/document.ts';
import {
  answersMeasured,
  comparedModels,
  comparedResults,
  comparePoints,
  type ComparePoints,
} from '../evaluation/comparison/points.ts';
import { unmeasuredPoints } from '../evaluation/curtailed-points.ts';
import {
  comparedResults as frontierResults,
  type Frontier,
  frontierPairs,
  frontierPoints,
} from '../evaluation/frontier.ts';
import { comparableResults, type MeasuredPairs, sizeTrendDocument } from '../evaluation/size-trend/document.ts';
import { equalKeptComparisons, equalKeptPairs } from '../evaluation/size-trend/equal-kept.ts';
import { measurePairs, sizeComparisons } from '../evaluation/size-trend/pairs.ts';
import { sizedModels } from '../evaluation/size-trend/thresholds.ts';
import { type ComparedSweep, compareSweeps } from '../evaluation/sweeps/compare-sweeps.ts';
import { type AskedReading, type ThresholdReading, withThresholds } from '../evaluation/threshold-family.ts';
import type { FigureSource } from '../figures/figures.ts';
import { completeOptions } from '../pruning/methods.ts';
import { requireKind } from '../contract/run-kinds.ts';
import { provenanceHeading } from '../words/provenance.ts';
import { checkNotes } from '../words/verdicts.ts';
import { isProfileName, readProfileFile } from '../workspace/profile-file.ts';
import { readListedLabel } from '../workspace/run-label-file.ts';
import { requireAsWritten } from '../workspace/sealed-files.ts';
import { taskProfileOf } from '../workspace/task-profile.ts';
import { bundledFingerprints, type BundledModels, instrumentNotes } from './bundled-models.ts';
import { readCheckedSweep } from './checked-sweep.ts';
import { recordedSpec, sweepDelta } from './recorded-spec.ts';
import { manifestOf, type ManifestSource, type RunSource } from './run-source.ts';
import { readPointOutcomes } from './stored-outcomes.ts';
import { readSweepDocument } from './sweep-record.ts';

export interface RunProfiles {
  /** The model's name in the run. */
  readonly model: string;
  readonly profiles: readonly TaskProfile[];
}

/** The profiles in a finished run's folder, by model. */
export const readRunProfiles = async (folder: string, manifest: RunManifest): Promise<readonly RunProfiles[]> => {
  const names = (await readdir(folder)).filter(isProfileName).sort();
  const found: RunProfiles[] = [];
  const place = ({ model }: RunProfiles): number => manifest.models.findIndex(({ name }) => name === model);
  for (const name of names) {
    await requireAsWritten(folder, name);
    const { model, tasks, ...content } = await readProfileFile(join(folder, name));
    found.push({
      model: manifest.models.find((entry) => isSameContent(entry, content))?.name ?? model,
      profiles: tasks.map((task) => taskProfileOf(task, task.statistics)),
    });
  }
  return found.sort((left, right) => place(left) - place(right));
};

/** Measures the methods of a sweep at each of the given points, reading its stored outcomes once. */
export const readMeasuredMethods = async (
  source: RunSource,
  run: string,
  points: readonly ComparePoints[],
): Promise<MeasuredMethods[]> => {
  const named = ({ model, factor, answers }: ComparePoints): string => JSON.stringify([model, factor, answers]);
  // Read together, then cached one by one.
  let reading: ReturnType<typeof readPointOutcomes> | null = null;
  const measure = async (one: ComparePoints): Promise<MeasuredMethods> =>
    measureMethods(one, await (reading ??= readPointOutcomes(source, run, points.flatMap(comparedResults))));
  return Promise.all(points.map((point) => source.methods(run, named(point), () => measure(point))));
};

export interface ComparisonChoice {
  /** Default: the first model of the sweep. */
  readonly model?: string | undefined;
  /** Default: the middle one of those at which most curves are measured. */
  readonly factor?: number | undefined;
  /** Default: chosen, if there are such tasks. */
  readonly answers?: AnswerKind | undefined;
  /** Default: the best method of each task. */
  readonly reference?: string | undefined;
}

/**
 * The comparisons of a report and its figures: every model of a sweep at its middle factor, against the best method of
 * each task, for each kind of answers. Empty where no model has two methods to compare.
 */
export const readReportComparisons = async (source: RunSource, document: SweepDocument): Promise<CompareDocument[]> => {
  // Only safe candidates were measured in full, so methods cannot be ranked.
  if (unmeasuredPoints(document).length > 0) return [];
  const models = comparedModels(document.results).filter(
    (model) =>
      new Set(
        document.results.filter((result) => result.model === model && result.factor > 1).map(({ method }) => method),
      ).size > 1,
  );
  const choices = models.flatMap((model) =>
    answersMeasured(document.results, model).map((answers) => ({ model, answers })),
  );
  const comparisons = await source.kept.of(source, document.run, reportComparisons(document), () =>
    readComparisons(source, document, choices),
  );
  return comparisons.filter(({ tasks }) => tasks.length > 0);
};

/** Names the comparisons of a report among kept answers: they quote the document's thresholds. */
export const reportComparisons = ({ thresholds }: Pick<SweepDocument, 'thresholds'>): readonly string[] => [
  'report comparisons',
  createHash('sha256').update(JSON.stringify(thresholds)).digest('hex'),
];

/** Compares the methods of a stored sweep, for one model each. */
export const readComparisons = async (
  source: RunSource,
  document: SweepDocument,
  choices: readonly ComparisonChoice[],
): Promise<CompareDocument[]> => {
  const measured = await readMeasuredMethods(
    source,
    document.run,
    choices.map((choice) => comparePoints(document, choice)),
  );
  return measured.map((entry, index) => {
    const comparison = compareMethods(document, entry, choices[index]?.reference);
    return { ...comparison, notes: [...checkNotes(document), ...comparison.notes] };
  });
};

/** Names the pairs of a sweep among kept answers. */
export const SIZE_PAIRS = 'size pairs';

/**
 * Measures the pairs of a large pruned and a small unpruned model of a sweep, and models pruned to the same number of
 * experts, from its stored outcomes.
 */
export const readSizePairs = async (
  source: RunSource,
  document: Pick<SweepDocument, 'run' | 'results' | 'curtailed' | 'notNeeded'>,
): Promise<MeasuredPairs> => {
  // Only safe candidates were measured in full: pairs of these alone would overstate the quality of pruning.
  if (unmeasuredPoints(document).length > 0) return { pairs: [], missing: 0, incomparable: 0, equalKept: [] };
  return source.pairs(document.run, '', () =>
    source.kept.of(source, document.run, SIZE_PAIRS, () => measureSizePairs(source, document)),
  );
};

const measureSizePairs = async (
  source: RunSource,
  { run, results }: Pick<SweepDocument, 'run' | 'results'>,
): Promise<MeasuredPairs> => {
  const models = sizedModels(results);
  const comparisons = sizeComparisons(results, models);
  const equalKept = equalKeptComparisons(results, models);
  const points = [...comparisons, ...equalKept].flatMap(({ pruned, scratch }) => [pruned, scratch]);
  const outcomesOf = await readPointOutcomes(source, run, points);
  return {
    ...measurePairs(comparisons, outcomesOf),
    equalKept: equalKeptPairs(measurePairs(equalKept, outcomesOf).pairs, models),
  };
};

/** Accuracy against bytes, and the pairs of pruned and quantised models, of a sweep; null: stored weights only. */
export const readFrontier = async (
  source: RunSource,
  { run, results }: Pick<SweepDocument, 'run' | 'results'>,
): Promise<Frontier | null> => {
  const points = frontierPoints(results);
  if (!points.some(({ weights }) => weights !== null)) return null;
  return { points, pairs: frontierPairs(points, await readPointOutcomes(source, run, frontierResults(points))) };
};

/**
 * A sweep read over the sizes of its models, marking bundled ones; for those, with recorded results of other trainings
 * of the same sizes.
 */
export const sizeTrendOf = async (
  manifest: RunManifest,
  document: SweepDocument,
  reading: ThresholdReading,
  pairs: MeasuredPairs,
  bundled: BundledModels,
): Promise<SizeTrendDocument> => {
  const recorded = await bundled.recorded();
  const sizeTrend = sizeTrendDocument(
    document,
    reading,
    pairs,
    recorded === null
      ? []
      : comparableResults(
          recorded,
          { ...manifest, settings: recordedSpec(manifest, sweepSettings), completeOptions },
          document.results,
        ),
  );
  const instruments = instrumentNotes(manifest, await bundledFingerprints(bundled));
  return { ...sizeTrend, notes: [...checkNotes(document), ...instruments, ...sizeTrend.notes] };
};

/** A sweep's document read over the sizes of its models; pairs are measured from its stored outcomes. */
export const readSizeTrend = async (
  source: RunSource,
  manifest: RunManifest,
  document: SweepDocument,
  { delta = sweepDelta(manifest), familywise }: AskedReading,
): Promise<SizeTrendDocument> =>
  sizeTrendOf(manifest, document, { delta, familywise }, await readSizePairs(source, document), source.bundled);

/** The manifest of a run that must be a sweep. */
export const sweepManifestOf = async (source: ManifestSource, run: string): Promise<RunManifest> =>
  requireKind(await manifestOf(source, run), 'sweep');

/** A sweep computed from its outcomes; refuses one that has measured nothing. */
export const requireCheckedSweep = async (source: RunSource, manifest: RunManifest): Promise<SweepDocument> => {
  const document = await readCheckedSweep(source, manifest);
  if (document !== null) return document;
  throw refuse(
    'nothing-measured',
    `${manifest.id} (${manifest.state}) has not measured anything yet.`,
    'Wait for its first point, or resume it.',
  );
};

export interface StoredSweep {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly sizeTrend: SizeTrendDocument;
}

/**
 * A sweep computed from its stored outcomes, and read over the sizes of its models; `delta` defaults to the sweep's
 * own, and thresholds are decided one by one.
 */
export const readStoredSweep = async (
  source: RunSource,
  run: string,
  { delta: given, familywise }: AskedReading = {},
): Promise<StoredSweep> => {
  const manifest = await sweepManifestOf(source, run);
  const reading = { delta: given ?? sweepDelta(manifest), familywise };
  const document = withThresholds(await requireCheckedSweep(source, manifest), reading);
  return { manifest, document, sizeTrend: await readSizeTrend(source, manifest, document, reading) };
};

/**
 * The data of a run's figures, computed from its files. Refused (`nothing-to-draw`) where nothing was measured.
 */
export const readFigureSource = async (source: RunSource, run: string): Promise<Omit<FigureSource, 'deflate'>> => {
  const folder = source.runs.folder(run);
  const manifest = await source.vouched(run);
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

const readOne = async (source: RunSource, run: string): Promise<ComparedSweep> => {
  const manifest = await sweepManifestOf(source, run);
  const document = await requireCheckedSweep(source, manifest);
  return {
    manifest: { ...manifest, label: await readListedLabel(source.runs.folder(run)) },
    document,
    outcomesOf: await readPointOutcomes(source, run, document.results),
  };
};

/**
 * Compares stored sweeps with the first of them, using their items' outcomes.
 *
 * @throws WorkbenchError refused: `bad-usage` for fewer than two, too many or the same twice; `not-a-sweep`,
 * `nothing-measured`.
 */
export const readSweepsComparison = async (source: RunSource, runs: readonly string[]): Promise<SweepsComparison> => {
  const [first, second, ...others] = runs;
  if (first === undefined || second === undefined || runs.length > MOST_SWEEPS || new Set(runs).size < runs.length)
    throw refuse(
      'bad-usage',
      `${runs.length} sweeps cannot be compared, or one is named twice.`,
      `Choose 2 to ${MOST_SWEEPS} different ones.`,
    );
  const rest: ComparedSweep[] = [];
  const reference = await readOne(source, first);
  const other = await readOne(source, second);
  for (const run of others) rest.push(await readOne(source, run));
  const sweeps = [reference, other, ...rest] as const;
  const comparison = compareSweeps(sweeps);
  const checked = sweeps.flatMap(({ manifest, document }) =>
    [provenanceHeading(manifest.provenance) ?? [], checkNotes(document)]
      .flat()
      .map((note) => `${runName(manifest)}: ${note}`),
  );
  return { ...comparison, notes: [...checked, ...comparison.notes] };
};
