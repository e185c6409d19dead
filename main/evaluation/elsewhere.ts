import {
  type PointVerdict,
  type ElsewherePoint,
  type Everywhere,
  factorKey,
  type SweepDocument,
  type SweepResult,
  type Threshold,
  type TogetherThreshold,
} from '../contract/sweep.ts';
import { methodInProse } from '../words/methods.ts';
import { formatDifference, formatFactor } from '../words/numbers.ts';
import { reachText } from '../words/verdicts.ts';
import { minOf } from '../statistics/extremes.ts';
import { groupBy } from './threshold.ts';
import { nothingToLoseIn } from './nothing-to-lose.ts';
import { independentItems, isSafe, itemsNeeded, verdictOf } from './verdicts.ts';

/**
 * Plans on tasks that they were not made for. A row of the matrix is the plans of one method made for one task, or for
 * all tasks at once; its cells are the tasks that they were measured on. A factor is safe everywhere if the test of
 * every cell says safe: a plan that is unsafe on some task is then called safe everywhere with a chance of at most the
 * level of one test, because that task's own test has to err (Berger 1982, an intersection-union test). So tasks need
 * no correction; a familywise reading divides the level by the number of rows.
 */

export interface ElsewhereRow {
  readonly model: string;
  readonly method: string;
  /** Null: all tasks at once. */
  readonly madeFor: string | null;
}

const rowKey = ({ model, method, madeFor }: ElsewhereRow): string => JSON.stringify([model, method, madeFor]);

/** The rows of a document in order, each once. */
export const elsewhereRows = (points: readonly ElsewherePoint[]): readonly ElsewhereRow[] => [
  ...new Map(
    points.map(({ madeFor, result: { model, method } }) => {
      const row = { model, method, madeFor };
      return [rowKey(row), row] as const;
    }),
  ).values(),
];

type Measured = Pick<SweepDocument, 'results' | 'elsewhere'>;

/** The cells of a row at the factors measured elsewhere: on its own task those of the sweep's results. */
export const rowCells = ({ results, elsewhere = [] }: Measured, row: ElsewhereRow): readonly SweepResult[] => {
  const { model, method, madeFor } = row;
  const others = elsewhere.flatMap((point) =>
    rowKey({ ...point.result, madeFor: point.madeFor }) === rowKey(row) ? [point.result] : [],
  );
  const factors = new Set(others.map(({ factor }) => factorKey(factor)));
  const matchingResults = results.filter(
    (result) => result.model === model && result.method === method && result.task === madeFor,
  );
  return [...matchingResults.filter(({ factor }) => factors.has(factorKey(factor))), ...others];
};

/** How far the plans of a row are safe on every task; null where that is not known yet, or nothing can be lost. */
const everywhereOf = (document: Measured, row: ElsewhereRow, delta: number, alpha: number): Everywhere | null => {
  const reasonOf = nothingToLoseIn(document.results, delta);
  const cells = rowCells(document, row).filter((cell) => reasonOf(cell) === null);
  if (cells.length === 0) return null;
  const tasks = new Set(
    document.results
      .filter((result) => result.model === row.model && reasonOf(result) === null)
      .map(({ task }) => task),
  );
  const draws = new Set(cells.map(({ seed }) => seed)).size;
  const few = cells.some((cell) => independentItems(cell) < itemsNeeded(delta, cell.metric, alpha));
  if (few) return { factor: null, lastSafe: null, firstUnsafe: null, verdict: 'cannot-tell', tasks: tasks.size };
  const byFactor = groupBy(cells, ({ factor }) => factorKey(factor)).sort(
    (left, right) => left[0].factor - right[0].factor,
  );
  // A factor that is not measured on every task yet ends the sequence, without being unsafe.
  let lastSafe = 1;
  let firstUnsafe: number | null = null;
  for (const pointsOfFactor of byFactor) {
    const factor = minOf(pointsOfFactor.map((cell) => cell.factor));
    if (pointsOfFactor.some((cell) => !isSafe(cell, delta, alpha))) {
      firstUnsafe = factor;
      break;
    }
    if (pointsOfFactor.length < tasks.size * draws) break;
    lastSafe = factor;
  }
  if (firstUnsafe === null && lastSafe === 1) return null;
  const verdict = firstUnsafe === null ? 'all-safe' : lastSafe === 1 ? 'none-safe' : 'found';
  return { factor: lastSafe, lastSafe, firstUnsafe, verdict, tasks: tasks.size };
};

