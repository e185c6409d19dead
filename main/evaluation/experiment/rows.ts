import type { ExperimentPair, ExperimentRow, ModelThreshold } from '../../contract/experiment.ts';
import { isFactorAtMost } from '../../contract/sweep.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { tangoInterval } from '../../statistics/tango-interval.ts';

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => unknown): T[][] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
};

const total = (pairs: readonly ExperimentPair[], read: (pair: ExperimentPair) => number): number =>
  pairs.reduce((sum, pair) => sum + read(pair), 0);

/** Difference of all items of all tasks together: what it says holds for these tasks, not for others. */
const pooledOf = (pairs: readonly ExperimentPair[], areGrouped: boolean): ExperimentRow['pooled'] => {
  if (areGrouped) return null;
  const counts = {
    gained: total(pairs, ({ gained }) => gained),
    lost: total(pairs, ({ lost }) => lost),
    n: total(pairs, ({ n }) => n),
  };
  return { n: counts.n, difference: (counts.gained - counts.lost) / counts.n, ...tangoInterval(counts) };
};

/** A row for every size, method and treatment over all tasks, in the order in which they first appear. */
export const experimentRows = (pairs: readonly ExperimentPair[], groupedTasks: ReadonlySet<string>): ExperimentRow[] =>
  groupBy(pairs, ({ method, treatment, model, kept }) => [method, treatment, model, kept]).flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const { question, method, treatment, model, experts, kept, factor } = first;
    const count = (is: (pair: ExperimentPair) => boolean): number => own.filter(is).length;
    return [
      {
        question,
        method,
        treatment,
        model,
        experts,
        kept,
        factor,
        tasks: own.length,
        plus: count(({ sign }) => sign === 'plus'),
        minus: count(({ sign }) => sign === 'minus'),
        cannotTell: count(({ sign }) => sign === 'cannot-tell'),
        above: count(({ difference }) => difference > 0),
        below: count(({ difference }) => difference < 0),
        equal: count(({ difference }) => difference === 0),
        safe: count(({ verdict }) => verdict === 'safe'),
        worse: count(({ verdict }) => verdict === 'worse'),
        pooled: pooledOf(
          own,
          own.some(({ task }) => groupedTasks.has(task)),
        ),
      },
    ];
  });

/** Largest factor such that it and every smaller one holds; 1 where not even the smallest does. */
export const largestHeld = (tested: readonly { readonly factor: number; readonly holds: boolean }[]): number => {
  const ascending = [...tested].sort((a, b) => a.factor - b.factor);
  const first = ascending.find(({ holds }) => !holds)?.factor ?? null;
  return ascending.findLast(({ factor }) => first === null || !isFactorAtMost(first, factor))?.factor ?? 1;
};

/** The factor of each model over all tasks as the paper reads its table: by bare differences, on most tasks. */
export const modelThresholds = (rows: readonly ExperimentRow[]): ModelThreshold[] =>
  groupBy(rows, ({ method, treatment, model }) => [method, treatment, model]).flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const { question, method, treatment, model, experts } = first;
    return [
      {
        question,
        method,
        treatment,
        model,
        experts,
        factor: largestHeld(
          own.map(({ factor, above, equal, tasks }) => ({ factor, holds: 2 * (above + equal) > tasks })),
        ),
        largestTested: maxOf(own.map(({ factor }) => factor)),
      },
    ];
  });
