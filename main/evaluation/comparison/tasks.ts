import { BEST_REFERENCE, type CompareRow, type CompareTask } from '../../contract/compare.ts';
import type { PairedOverDraws } from '../../contract/paired-numbers.ts';
import { type SweepResult, UNPRUNED } from '../../contract/sweep.ts';
import type { MetricName } from '../../contract/task.ts';
import type { ItemOutcome } from '../../contract/outcome.ts';
import { minOf } from '../../statistics/extremes.ts';
import { spreadOf } from '../draws.ts';
import { type DrawnOutcomes, pairDifference, readingOf } from './pairs.ts';
import type { TaskPoints } from './points.ts';
import { ranksOf } from './ranks.ts';

/** A method's points on one task with their outcomes, one per draw. */
export interface MeasuredMethod {
  readonly method: string;
  readonly draws: readonly SweepResult[];
  readonly outcomes: DrawnOutcomes;
}

/** A task's methods; those whose outcomes are no longer stored are left out. */
export interface MeasuredTask {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly unpruned: { readonly value: number; readonly outcomes: readonly ItemOutcome[] } | null;
  readonly methods: readonly MeasuredMethod[];
  /** Methods without outcomes. */
  readonly gone: readonly string[];
}

/** Null for a task on which nothing is left to compare. */
export const measuredTask = (
  { task, unpruned, methods: points }: TaskPoints,
  outcomesOf: (result: SweepResult) => readonly ItemOutcome[] | null,
): MeasuredTask | null => {
  const methods: MeasuredMethod[] = [];
  const gone: string[] = [];
  for (const { method, draws } of points) {
    const outcomes = draws.flatMap((draw) => {
      const found = outcomesOf(draw);
      return found === null ? [] : [{ seed: draw.seed, outcomes: found }];
    });
    if (outcomes.length === draws.length) methods.push({ method, draws, outcomes });
    else gone.push(method);
  }
  const [first] = methods[0]?.draws ?? [];
  if (first === undefined) return null;
  const unprunedOutcomes = unpruned === null ? null : outcomesOf(unpruned);
  return {
    task,
    metric: first.metric,
    n: first.n,
    unpruned:
      unpruned === null || unprunedOutcomes === null ? null : { value: unpruned.value, outcomes: unprunedOutcomes },
    methods,
    gone,
  };
};

/** Mean over draws of the measured value. */
export const valueOf = ({ draws }: Pick<MeasuredMethod, 'draws'>): number =>
  spreadOf(draws.map(({ value }) => value)).mean;

/** Outcomes of a chosen reference on a task; null where it is not measured there. */
const outcomesOfReference = ({ unpruned, methods }: MeasuredTask, reference: string): DrawnOutcomes | null =>
  reference === UNPRUNED
    ? unpruned === null
      ? null
      : [{ seed: null, outcomes: unpruned.outcomes }]
    : (methods.find(({ method }) => method === reference)?.outcomes ?? null);

/**
 * A task's methods by ascending rank, each with its difference to the reference and whether it shares the best rank:
 * the best value (the mean over draws), or no draw that is worse than a draw of the best by its own paired interval.
 * `pHolm` is left null: it depends on all tasks.
 */
export const compareTask = (measured: MeasuredTask, asked: string): CompareTask => {
  const { task, metric, n, unpruned, methods } = measured;
  const ranks = ranksOf(methods.map(valueOf), metric === 'perplexity');
  const lowest = minOf(ranks);
  const best = methods.find((_, index) => ranks[index] === lowest);
  const reference = asked === BEST_REFERENCE ? (best?.method ?? null) : asked;
  const other = reference === null ? null : outcomesOfReference(measured, reference);
  const rows = methods.map((entry, index): CompareRow => {
    const { method, draws, outcomes } = entry;
    const againstBest: PairedOverDraws | null =
      best === undefined || best.method === method ? null : pairDifference(metric, outcomes, best.outcomes);
    const paired =
      other === null || reference === method
        ? null
        : reference === best?.method
          ? againstBest
          : pairDifference(metric, outcomes, other);
    const values = spreadOf(draws.map(({ value }) => value));
    return {
      method,
      seeds: draws.flatMap(({ seed }) => seed ?? []),
      factor: spreadOf(draws.map(({ factor }) => factor)).mean,
      kept: spreadOf(draws.map(({ kept }) => kept)).mean,
      value: values.mean,
      lowest: values.lowest,
      highest: values.highest,
      rank: ranks[index] ?? Number.NaN,
      sharesBest: againstBest === null || againstBest.worse === 0,
      paired,
      reading: paired === null ? null : readingOf(metric, paired.pairs),
      pHolm: null,
    };
  });
  return {
    task,
    metric,
    n,
    unpruned: unpruned?.value ?? null,
    reference: other === null ? null : reference,
    rows: rows
      .map((row, order) => ({ row, order }))
      .sort((left, right) => left.row.rank - right.row.rank || left.order - right.order)
      .map(({ row }) => row),
  };
};
