import type { EqualKeptPair, Finding, SizedModel } from '../../contract/size-trend.ts';
import type { SweepResult } from '../../contract/sweep.ts';
import { mean } from '../../statistics/bootstrap.ts';
import { unanimous } from '../draws.ts';
import { groupBy } from '../threshold.ts';
import { counted, listed } from '../../words/numbers.ts';
import type { MeasuredPair, SizeComparison } from './pairs.ts';
import { trendSizes } from './thresholds.ts';
import { methodInProse } from '../../words/methods.ts';

/** Kept counts are means over layers: equal ones differ by rounding only. */
const isSameCount = (left: number, right: number): boolean => Math.abs(left - right) < 1e-6;

/**
 * Models of neighbouring sizes pruned to the same number of experts by the same method, paired by seed: the larger one
 * as `pruned`, the smaller one as `scratch`. At an equal factor, models of different E also differ in the number of
 * experts that remain; this comparison removes that difference.
 */
export const equalKeptComparisons = (
  results: readonly SweepResult[],
  models: readonly SizedModel[],
): SizeComparison[] => {
  const expertsOf = new Map(models.map(({ name, experts }) => [name, experts]));
  const sizes = trendSizes(models);
  const pruned = results.filter(({ factor }) => factor > 1);
  return pruned.flatMap((larger) => {
    const largeExperts = expertsOf.get(larger.model) ?? Number.NaN;
    const next = sizes[sizes.indexOf(largeExperts) - 1];
    return pruned
      .filter(
        ({ model, task, method, seed, kept }) =>
          expertsOf.get(model) === next &&
          task === larger.task &&
          method === larger.method &&
          seed === larger.seed &&
          isSameCount(kept, larger.kept),
      )
      .map((smaller) => ({ pruned: larger, scratch: smaller, largeExperts }));
  });
};

/** Converts measured comparisons (measurePairs) to `EqualKeptPair`. */
export const equalKeptPairs = (pairs: readonly MeasuredPair[], models: readonly SizedModel[]): EqualKeptPair[] =>
  pairs.map(({ experts, pruned, scratch, factor: _factor, ...pair }) => ({
    ...pair,
    smallExperts: models.find(({ name }) => name === pair.small)?.experts ?? Number.NaN,
    kept: experts,
    largeValue: pruned,
    smallValue: scratch,
  }));

interface KeptMeans {
  readonly kept: number;
  readonly tasks: number;
  readonly sizes: readonly number[];
  readonly means: readonly number[];
}

/**
 * Mean accuracy per size over the tasks that every size of the chain is measured on; a mean over models of one size.
 */
const meansAt = (pairs: readonly EqualKeptPair[], kept: number): KeptMeans => {
  const matchingPairs = pairs.filter((pair) => pair.kept === kept && pair.metric !== 'perplexity');
  const points = matchingPairs.flatMap(({ task, largeExperts, smallExperts, largeValue, smallValue }) => [
    { task, experts: smallExperts, value: smallValue },
    { task, experts: largeExperts, value: largeValue },
  ]);
  const sizes = [...new Set(points.map(({ experts }) => experts))].sort((a, b) => a - b);
  const tasks = [...new Set(points.map(({ task }) => task))].filter((task) =>
    sizes.every((experts) => points.some((point) => point.task === task && point.experts === experts)),
  );
  const means = sizes.map((experts) =>
    mean(
      tasks.map((task) =>
        mean(points.filter((point) => point.task === task && point.experts === experts).map(({ value }) => value)),
      ),
    ),
  );
  return { kept, tasks: tasks.length, sizes, means };
};

const percent = (share: number): string => String(Math.round(share * 100));

const keptText = ({ kept, tasks, sizes, means }: KeptMeans): string =>
  `with ${kept} kept ${listed(means.map(percent))} % at E = ${listed(sizes.map(String))} (mean over ` +
  `${counted(tasks, 'task')})`;

/** Kept counts named in a sentence: those measured in the most sizes, then the largest. */
const NAMED_COUNTS = 2;

/** The reading shared by every draw of a pair; null where draws differ. */
const readingsOf = (pairs: readonly EqualKeptPair[]): (EqualKeptPair['reading'] | null)[] =>
  groupBy(pairs, ({ task, large, small, kept }) => [task, large, small, kept]).map((draws) =>
    unanimous(draws.map(({ reading }) => reading)),
  );

const pairsText = (pairs: readonly EqualKeptPair[]): string => {
  const readings = readingsOf(pairs);
  const count = (reading: EqualKeptPair['reading'] | null): number =>
    readings.filter((entry) => entry === reading).length;
  const draws = new Set(pairs.map(({ seed }) => seed)).size;
  const differ = count(null);
  return (
    `paired with the next smaller size, the larger E is worse in ${count('worse')} of ` +
    `${counted(readings.length, 'pair')}${draws > 1 ? ` (in every one of ${draws} draws)` : ''}, ` +
    `better in ${count('better')}, undecided in ${count('undecided')}` +
    (differ === 0 ? '' : `; draws differ in ${differ}`)
  );
};

/** Value of more pretraining experts at an equal kept count, a sentence per method. Empty without pairs. */
export const equalKeptFindings = (pairs: readonly EqualKeptPair[]): Finding[] =>
  [...new Set(pairs.map(({ method }) => method))].map((method) => {
    const ofMethod = pairs.filter((pair) => pair.method === method);
    const counts = [...new Set(ofMethod.filter(({ metric }) => metric !== 'perplexity').map(({ kept }) => kept))]
      .map((kept) => meansAt(ofMethod, kept))
      .filter(({ tasks }) => tasks > 0)
      .sort((a, b) => b.sizes.length - a.sizes.length || b.kept - a.kept)
      .slice(0, NAMED_COUNTS);
    const accuracies = counts.length === 0 ? '' : ` accuracy is ${counts.map(keptText).join(', ')};`;
    const said = `${accuracies} ${pairsText(ofMethod)}.`;
    const sentence = `At an equal number of kept experts, by ${methodInProse(method)}:${said}`;
    return { chart: 'pruned-against-scratch', method, verdict: 'counted', sentence, p: null };
  });
