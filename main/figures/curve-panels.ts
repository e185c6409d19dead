import type { SweepDocument, SweepResult, Threshold } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import type { ToldPoint } from '../contract/told-point.ts';
import { headlineThresholds } from '../evaluation/threshold.ts';
import { isCutShort, testedPoints } from '../evaluation/told-points.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';

export interface CurvePoint {
  readonly factor: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A method on a task: points by rising factor, from 1 (the unpruned model, without an interval). */
export interface CurveSeries {
  readonly method: string;
  /** Seeds behind a point. One: the paired 95 % interval about the unpruned value. More: mean, lowest and highest. */
  readonly seeds: number;
  readonly points: readonly CurvePoint[];
  /** Factors at which a candidate stopped early, unsafe: it has no value there. */
  readonly told: readonly number[];
  readonly threshold: Threshold | null;
}

export interface CurvePanel {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  /** Value of the unpruned model, and the lowest (perplexity: highest) value within the margin delta. */
  readonly unpruned: number;
  readonly margin: number | null;
  readonly series: readonly CurveSeries[];
}

/** All curves of one model, one panel per task. */
export interface CurveSheet {
  readonly model: string;
  readonly methods: readonly string[];
  readonly panels: readonly CurvePanel[];
}

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

const unprunedValue = ({ value, difference }: SweepResult): number => value - difference;

const pointOf = (factor: number, results: readonly SweepResult[]): CurvePoint => {
  const values = results.map(({ value }) => value);
  const [only] = results;
  if (results.length === 1 && only !== undefined) {
    const unpruned = unprunedValue(only);
    return { factor, value: only.value, low: unpruned + only.low, high: unpruned + only.high };
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { factor, value: mean, low: minOf(values), high: maxOf(values) };
};

const seriesOf = (
  method: string,
  results: readonly SweepResult[],
  told: readonly ToldPoint[],
  isCut: boolean,
  unpruned: number,
  threshold: Threshold | null,
): CurveSeries => {
  const seeds = distinct([...results, ...told].map(({ seed }) => seed)).length;
  const measured = (factor: number): number => results.filter((result) => result.factor === factor).length;
  // A mean over the draws that were safe alone would be too good: a factor has a value if every draw has one.
  const factors = distinct(results.map(({ factor }) => factor))
    .filter((factor) => !isCut || measured(factor) === seeds)
    .sort((a, b) => a - b);
  return {
    method,
    seeds,
    points: [
      { factor: 1, value: unpruned, low: unpruned, high: unpruned },
      ...factors.map((factor) =>
        pointOf(
          factor,
          results.filter((result) => result.factor === factor),
        ),
      ),
    ],
    told: distinct(told.map(({ factor }) => factor)).sort((a, b) => a - b),
    threshold,
  };
};

const panelOf = (document: SweepDocument, model: string, task: string): CurvePanel | null => {
  const results = document.results.filter((result) => result.model === model && result.task === task);
  const [first] = results;
  if (first === undefined) return null;
  const pruned = results.filter(({ factor }) => factor > 1);
  const isHere = (one: { readonly model: string; readonly task: string }): boolean =>
    one.model === model && one.task === task;
  // A candidate that was not measured at all, for want of items, is no point.
  const told = (document.told ?? []).filter((point) => isHere(point) && point.evaluated > 0);
  const methods = distinct(
    testedPoints(document)
      .filter(isHere)
      .map(({ method }) => method),
  );
  const thresholds = headlineThresholds(document.thresholds).filter((one) => one.model === model && one.task === task);
  const unpruned = unprunedValue(first);
  const delta = thresholds[0]?.delta ?? null;
  const margin = delta === null ? null : first.metric === 'perplexity' ? unpruned * Math.exp(delta) : unpruned - delta;
  return {
    task,
    metric: first.metric,
    n: first.n,
    unpruned,
    margin,
    series: methods.map((method) =>
      seriesOf(
        method,
        pruned.filter((result) => result.method === method),
        told.filter((point) => point.method === method),
        isCutShort(document, { model, task, method }),
        unpruned,
        thresholds.find((one) => one.method === method) ?? null,
      ),
    ),
  };
};

/** The curves of one model, gathered for drawing. */
export const curveSheet = (document: SweepDocument, model: string): CurveSheet => {
  const tasks = distinct(document.results.filter((result) => result.model === model).map(({ task }) => task));
  const panels = tasks.flatMap((task) => panelOf(document, model, task) ?? []);
  return { model, panels, methods: distinct(panels.flatMap(({ series }) => series.map(({ method }) => method))) };
};

/** The curves of a sweep: one sheet per model, in the order of the results. */
export const curveSheets = (document: SweepDocument): CurveSheet[] =>
  distinct(document.results.map(({ model }) => model)).map((model) => curveSheet(document, model));
