import type { ExperimentCell, ExperimentPair, PairedSign } from '../../contract/experiment.ts';
import { maxOf, minOf } from '../../statistics/extremes.ts';
import { spreadOf, unanimous } from '../draws.ts';

/** Groups items by key, in order of first appearance. */
export const groupBy = <T>(items: readonly T[], keyOf: (item: T) => unknown): T[][] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const own = groups.get(key);
    if (own === undefined) groups.set(key, [item]);
    else own.push(item);
  }
  return [...groups.values()];
};

/** The sign that every draw has; `cannot-tell` where one is undecided, or two draws differ. */
const signOverDraws = (signs: readonly PairedSign[]): PairedSign => unanimous(signs) ?? 'cannot-tell';

/** All draws of an arm on a task as one cell of the matrix. */
const cellOf = (draws: readonly [ExperimentPair, ...ExperimentPair[]]): ExperimentCell => {
  const [{ question, task, method, treatment, model, experts, kept, factor }] = draws;
  const { mean, lowest, highest } = spreadOf(draws.map(({ difference }) => difference));
  const count = (is: (draw: ExperimentPair) => boolean): number => draws.filter(is).length;
  return {
    question,
    task,
    method,
    treatment,
    model,
    experts,
    kept,
    factor,
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
  };
};

/** The matrix: the draws of every pair together, in order of first appearance. */
export const experimentCells = (pairs: readonly ExperimentPair[]): ExperimentCell[] =>
  groupBy(pairs, ({ task, method, treatment, model, kept }) => [task, method, treatment, model, kept]).flatMap(
    ([first, ...others]) => (first === undefined ? [] : [cellOf([first, ...others])]),
  );
