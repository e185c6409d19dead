import type { AnswerKind } from '../contract/task.ts';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, type ZlibOptions } from 'node:zlib';
import type { CompareDocument } from '../contract/compare.ts';
import { refuse } from '../contract/errors.ts';
import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import {
  type PointName,
  pointNameKey,
  recordedSweepSettings,
  type SweepDocument,
  sweepSettings,
} from '../contract/sweep.ts';
import { compareMethods, type MeasuredMethods, measureMethods } from '../evaluation/comparison/document.ts';
import {
  answersMeasured,
  comparedModels,
  comparedResults,
  comparePoints,
  type ComparePoints,
} from '../evaluation/comparison/points.ts';
import {
  comparableResults,
  type MeasuredPairs,
  recordedTrainings,
  type RecordedTrainings,
  sizeTrendDocument,
} from '../evaluation/size-trend/document.ts';
import { equalKeptComparisons, equalKeptPairs } from '../evaluation/size-trend/equal-kept.ts';
import { measurePairs, sizeComparisons } from '../evaluation/size-trend/pairs.ts';
import { sizedModels } from '../evaluation/size-trend/thresholds.ts';
import { type ThresholdReading, withThresholds } from '../evaluation/threshold-family.ts';
import { unmeasuredPoints } from '../evaluation/told-points.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { readBytesIfThere } from '../files/regular-file.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { evaluationRecord } from '../jobs/evaluation-record.ts';
import { taskProfileOf } from '../jobs/profile-job.ts';
import { bundledFingerprints, type BundledModels, instrumentNotes } from './bundled-models.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { readProfileFile } from '../workspace/profile-file.ts';
import { readOutcomes } from './read-outcomes.ts';
import { recordedSpec } from './recorded-spec.ts';
import { readPointIndex, readSweepDocument } from './sweep-record.ts';

const madeAt = sweepSettings.pick({ delta: true });

/** The margin that a sweep was made with. */
export const sweepDelta = (manifest: RunManifest): number => recordedSpec(manifest, madeAt).delta;

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

/**
 * Outcomes of points of a sweep: from its `outcomes.parquet` where the run is finished, from the workspace's steps
 * where it is not. Null for a point whose outcomes neither holds.
 */
export const readPointOutcomes = async (
  { runs, steps }: Pick<Workspace, 'runs' | 'steps'>,
  run: string,
  points: readonly PointName[],
): Promise<(point: PointName) => readonly ItemOutcome[] | null> => {
  const wanted = new Set(points.map(pointNameKey));
  const stored = new Map<string, readonly ItemOutcome[]>();
  const gathered = new Map<string, ItemOutcome[]>();
  const folder = runs.folder(run);
  const isFinished =
    wanted.size === 0 ||
    (await readOutcomes(
      join(folder, 'outcomes.parquet'),
      (point) => wanted.has(pointNameKey(point)),
      (point, outcome) => {
        const key = pointNameKey(point);
        const outcomes = gathered.get(key);
        if (outcomes === undefined) gathered.set(key, [outcome]);
        else outcomes.push(outcome);
      },
    ));
  if (!isFinished) {
    for (const point of await readPointIndex(folder)) {
      if (!wanted.has(pointNameKey(point))) continue;
      const record = await steps.readJson(point.step, evaluationRecord);
      if (record !== null) stored.set(pointNameKey(point), record.outcomes);
    }
  }
  return (point) => gathered.get(pointNameKey(point)) ?? stored.get(pointNameKey(point)) ?? null;
};

type Stores = Pick<Workspace, 'runs' | 'steps'>;

/** Measures the methods of a sweep at each of the given points, reading its stored outcomes once. */
export const readMeasuredMethods = async (
  stores: Stores,
  run: string,
  points: readonly ComparePoints[],
): Promise<MeasuredMethods[]> => {
  const outcomesOf = await readPointOutcomes(stores, run, points.flatMap(comparedResults));
  return points.map((one) => measureMethods(one, outcomesOf));
};

export interface ComparisonChoice {
  /** Default: the first model of the sweep. */
  readonly model?: string | undefined;
  /** Default: the middle one of those that most curves are measured at. */
  readonly factor?: number | undefined;
  /** Default: chosen, where there are such tasks. */
  readonly answers?: AnswerKind | undefined;
  /** Default: the best method of each task. */
  readonly reference?: string | undefined;
}

/**
 * What a report and figures show: every model of a sweep at its middle factor, against the best method of each task,
 * for each kind of answers. Empty where no model has two methods to compare.
 */
