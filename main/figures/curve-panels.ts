import type { SweepDocument, SweepResult, Threshold } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { type PointOverDraws, pointsOverDraws } from '../evaluation/draws.ts';
import { headlineThresholds } from '../evaluation/threshold.ts';
import { testedPoints } from '../evaluation/curtailed-points.ts';
import { maxOf } from '../statistics/extremes.ts';

export interface CurvePoint {
  readonly factor: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A method on a task: points by rising factor, from 1 (the unpruned model, without an interval). */
export interface CurveSeries {
  readonly method: string;
  /** Draws behind a point. One: the paired 95 % interval about the unpruned value. More: mean, lowest and highest. */
  readonly draws: number;
  readonly points: readonly CurvePoint[];
  /** Factors at which a candidate stopped early, unsafe: it has no value there. */
  readonly curtailed: readonly number[];
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

const pointOf = ({ factor, value, results }: PointOverDraws): CurvePoint[] => {
  const [only] = results;
  if (value === null || only === undefined) return [];
  if (results.length > 1) return [{ factor, value: value.mean, low: value.lowest, high: value.highest }];
  const unpruned = unprunedValue(only);
  return [{ factor, value: only.value, low: unpruned + only.low, high: unpruned + only.high }];
};

const seriesOf = (
  method: string,
  points: readonly PointOverDraws[],
  unpruned: number,
  threshold: Threshold | null,
): CurveSeries => {
  const rising = [...points].sort((a, b) => a.factor - b.factor);
  // A candidate that was not measured at all, for want of items, is no point.
  const curtailed = rising.filter((point) => point.curtailed.some(({ evaluated }) => evaluated > 0));
  return {
    method,
    draws: maxOf([1, ...points.map(({ draws }) => draws)]),
    points: [{ factor: 1, value: unpruned, low: unpruned, high: unpruned }, ...rising.flatMap(pointOf)],
    curtailed: curtailed.map(({ factor }) => factor),
    threshold,
  };
};

const panelOf = (document: SweepDocument, model: string, task: string): CurvePanel | null => {
  const results = document.results.filter((result) => result.model === model && result.task === task);
  const [first] = results;
  if (first === undefined) return null;
  const isHere = (one: { readonly model: string; readonly task: string }): boolean =>
    one.model === model && one.task === task;
  const points = pointsOverDraws({
    results,
    curtailed: (document.curtailed ?? []).filter(isHere),
    notNeeded: (document.notNeeded ?? []).filter(isHere),
  });
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
        points.filter((point) => point.method === method),
        unpruned,
        thresholds.find((one) => one.method === method) ?? null,
      ),
    ),
  };
};

/** Gathers the curves of one model for drawing. */
export const curveSheet = (document: SweepDocument, model: string): CurveSheet => {
  const tasks = distinct(document.results.filter((result) => result.model === model).map(({ task }) => task));
  const panels = tasks.flatMap((task) => panelOf(document, model, task) ?? []);
  return { model, panels, methods: distinct(panels.flatMap(({ series }) => series.map(({ method }) => method))) };
};

/** The curves of a sweep: one sheet per model, in the order of the results. */
export const curveSheets = (document: SweepDocument): CurveSheet[] =>
  distinct(document.results.map(({ model }) => model)).map((model) => curveSheet(document, model));