/** The thresholds over all draws with how far their plans are safe on every task. */
export const withEverywhere = (
  thresholds: readonly Threshold[],
  document: Measured,
  delta: number,
  alpha: number,
): Threshold[] =>
  thresholds.map((threshold) => {
    const { everywhere: _everywhere, ...rest } = threshold;
    const { model, task, method, seed } = rest;
    const isOneOfSeveral = seed !== null && thresholds.some((entry) => entry.seed === null && isSameCurve(entry, rest));
    const everywhere = isOneOfSeveral ? null : everywhereOf(document, { model, method, madeFor: task }, delta, alpha);
    return everywhere === null ? rest : { ...rest, everywhere };
  });

const isSameCurve = (left: Threshold, right: Omit<Threshold, 'everywhere'>): boolean =>
  left.model === right.model && left.task === right.task && left.method === right.method;

/** How far the plans for all tasks at once are safe on every task, for each model and method that has them. */
export const togetherThresholds = (document: Measured, delta: number, alpha: number): TogetherThreshold[] =>
  elsewhereRows(document.elsewhere ?? [])
    .filter(({ madeFor }) => madeFor === null)
    .flatMap((row) => {
      const everywhere = everywhereOf(document, row, delta, alpha);
      return everywhere === null ? [] : [{ model: row.model, method: row.method, ...everywhere }];
    });

/** The cell that loses most of some. */
export interface LargestLoss {
  readonly madeFor: string | null;
  readonly task: string;
  readonly difference: number;
}

/** The plans of a method for single tasks at one factor: on their own tasks, and on the others. */
export interface ElsewhereSummary {
  readonly model: string;
  readonly method: string;
  readonly factor: number;
  /** Mean differences of accuracy to the unpruned model, on the plans' own tasks and on the others. */
  readonly own: number;
  readonly others: number;
  /** Cells off the plans' own tasks, and how many of them lose more than the margin. */
  readonly cells: number;
  readonly losing: number;
  readonly worst: LargestLoss;
  /** The plan for all tasks at once, on all of them; null where the method has none. */
  readonly together: {
    readonly mean: number;
    readonly worst: LargestLoss;
    /** Its verdicts on the tasks. */
    readonly safe: number;
    readonly unsafe: number;
    readonly undecided: number;
  } | null;
}

const mean = (cells: readonly SweepResult[]): number =>
  cells.reduce((sum, { difference }) => sum + difference, 0) / cells.length;

const worstOf = (cells: readonly ElsewherePoint[]): LargestLoss | null =>
  cells.reduce<LargestLoss | null>((worst, { madeFor, result: { task, difference } }) => {
    return worst === null || difference < worst.difference ? { madeFor, task, difference } : worst;
  }, null);

const verdictCounts = (cells: readonly ElsewherePoint[], delta: number) => {
  const verdicts = cells.map(({ result }) => result.verdict ?? verdictOf(result, delta));
  const count = (verdict: PointVerdict): number => verdicts.filter((entry) => entry === verdict).length;
  return { safe: count('safe'), unsafe: count('worse'), undecided: count('undecided') };
};

/**
 * The matrix of each model and method at each factor in a few numbers. Perplexities, and tasks where the unpruned model
 * has nothing to lose, do not count; draws count as cells of their own.
 */