export const readReportComparisons = async (stores: Stores, document: SweepDocument): Promise<CompareDocument[]> => {
  // Only candidates that are safe were measured in full: no ranking is to be had from them.
  if (unmeasuredPoints(document).length > 0) return [];
  const models = comparedModels(document.results).filter(
    (model) =>
      new Set(document.results.filter((one) => one.model === model && one.factor > 1).map(({ method }) => method))
        .size > 1,
  );
  const comparisons = await readComparisons(
    stores,
    document,
    models.flatMap((model) => answersMeasured(document.results, model).map((answers) => ({ model, answers }))),
  );
  return comparisons.filter(({ tasks }) => tasks.length > 0);
};

/** The methods of a stored sweep against each other, for one model each. */
export const readComparisons = async (
  stores: Stores,
  document: SweepDocument,
  choices: readonly ComparisonChoice[],
): Promise<CompareDocument[]> => {
  const measured = await readMeasuredMethods(
    stores,
    document.run,
    choices.map((choice) => comparePoints(document, choice)),
  );
  return measured.map((one, index) => compareMethods(document, one, choices[index]?.reference));
};

const unpack = promisify<Uint8Array, ZlibOptions, Buffer>(gunzip);
/** The recorded trainings have 0.1 MB, 2 MB unpacked. */
const MAX_TRAININGS_BYTES = 64 * 2 ** 20;

/** Where the results of trainings lie whose weights do not come with the workbench. */
export const recordedTrainingsFile = (resources: string): string => join(resources, 'sample', 'trainings.json.gz');

/** What is recorded of other trainings of the bundled sizes; null in a package without it. */
export const readRecordedTrainings = async (resources: string): Promise<RecordedTrainings | null> => {
  const file = recordedTrainingsFile(resources);
  const packed = await readBytesIfThere(file, { mostBytes: MAX_TRAININGS_BYTES });
  if (packed === null) return null;
  try {
    const content = (await unpack(packed, { maxOutputLength: MAX_TRAININGS_BYTES })).toString('utf8');
    return recordedTrainings.parse(parseForeignJson(content));
  } catch (cause) {
    throw refuse(
      'recording-damaged',
      `${file} is damaged: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Install the workbench again.',
    );
  }
};

/**
 * Measures pruned-large against scratch-small of a sweep, and models pruned to as many experts, from its stored
 * outcomes.
 */
export const readSizePairs = async (
  stores: Stores,
  document: Pick<SweepDocument, 'run' | 'results' | 'told' | 'notNeeded'>,
): Promise<MeasuredPairs> => {
  const { run, results } = document;
  // Pairs of those candidates alone that are safe would say too much good of pruning.
  if (unmeasuredPoints(document).length > 0) return { pairs: [], missing: 0, incomparable: 0, equalKept: [] };
  const models = sizedModels(results);
  const comparisons = sizeComparisons(results, models);
  const equalKept = equalKeptComparisons(results, models);
  const points = [...comparisons, ...equalKept].flatMap(({ pruned, scratch }) => [pruned, scratch]);
  const outcomesOf = await readPointOutcomes(stores, run, points);
  return {
    ...measurePairs(comparisons, outcomesOf),
    equalKept: equalKeptPairs(measurePairs(equalKept, outcomesOf).pairs, models),
  };
};

/**
 * A sweep read over the sizes of its models, noting where they are bundled instruments; beside those, other trainings
 * of their sizes as far as they were recorded.
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
          { ...manifest, settings: recordedSpec(manifest, recordedSweepSettings) },
          document.results,
        ),
  );
  const instruments = instrumentNotes(manifest, await bundledFingerprints(bundled));
  return { ...sizeTrend, notes: [...instruments, ...sizeTrend.notes] };
};

export interface StoredSweep {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly sizeTrend: SizeTrendDocument;
}

/**
 * A sweep as it lies on disk, and read over the sizes of its models; `delta` is the sweep's own unless given,
 * thresholds told one by one.
 */
export const readStoredSweep = async (
  stores: Stores,
  run: string,
  {
    delta: given,
    familywise,
    bundled,
  }: {
    readonly delta?: number | undefined;
    readonly familywise?: boolean | undefined;
    readonly bundled: BundledModels;
  },
): Promise<StoredSweep> => {
  const manifest = await stores.runs.read(run);
  if (manifest.kind !== 'sweep')
    throw refuse('not-a-sweep', `${run} is a ${manifest.kind}, not a sweep.`, 'Choose a sweep.');
  const stored = await readSweepDocument(stores.runs.folder(run));
  if (stored === null) {
    throw refuse(
      'nothing-measured',
      `${run} (${manifest.state}) has not measured anything yet.`,
      'Wait for its first point, or resume it.',
    );
  }
  const delta = given ?? sweepDelta(manifest);
  const reading = { delta, familywise };
  const document = withThresholds(stored, reading);
  return {
    manifest,
    document,
    sizeTrend: await sizeTrendOf(manifest, document, reading, await readSizePairs(stores, document), bundled),
  };
};
