import type { AnswerKind } from '../../contract/task.ts';
import type { BracketPairs, SafeCount, SafeShare, SizedModel, SizeThreshold } from '../../contract/size-trend.ts';
import {
  factorKey,
  isFactorAtMost,
  isSameFactor,
  type SweepDocument,
  type SweepResult,
  UNPRUNED,
} from '../../contract/sweep.ts';
import type { UnneededPoint } from '../../contract/curtailed-point.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { truncationOf } from '../../words/truncation.ts';
import { headlineThresholds } from '../threshold.ts';
import { testedPoints } from '../curtailed-points.ts';

/**
 * The models of a sweep with E, computed from any of their points (factor x kept). By ascending E, models of one size
 * in the order of the results.
 */
export const sizedModels = (results: readonly SweepResult[]): SizedModel[] => {
  const experts = new Map<string, number>();
  for (const { model, factor, kept } of results) if (!experts.has(model)) experts.set(model, Math.round(factor * kept));
  return [...experts].map(([name, count]) => ({ name, experts: count })).sort((a, b) => a.experts - b.experts);
};

/** The sizes E of models, ascending. */
export const trendSizes = (models: readonly SizedModel[]): number[] =>
  [...new Set(models.map(({ experts }) => experts))].sort((a, b) => a - b);

/** Experts kept per layer at a factor (a mean where layers differ): 64 / 4 = 16. */
const keptAt = (experts: number, factor: number | null): number | null =>
  factor === null ? null : Number((experts / factor).toFixed(9));

/** Bytes of the weights at a factor of a curve; null where they are not recorded. */
const bytesAt = (
  results: readonly SweepResult[],
  { model, task, method }: Pick<SizeThreshold, 'model' | 'task' | 'method'>,
  factor: number | null,
): number | null => {
  if (factor === null) return null;
  const curve = factor === 1 ? UNPRUNED : method;
  const at = results.find(
    (result) =>
      result.model === model && result.task === task && result.method === curve && isSameFactor(result.factor, factor),
  );
  return at?.cost?.bytes ?? null;
};

/** The headline thresholds of a sweep with E and the largest factor measured, by ascending E. */
export const sizeThresholds = (
  document: Pick<SweepDocument, 'results' | 'thresholds' | 'curtailed' | 'notNeeded'>,
  models: readonly SizedModel[],
): SizeThreshold[] => {
  const headlines = headlineThresholds(document.thresholds);
  const tested = testedPoints(document);
  const isTruncated = truncationOf(document.results);
  return models.flatMap(({ name, experts }) =>
    headlines
      .filter(({ model }) => model === name)
      .map((threshold) => {
        const { model, task, method } = threshold;
        const measured = tested.filter(
          (entry) => entry.model === model && entry.task === task && entry.method === method,
        );
        return {
          ...threshold,
          experts,
          largestTested: maxOf([1, ...measured.map(({ factor }) => factor)]),
          keptSafe: keptAt(experts, threshold.lastSafe),
          keptUnsafe: keptAt(experts, threshold.firstUnsafe),
          keptWorse: keptAt(experts, threshold.firstWorse),
          bytesSafe: bytesAt(document.results, threshold, threshold.lastSafe),
          bytesUnsafe: bytesAt(document.results, threshold, threshold.firstUnsafe),
          ...(isTruncated(threshold) ? { truncationMeasured: true as const } : {}),
        };
      }),
  );
};

type Bracket = Pick<SizeThreshold, 'lastSafe' | 'firstUnsafe'>;

/**
 * Position of the bracket [lastSafe, firstUnsafe) of a model with more experts relative to that of a model with fewer.
 *
 * Only disjoint brackets have an order: the threshold was read at the tested factors, and a finer test could place it
 * anywhere in its bracket. A bracket without a first unsafe factor is open above: its model is safe as far as it was,
 * or can be, pruned (never below top-k experts), so a smaller model that is open above hides any rise. Counting that as
 * a rise would only measure the limit E / top-k.
 */
export const compareBrackets = (smaller: Bracket, larger: Bracket): keyof BracketPairs => {
  if (smaller.lastSafe === null || larger.lastSafe === null) return 'unknown';
  if (smaller.firstUnsafe !== null && isFactorAtMost(smaller.firstUnsafe, larger.lastSafe)) return 'rises';
  if (larger.firstUnsafe !== null && isFactorAtMost(larger.firstUnsafe, smaller.lastSafe)) return 'falls';
  return smaller.firstUnsafe === null || larger.firstUnsafe === null ? 'unknown' : 'overlaps';
};

/** Factors measured in at least `sizes` sizes of models, ascending; equal up to rounding counts as equal. */
const sharedFactors = (results: readonly UnneededPoint[], method: string, sizes: number): number[] => {
  const sizesOf = new Map<number, Set<number>>();
  for (const result of results) {
    if (result.method !== method || result.factor <= 1) continue;
    const factor = Number(factorKey(result.factor));
    const measured = sizesOf.get(factor) ?? new Set();
    sizesOf.set(factor, measured.add(Math.round(result.factor * result.kept)));
  }
  return [...sizesOf]
    .filter(([, measured]) => measured.size >= sizes)
    .map(([factor]) => factor)
    .sort((a, b) => a - b);
};

/** Whether `factor` is safe by a threshold; null where it does not determine that. */
const safeAt = (
  { lastSafe, firstUnsafe, largestTested }: Pick<SizeThreshold, 'lastSafe' | 'firstUnsafe' | 'largestTested'>,
  factor: number,
): boolean | null => {
  if (lastSafe === null || !isFactorAtMost(factor, largestTested)) return null;
  if (isFactorAtMost(factor, lastSafe)) return true;
  return firstUnsafe !== null && isFactorAtMost(firstUnsafe, factor) ? false : null;
};

/** Thresholds at a factor or above in the draw with fewest of them, and in the one with most; none without draws. */
const drawCounts = (thresholds: readonly SizeThreshold[], factor: number): Pick<SafeShare, 'draws'> => {
  const bySeed = new Map<number, number>();
  for (const { draws = [], largestTested } of thresholds)
    for (const draw of draws) {
      const isSafe = safeAt({ ...draw, largestTested }, factor) === true;
      bySeed.set(draw.seed, (bySeed.get(draw.seed) ?? 0) + Number(isSafe));
    }
  const counts = [...bySeed.values()];
  return counts.length < 2 ? {} : { draws: { lowest: minOf(counts), highest: maxOf(counts) } };
};

/**
 * How many thresholds are at a factor or above, per method, factor and E: a factor beyond the first unsafe one counts
 * as unsafe, as in the threshold rule. Factors that at least two sizes share (all factors of a sweep of one size).
 */
export const safeCounts = (
  thresholds: readonly SizeThreshold[],
  results: readonly UnneededPoint[],
  methods: readonly string[],
  sizes: readonly number[],
  answers: AnswerKind,
): SafeCount[] =>
  methods.flatMap((method) =>
    sharedFactors(results, method, Math.min(2, sizes.length)).map((factor) => ({
      answers,
      method,
      factor,
      shares: sizes.map((experts) => {
        const matchingThresholds = thresholds.filter(
          (threshold) => threshold.method === method && threshold.experts === experts,
        );
        const known = matchingThresholds.flatMap((entry) => safeAt(entry, factor) ?? []);
        const safe = known.filter((isSafe) => isSafe).length;
        return { experts, safe, of: known.length, ...drawCounts(matchingThresholds, factor) };
      }),
    })),
  );
