import type {
  ExperimentCell,
  ExperimentPair,
  ExperimentRow,
  ModelThreshold,
  PairedSign,
} from '../../contract/experiment.ts';
import { isFactorAtMost } from '../../contract/sweep.ts';
import { pairedInterval } from '../../statistics/exact-paired-test.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { crossedMean } from '../../statistics/crossed-mean.ts';
import { curveOf, isSameCurve, type MeasuredExperimentPair } from './pairs.ts';
import { spreadOf, unanimous } from '../draws.ts';
import { groupBy } from '../threshold.ts';

/** The sign that every draw has; `cannot-tell` where one is undecided, or two draws differ. */
const signOverDraws = (signs: readonly PairedSign[]): PairedSign => unanimous(signs) ?? 'cannot-tell';

const curveIn = ({ question, method, treatment, gates }: ExperimentCell | ExperimentPair | ExperimentRow) => ({
  question,
  method,
  treatment,
  gates,
});

const sizeIn = (from: ExperimentCell | ExperimentPair) => {
  const { model, experts, kept, factor } = from;
  return { ...curveIn(from), model, experts, kept, factor };
};

/** All draws of an arm on a task as one cell of the matrix. */
const cellOf = (measured: readonly [MeasuredExperimentPair, ...MeasuredExperimentPair[]]): ExperimentCell => {
  const draws = measured.map(({ pair }) => pair);
  const moves = measured.map((entry) => entry.moves);
  const table = moves.filter((move) => move !== null);
  const interval = table.length === moves.length ? crossedMean(table) : null;
  const [{ pair: first }] = measured;
  const { mean, lowest, highest } = spreadOf(draws.map(({ difference }) => difference));
  const count = (is: (draw: ExperimentPair) => boolean): number => draws.filter(is).length;
  return {
    ...sizeIn(first),
    task: first.task,
    n: minOf(draws.map(({ n }) => n)),
    draws: draws.length,
    difference: mean,
    lowest,
    highest,
    low: minOf(draws.map(({ low }) => low)),
    high: maxOf(draws.map(({ high }) => high)),
    sign: signOverDraws(draws.map(({ sign }) => sign)),
    plus: count(({ sign }) => sign === 'plus'),
    minus: count(({ sign }) => sign === 'minus'),
    cannotTell: count(({ sign }) => sign === 'cannot-tell'),
    safe: count(({ verdict }) => verdict === 'safe'),
    worse: count(({ verdict }) => verdict === 'worse'),
    atCeiling: draws.some(({ atCeiling }) => atCeiling),
    overDraws: interval === null ? null : { low: interval.low, high: interval.high },
  };
};

/** The matrix: the draws of every pair together, in order of first appearance. */
export const experimentCells = (pairs: readonly MeasuredExperimentPair[]): ExperimentCell[] =>
  groupBy(pairs, ({ pair }) => [pair.task, curveOf(pair), pair.model, pair.kept]).map(cellOf);

const total = (pairs: readonly ExperimentPair[], read: (pair: ExperimentPair) => number): number =>
  pairs.reduce((sum, pair) => sum + read(pair), 0);

/** Difference over all items of all tasks together, for one draw: it is valid for these tasks, not for others. */
const pooledDraw = (pairs: readonly ExperimentPair[]): NonNullable<ExperimentRow['pooled']> => {
  const counts = {
    gained: total(pairs, ({ gained }) => gained),
    lost: total(pairs, ({ lost }) => lost),
    n: total(pairs, ({ n }) => n),
  };
  return { n: counts.n, difference: (counts.gained - counts.lost) / counts.n, ...pairedInterval(counts) };
};

/** The mean over draws that answered all tasks, and an interval that contains each of theirs. */
const pooledOf = (pairs: readonly ExperimentPair[], tasks: number, areGrouped: boolean): ExperimentRow['pooled'] => {
  const draws = groupBy(pairs, ({ seed }) => seed).filter((group) => group.length === tasks);
  if (areGrouped || draws.length === 0) return null;
  const pooled = draws.map(pooledDraw);
  return {
    n: minOf(pooled.map(({ n }) => n)),
    difference: spreadOf(pooled.map(({ difference }) => difference)).mean,
    low: minOf(pooled.map(({ low }) => low)),
    high: maxOf(pooled.map(({ high }) => high)),
  };
};

/** A row for every size, method and treatment over all tasks, in order of first appearance. */
export const experimentRows = (
  cells: readonly ExperimentCell[],
  pairs: readonly ExperimentPair[],
  groupedTasks: ReadonlySet<string>,
): ExperimentRow[] =>
  groupBy(cells, (cell) => [curveOf(cell), cell.model, cell.kept]).map((group) => {
    const [first] = group;
    const { model, kept } = first;
    const count = (is: (cell: ExperimentCell) => boolean): number => group.filter(is).length;
    const ownPairs = pairs.filter((pair) => isSameCurve(pair, first) && pair.model === model && pair.kept === kept);
    return {
      ...sizeIn(first),
      tasks: group.length,
      draws: minOf(group.map(({ draws }) => draws)),
      plus: count(({ sign }) => sign === 'plus'),
      minus: count(({ sign }) => sign === 'minus'),
      cannotTell: count(({ sign }) => sign === 'cannot-tell'),
      atCeiling: count(({ atCeiling }) => atCeiling),
      above: count(({ difference }) => difference > 0),
      below: count(({ difference }) => difference < 0),
      equal: count(({ difference }) => difference === 0),
      safe: count(({ safe, draws }) => safe === draws),
      worse: count(({ worse, draws }) => worse === draws),
      pooled: pooledOf(
        ownPairs,
        group.length,
        group.some(({ task }) => groupedTasks.has(task)),
      ),
    };
  });

/** Largest factor such that it and every smaller one holds; 1 where not even the smallest does. */
export const largestHeld = (tested: readonly { readonly factor: number; readonly holds: boolean }[]): number => {
  const ascending = [...tested].sort((a, b) => a.factor - b.factor);
  const first = ascending.find(({ holds }) => !holds)?.factor ?? null;
  return ascending.findLast(({ factor }) => first === null || !isFactorAtMost(first, factor))?.factor ?? 1;
};

/** The factor of each model over all tasks as the paper reads its table: by bare differences, on most tasks. */
export const modelThresholds = (rows: readonly ExperimentRow[]): ModelThreshold[] =>
  groupBy(rows, (row) => [curveOf(row), row.model]).map((group) => {
    const [first] = group;
    return {
      ...curveIn(first),
      model: first.model,
      experts: first.experts,
      factor: largestHeld(
        group.map(({ factor, above, equal, tasks }) => ({ factor, holds: 2 * (above + equal) > tasks })),
      ),
      largestTested: maxOf(group.map(({ factor }) => factor)),
    };
  });
