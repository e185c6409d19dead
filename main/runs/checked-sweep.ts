import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunManifest } from '../contract/run.ts';
import type { DifferingField, RunCheck } from '../contract/recorded.ts';
import { type PointName, pointNameKey, type SweepDocument, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import {
  type BesideOutcomes,
  type DerivedPoint,
  metricOfOutcomes,
  PointDerivation,
} from '../evaluation/derived-points.ts';
import { droppedShare } from '../evaluation/dropped-share.ts';
import { type AllowanceOf, compareFields, namedEntries } from '../evaluation/field-differences.ts';
import { withThresholds } from '../evaluation/threshold-family.ts';
import { counted, listed } from '../words/numbers.ts';
import { curveWords, pointWords } from '../words/verdicts.ts';
import { isProfileName, readProfileFile } from '../workspace/profile-file.ts';
import { contentChecksums, editedFile, readSealedFiles, type SealedFiles } from '../workspace/sealed-files.ts';
import { CHECKED } from './known-checks.ts';
import { sweepDelta } from './recorded-spec.ts';
import type { RunSource } from './run-source.ts';
import { OUTCOMES, readStoredOutcomes } from './stored-outcomes.ts';
import { PLANS, POINTS, readPointIndex, readRunPlans, readSweepDocument, RESULTS } from './sweep-record.ts';

/** Relative tolerance: the math libraries of two processors may round the last digits of a formula differently. */
const lastDigits: AllowanceOf = () => ({ kind: 'rounding', share: 1e-12 });

/** Fields whose stored value differs from the computed one, counted by kind, with the point of the first difference. */
class Differing {
  readonly #fields = new Map<string, { -readonly [K in keyof DifferingField]: DifferingField[K] }>();

  tell(file: string, field: string, where: string): void {
    const key = `${file} ${field}`;
    const known = this.#fields.get(key);
    if (known === undefined) this.#fields.set(key, { file, field, count: 1, where });
    else known.count += 1;
  }

  /** Compares stored fields with those computed from outcomes. */
  compare(file: string, stored: unknown, derived: unknown): void {
    compareFields(lastDigits, stored, derived, ({ field, where, kind, before }) => {
      // A file of an earlier version may lack a field, but not an array entry.
      const isSilent = before === undefined && !where.endsWith(']');
      if (kind !== 'rounding' && !isSilent) this.tell(file, field, where);
    });
  }

  list(): DifferingField[] {
    return [...this.#fields.values()];
  }
}

/** The fields of a result that follow from outcomes. */
const measuredPart = ({
  cost: _cost,
  droppedShare: _share,
  verdict: _verdict,
  level: _level,
  ...rest
}: SweepResult): DerivedPoint => rest;

/** The fields of a result that do not follow from its outcomes. */
const besidePart = ({ cost, droppedShare: share }: SweepResult): Pick<SweepResult, BesideOutcomes> => ({
  ...(cost === undefined ? {} : { cost }),
  ...(share === undefined ? {} : { droppedShare: share }),
});

/**
 * The share of routed choices that each point's plan drops, from the profile and the plans in the run's folder; none
 * for a point whose plan or profile is missing or changed.
 */
const readDroppedShares = async (
  folder: string,
  { models, tasks }: RunManifest,
  { changed }: SealedFiles,
): Promise<(point: PointName) => number | undefined> => {
  const plans = changed.includes(PLANS) || changed.includes(POINTS) ? null : await readRunPlans(folder);
  if (plans === null) return () => undefined;
  const steps = new Map((await readPointIndex(folder)).map((point) => [pointNameKey(point), point.step]));
  const names = (await readdir(folder)).filter((name) => isProfileName(name) && !changed.includes(name));
  const rows = new Map<string, readonly Float64Array[]>();
  for (const name of names) {
    const { fingerprint, sha256, tasks: profiled } = await readProfileFile(join(folder, name));
    for (const { hash, statistics } of profiled) {
      const { layers, experts, counts } = statistics;
      rows.set(
        JSON.stringify([sha256 ?? fingerprint, hash]),
        Array.from({ length: layers }, (_, layer) => counts.subarray(layer * experts, (layer + 1) * experts)),
      );
    }
  }
  const contents = new Map(models.map(({ name, fingerprint, sha256 }) => [name, sha256 ?? fingerprint]));
  const hashes = new Map(tasks.map(({ name, hash }) => [name, hash]));
  return (point) => {
    const plan = plans.get(steps.get(pointNameKey(point)) ?? '');
    const counts = rows.get(JSON.stringify([contents.get(point.model), hashes.get(point.task)]));
    // A checkpoint that was made elsewhere has no plan either, but its experts are not those of the profile.
    if (plan === null && point.method !== UNPRUNED) return undefined;
    return plan === undefined || counts === undefined ? undefined : (droppedShare(counts, plan) ?? undefined);
  };
};

/** The fields of a document that follow from its results. */
const concludedPart = ({ results, thresholds, rule, multiplicity }: SweepDocument) => ({
  results: namedEntries(
    results.map(({ model, task, method, seed, factor, verdict, level }) => ({
      model,
      task,
      method,
      seed,
      factor,
      verdict,
      ...(level === undefined ? {} : { level }),
    })),
    pointWords,
  ),
  thresholds: namedEntries(thresholds, curveWords),
  rule,
  // Its sentence may have other words in another version.
  multiplicity: multiplicity === undefined ? undefined : { ...multiplicity, sentence: '' },
});

interface Derived {
  readonly points: ReadonlyMap<string, DerivedPoint>;
  /** Whether outcomes of every point are required: the run has its own file of them. */
  readonly isWhole: boolean;
  /** Whether every task is available unchanged, so that its answers were judged again. */
  readonly isJudged: boolean;
}

const derivePoints = async (
  source: RunSource,
  manifest: RunManifest,
  results: readonly SweepResult[],
  differing: Differing,
): Promise<Derived> => {
  const byTask = Map.groupBy(results, ({ task }) => task);
  const findRules = source.rulesOf(manifest);
  const known = new Map<string, MetricName | null>();
  const derivation = new PointDerivation((task, outcomes) => {
    const named = (byTask.get(task) ?? []).map(({ metric }) => metric);
    return metricOfOutcomes(outcomes, known.get(task) ?? null, named);
  }, sweepDelta(manifest));
  const { isFile, blocks } = await readStoredOutcomes(source, manifest.id, {
    tell: (column, point, item) => differing.tell(OUTCOMES, column, `${pointWords(point)}, item ${item}`),
  });
  for await (const block of blocks) {
    const { task } = block.point;
    if (!known.has(task)) known.set(task, (await findRules(task))?.metric ?? null);
    derivation.add(block);
  }
  const isJudged = [...known.values()].every((metric) => metric !== null);
  return { points: derivation.points(), isWhole: isFile, isJudged };
};

/** Fields by name with their first point: "difference (12, first at uncurl-8 add reap factor 2)". */
const fieldWords = (fields: readonly DifferingField[]): string => {
  const MOST_NAMED = 5;
  const named = fields
    .slice(0, MOST_NAMED)
    .map(({ field, count, where }) => `${field} (${count === 1 ? where : `${count}, first at ${where}`})`);
  return listed([...named, ...(fields.length > MOST_NAMED ? [`${fields.length - MOST_NAMED} other fields`] : [])]);
};

const total = (fields: readonly DifferingField[]): number => fields.reduce((sum, { count }) => sum + count, 0);

const checkSentences = (
  differing: readonly DifferingField[],
  { checksums, changed, missing }: SealedFiles,
  unchecked: readonly string[],
): string[] => {
  const [ofResults, ofOutcomes] = [RESULTS, OUTCOMES].map((name) => differing.filter(({ file }) => file === name));
  const cause = changed.includes(RESULTS)
    ? 'it was edited after the run had ended'
    : checksums !== null
      ? 'another version of the workbench computed it differently'
      : 'it was edited, or another version of the workbench computed it differently';
  const others = changed.filter((name) => name !== RESULTS && !missing.includes(name));
  return [
    ...(ofOutcomes === undefined || ofOutcomes.length === 0
      ? []
      : [
          `${OUTCOMES} contains ${counted(total(ofOutcomes), 'entry', 'entries')} that do not follow from the ` +
            `answers in it: ${fieldWords(ofOutcomes)}. It was edited or damaged; correctness is recomputed from the ` +
            `answers.`,
        ]),
    ...(ofResults === undefined || ofResults.length === 0
      ? []
      : [
          `${RESULTS} disagrees with the stored outcomes in ${counted(total(ofResults), 'field')}: ` +
            `${fieldWords(ofResults)}; ${cause}. The numbers shown are computed from the outcomes.`,
        ]),
    ...(changed.includes(RESULTS) && ofResults?.length === 0
      ? [`${RESULTS} was changed after the run had ended. The numbers shown are computed from the stored outcomes.`]
      : []),
    ...(changed.includes(RESULTS) ? ['Costs and speeds do not follow from outcomes, and are left out.'] : []),
    ...(others.length === 0
      ? []
      : [`${listed(others)} ${others.length === 1 ? 'was' : 'were'} changed after the run had ended.`]),
    ...(missing.length === 0
      ? []
      : [`${listed(missing)} ${missing.length === 1 ? 'is' : 'are'} missing in the run's folder.`]),
    ...unchecked,
  ];
};

const checkOf = (fields: DifferingField[], sealed: SealedFiles, unchecked: readonly string[]): RunCheck => ({
  state: fields.length + sealed.changed.length > 0 ? 'differs' : unchecked.length > 0 ? 'unchecked' : 'as-written',
  differing: fields,
  changed: [...sealed.changed],
  sentences: checkSentences(fields, sealed, unchecked),
});

/** The report on a run whose outcomes are missing. */
const uncheckedSentences = (
  { state }: Pick<RunManifest, 'state'>,
  { results, curtailed = [], elsewhere = [], calibrationDraws = [] }: SweepDocument,
  { checksums }: SealedFiles,
  withoutOutcomes: number,
): string[] => {
  const parts = [
    ...(results.some(({ cost }) => cost !== undefined) ? ['costs and speeds'] : []),
    ...(curtailed.length > 0 ? ['candidates that were stopped early'] : []),
    ...(elsewhere.length > 0 ? ['plans on tasks that they were not made for'] : []),
    ...(calibrationDraws.length > 0 ? ['plans of calibration draws'] : []),
  ];
  const why =
    state === 'done' ? 'contains no checksums of its files' : 'has not ended, so that its files have no checksums';
  return [
    ...(checksums !== null || parts.length === 0
      ? []
      : [`The run ${why}: ${listed(parts)} are shown as ${RESULTS} has them.`]),
    ...(withoutOutcomes === 0
      ? []
      : [
          `The outcomes of ${counted(withoutOutcomes, 'point')} are not in this workspace: their numbers are shown ` +
            `as ${RESULTS} has them.`,
        ]),
  ];
};

/**
 * A sweep computed from its stored outcomes. `check` names the fields of `results.json` that differ; a run that is
 * being worked on is shown as last written. Thresholds are at the sweep's own margin. Null where nothing was measured
 * yet.
 *
 * @throws WorkbenchError `results-edited` where outcomes, or results that cannot be computed from them, were changed
 * after the run's end; `outcomes-contradict`, `baseline-missing`, `outcomes-damaged`, `results-damaged`.
 */
export const readCheckedSweep = async (source: RunSource, manifest: RunManifest): Promise<SweepDocument | null> => {
  const document = await source.checked(manifest.id, manifest.state, () => checkSweep(source, manifest));
  const { provenance } = manifest;
  return document === null || provenance === undefined ? document : { ...document, provenance };
};

const checkSweep = async (source: RunSource, manifest: RunManifest): Promise<SweepDocument | null> => {
  const folder = source.runs.folder(manifest.id);
  const stored = await readSweepDocument(folder);
  if (stored === null) return null;
  if (source.isLive(manifest.id)) return withThresholds(stored, { delta: sweepDelta(manifest) });
  const sealed = await readSealedFiles(folder);
  const content = await contentChecksums(folder, CHECKED);
  if (sealed.changed.length === 0 && content.size === CHECKED.length && (await source.knownChecks.isKnown(content))) {
    const known = withThresholds({ ...stored, run: manifest.id }, { delta: sweepDelta(manifest) });
    return { ...known, check: checkOf([], sealed, uncheckedSentences(manifest, stored, sealed, 0)) };
  }
  const isChanged = sealed.changed.includes(RESULTS);
  // None of these follows from the stored outcomes.
  const { curtailed = [], elsewhere = [], calibrationDraws = [] } = stored;
  if (isChanged && curtailed.length + elsewhere.length + calibrationDraws.length > 0) throw editedFile(folder, RESULTS);
  const differing = new Differing();
  const document = { ...stored, run: manifest.id };
  const { points, isWhole, isJudged } = await derivePoints(source, manifest, stored.results, differing);

  const isDerived = (point: PointName): boolean => isWhole || points.has(pointNameKey(point));
  differing.compare(
    RESULTS,
    { results: namedEntries(stored.results.filter(isDerived).map(measuredPart), pointWords) },
    { results: namedEntries([...points.values()], pointWords) },
  );
  const beside = new Map(stored.results.map((result) => [pointNameKey(result), besidePart(result)]));
  const shareOf = await readDroppedShares(folder, manifest, sealed);
  const shown = (point: DerivedPoint): SweepResult => {
    const named = beside.get(pointNameKey(point)) ?? {};
    const share = shareOf(point);
    if (share !== undefined && named.droppedShare !== undefined && share !== named.droppedShare)
      differing.tell(RESULTS, 'results.droppedShare', `results[${pointWords(point)}].droppedShare`);
    const kept = isChanged ? {} : named;
    return share === undefined ? { ...point, ...kept } : { ...point, ...kept, droppedShare: share };
  };
  // The file of outcomes contains the points in order; with steps, some may be missing.
  const inOrder = new Map<string, SweepResult>();
  if (!isWhole) for (const result of stored.results) inOrder.set(pointNameKey(result), result);
  for (const [key, point] of points) inOrder.set(key, shown(point));
  const results = [...inOrder.values()];
  const derived = withThresholds({ ...document, results }, { delta: sweepDelta(manifest) });
  const names = new Set(results.map(pointNameKey));
  const known = new Set(stored.results.map(pointNameKey));
  const inBoth = (point: PointName): boolean => names.has(pointNameKey(point)) && known.has(pointNameKey(point));
  differing.compare(
    RESULTS,
    concludedPart({ ...stored, results: stored.results.filter(inBoth) }),
    concludedPart({ ...derived, results: derived.results.filter(inBoth) }),
  );

  const withoutOutcomes = stored.results.filter((result) => !isDerived(result)).length;
  const unchecked = uncheckedSentences(manifest, stored, sealed, withoutOutcomes);
  const fields = differing.list();
  if (isWhole && isJudged && fields.length === 0 && content.size === CHECKED.length)
    await source.knownChecks.note(content);
  return { ...derived, check: checkOf(fields, sealed, unchecked) };
};