export const elsewhereSummaries = (document: Measured, delta: number): readonly ElsewhereSummary[] => {
  const reasonOf = nothingToLoseIn(document.results, delta);
  const counts = (result: SweepResult): boolean => result.metric !== 'perplexity' && reasonOf(result) === null;
  const elsewhere = (document.elsewhere ?? []).filter(({ result }) => counts(result));
  const groups = groupBy(elsewhere, ({ result: { model, method, factor } }) => [model, method, factorKey(factor)]);
  return groups.flatMap((points): ElsewhereSummary[] => {
    const { model, method, factor } = points[0].result;
    const matchingResults = document.results.filter(
      (result) =>
        result.model === model &&
        result.method === method &&
        factorKey(result.factor) === factorKey(factor) &&
        counts(result),
    );
    const [joint, others] = [
      points.filter(({ madeFor }) => madeFor === null),
      points.filter((point) => point.madeFor !== null),
    ];
    const [worst, jointWorst] = [worstOf(others), worstOf(joint)];
    if (worst === null) return [];
    const results = others.map(({ result }) => result);
    return [
      {
        model,
        method,
        factor,
        own: mean(matchingResults),
        others: mean(results),
        cells: results.length,
        losing: results.filter(({ difference }) => difference < -delta).length,
        worst,
        together:
          jointWorst === null
            ? null
            : { mean: mean(joint.map(({ result }) => result)), worst: jointWorst, ...verdictCounts(joint, delta) },
      },
    ];
  });
};

/** A number of points, as in "-7.0". */
const inPoints = (difference: number): string => formatDifference(difference, 'acc');

/** A summary in words. `delta`: the margin behind `losing`. `title`: how a task is called. */
export const summarySentence = (
  { model, method, factor, own, others, cells, losing, worst, together }: ElsewhereSummary,
  delta: number,
  title: (task: string) => string = (task) => task,
): string => {
  const single =
    `${model} by ${methodInProse(method)} at ${formatFactor(factor)}: plans made for one task change accuracy by ` +
    `${inPoints(own)} points in the mean on that task, and by ${inPoints(others)} on the others, at worst by ` +
    `${inPoints(worst.difference)} (made for ${title(worst.madeFor ?? '')}, measured on ${title(worst.task)}). ` +
    `In ${losing} of ${cells} such pairs it falls by more than ${formatDifference(delta, 'acc').slice(1)} points.`;
  if (together === null) return single;
  const { mean: average, worst: joint, safe, unsafe, undecided } = together;
  return (
    `${single} One plan made for all tasks changes it by ${inPoints(average)} in the mean, at worst by ` +
    `${inPoints(joint.difference)} (${title(joint.task)}); of its tasks ${safe} are safe, ${unsafe} unsafe and ` +
    `${undecided} undecided.`
  );
};

/**
 * How far plans made for a task are safe, for it and on every task, and what breaks first elsewhere: "Made for sums by
 * frequency: safe for sums to ×4, on every task at no tested factor; at ×2 french loses 31.0 points." Null where they
 * were not measured elsewhere.
 */
export const everywhereSentence = (
  document: Measured,
  threshold: Threshold,
  title: (task: string) => string = (task) => task,
): string | null => {
  const { model, task, method, everywhere } = threshold;
  if (everywhere === undefined) return null;
  const { firstUnsafe } = everywhere;
  const breaking = rowCells(document, { model, method, madeFor: task }).filter(
    ({ factor, verdict, metric }) =>
      firstUnsafe !== null &&
      factorKey(factor) === factorKey(firstUnsafe) &&
      metric !== 'perplexity' &&
      (verdict === 'worse' || verdict === 'undecided'),
  );
  const [first] = [...breaking].sort((left, right) => left.difference - right.difference);
  const loss =
    first === undefined
      ? ''
      : `; at ${formatFactor(first.factor)} ${title(first.task)} changes by ${inPoints(first.difference)} points`;
  return (
    `Made for ${title(task)} by ${methodInProse(method)} (${model}): safe for ${title(task)} ` +
    `${reachText(threshold)}, on every task ${reachText(everywhere)}${loss}.`
  );
};
