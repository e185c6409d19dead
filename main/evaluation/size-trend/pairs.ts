import type { SizedModel, SizePair, SizeThreshold } from '../../contract/size-trend.ts';
import { isFactorAtMost, type PointName, type SweepResult } from '../../contract/sweep.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { intervalSide } from '../../statistics/tango-interval.ts';
import { summarise } from '../summarise.ts';

/** A large model pruned to E' experts, and a small unpruned one with E': the two sides of a pair. */
export interface SizeComparison {
  readonly pruned: SweepResult;
  readonly scratch: SweepResult;
  readonly largeExperts: number;
}

/** A pair without the fields that depend on the threshold. */
export type MeasuredPair = Omit<SizePair, 'pastThreshold'>;

/** Every point of a sweep that keeps as many experts as a smaller model has, with that model's unpruned point. */
export const sizeComparisons = (results: readonly SweepResult[], models: readonly SizedModel[]): SizeComparison[] => {
  const expertsOf = new Map(models.map(({ name, experts }) => [name, experts]));
  const unpruned = results.filter(({ factor }) => factor === 1);
  return results
    .filter(({ factor }) => factor > 1)
    .flatMap((pruned) =>
      unpruned
        .filter(({ model, task }) => task === pruned.task && expertsOf.get(model) === pruned.kept)
        .map((scratch) => ({ pruned, scratch, largeExperts: expertsOf.get(pruned.model) ?? Number.NaN })),
    );
};

const tokensOf = (outcomes: readonly ItemOutcome[]): string =>
  outcomes.map((outcome) => (outcome.kind === 'text' ? outcome.tokens : 0)).join();

/**
 * Measures the pairs from the outcomes of both models on the same items. `outcomesOf` answers null for outcomes that
 * are no longer stored: such a pair is left out, as is one of texts that the two models split into different tokens,
 * whose perplexities have no common unit. Both are counted.
 */
export const measurePairs = (
  comparisons: readonly SizeComparison[],
  outcomesOf: (point: PointName) => readonly ItemOutcome[] | null,
): { readonly pairs: MeasuredPair[]; readonly missing: number; readonly incomparable: number } => {
  const pairs: MeasuredPair[] = [];
  let missing = 0;
  let incomparable = 0;
  for (const { pruned, scratch, largeExperts } of comparisons) {
    const [of, against] = [outcomesOf(pruned), outcomesOf(scratch)];
    if (of === null || against === null) {
      missing += 1;
      continue;
    }
    if (tokensOf(of) !== tokensOf(against)) {
      incomparable += 1;
      continue;
    }
    const summary = summarise(pruned.metric, against, of);
    const { n, metric, value, difference, low, high, p, lost, gained } = summary;
    pairs.push({
      task: pruned.task,
      method: pruned.method,
      seed: pruned.seed,
      large: pruned.model,
      small: scratch.model,
      largeExperts,
      experts: pruned.kept,
      factor: pruned.factor,
      metric,
      n,
      pruned: value,
      scratch: value - difference,
      difference,
      low,
      high,
      p,
      lost,
      gained,
      reading: intervalSide(metric, summary) ?? 'undecided',
    });
  }
  return { pairs, missing, incomparable };
};

/** Whether the pair's factor lies past the large model's threshold; null where that is undetermined. */
export const pastThreshold = (
  { large, task, method, factor }: MeasuredPair,
  thresholds: readonly SizeThreshold[],
): boolean | null => {
  const threshold = thresholds.find((one) => one.model === large && one.task === task && one.method === method);
  if (threshold === undefined || threshold.lastSafe === null) return null;
  if (isFactorAtMost(factor, threshold.lastSafe)) return false;
  return threshold.firstUnsafe !== null && isFactorAtMost(threshold.firstUnsafe, factor) ? true : null;
};
