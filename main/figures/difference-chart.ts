import type { DifferingSetting } from '../contract/compare.ts';
import {
  type DrawCount,
  type PointVerdict,
  type SweepDocument,
  type SweepResult,
  UNPRUNED,
} from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { type PointOverDraws, pointsOverDraws, spreadOf } from '../evaluation/draws.ts';
import { groupBy } from '../evaluation/threshold.ts';
import { lowerEndAt, ONE_SIDED_ALPHA, upperEndOf } from '../evaluation/verdicts.ts';
import { maxOf } from '../statistics/extremes.ts';
import { compareMethodLabels, methodTitle } from '../words/methods.ts';
import { counted, formatCount, formatFactor, formatSigned } from '../words/numbers.ts';
import { type Chart, type ChartFigure, type ChartSeries, compressedAxis, FACTOR_TITLE, factorAxis } from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { type MethodMark, methodMarks, runMarks } from './method-marks.ts';
import { measuredText } from './point-words.ts';
import { pointVerdictText, safeDrawsText } from '../words/verdicts.ts';

/** One draw on the scale of the rule. */
export interface DrawnDifference {
  readonly difference: number;
  /** Its two-sided 95 % interval. */
  readonly interval: { readonly low: number; readonly high: number };
  /** Its one-sided ends, which verdicts use; no lower one if the document has none at so strict a level. */
  readonly low: number | null;
  readonly high: number;
  readonly result: SweepResult;
}

/**
 * A method at a factor on the scale of the threshold rule: accuracies, or minus the rise of log-perplexity (nats per
 * token), so that less is worse for both.
 */
export interface DifferencePoint {
  readonly method: string;
  readonly factor: number;
  /** Difference to the unpruned model: for several draws the mean, the lowest and the highest. */
  readonly difference: number;
  readonly lowest: number;
  readonly highest: number;
  /** Safe or worse if every draw is. */
  readonly verdict: PointVerdict;
  readonly safe: DrawCount;
  /** By seed; one for a method without draws. */
  readonly draws: readonly DrawnDifference[];
}

export interface DifferencePanel {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly delta: number;
  /** By method, then by rising factor. */
  readonly series: readonly { readonly method: string; readonly points: readonly DifferencePoint[] }[];
}

/** Difference of a result to the unpruned model on the scale of the rule. */
export const ruleDifference = ({ metric, value, difference }: SweepResult): number =>
  metric === 'perplexity' ? -Math.log(value / (value - difference)) : difference;

/** Its two-sided 95 % interval on that scale. */
const ruleInterval = ({ metric, value, difference, low, high }: SweepResult): DrawnDifference['interval'] => {
  if (metric !== 'perplexity') return { low, high };
  const unpruned = value - difference;
  return { low: -Math.log((unpruned + high) / unpruned), high: -Math.log((unpruned + low) / unpruned) };
};

const drawOf = (result: SweepResult, delta: number, alpha: number): DrawnDifference => ({
  difference: ruleDifference(result),
  interval: ruleInterval(result),
  low: lowerEndAt(result, delta, alpha),
  high: upperEndOf(result, delta),
  result,
});

const pointOf = (
  { method, factor, verdict, safe, results }: PointOverDraws,
  delta: number,
  alpha: number,
): DifferencePoint => {
  const draws = results.map((result) => drawOf(result, delta, alpha));
  const { mean, lowest, highest } = spreadOf(draws.map(({ difference }) => difference));
  return { method, factor, difference: mean, lowest, highest, verdict, safe, draws };
};

/**
 * Results of one model on one task (the caller omits others), with the draws of a factor as one point; null if there is
 * no pruned model. Verdicts come from the document (which requires enough items), else from the margin and the
 * one-sided level given.
 */
export const differencePanel = (
  results: readonly SweepResult[],
  delta: number,
  alpha = ONE_SIDED_ALPHA,
): DifferencePanel | null => {
  const pruned = results.filter(({ factor, method }) => factor > 1 && method !== UNPRUNED);
  const [first] = pruned;
  if (first === undefined) return null;
  const points = pointsOverDraws({ results: pruned }, { delta, alpha });
  const methods = [...new Set(pruned.map(({ method }) => method))].sort(compareMethodLabels);
  const series = methods.map((method) => ({
    method,
    points: points
      .filter((point) => point.method === method)
      .sort((left, right) => left.factor - right.factor)
      .map((point) => pointOf(point, delta, alpha)),
  }));
  return { task: first.task, metric: first.metric, n: first.n, delta, series };
};

const ruleText = (value: number | null, metric: MetricName): string =>
  value === null ? '…' : metric === 'perplexity' ? formatSigned(value, 3) : formatSigned(100 * value, 1);

const drawText = ({ difference, interval: { low, high } }: DrawnDifference, metric: MetricName): string =>
  `${ruleText(difference, metric)} [${ruleText(low, metric)}, ${ruleText(high, metric)}]`;

const lowerEndText = ({ low }: DrawnDifference, metric: MetricName): string =>
  `one-sided lower end ${ruleText(low, metric)}`;

/**
 * "−0.3 [−1.6, +1.0]": a difference on the scale of the rule, with its two-sided interval; for several draws
 * "−0.3 (−1.0 to +0.3), safe in 2 of 5 draws": mean, lowest and highest.
 */
export const differenceText = (point: DifferencePoint, metric: MetricName): string => {
  const { difference, lowest, highest, draws, safe } = point;
  const [only] = draws;
  if (draws.length === 1 && only !== undefined) return drawText(only, metric);
  const [mean, low, high] = [difference, lowest, highest].map((value) => ruleText(value, metric));
  return `${mean} (${low} to ${high}), ${safeDrawsText(safe)}`;
};

/** "one-sided lower end −1.6", which decides a point with one draw; empty for several. */
export const decidingText = ({ draws }: DifferencePoint, metric: MetricName): string => {
  const [only] = draws;
  return draws.length === 1 && only !== undefined ? lowerEndText(only, metric) : '';
};

/** Method, factor and verdict of a point with one or several draws. */
const drawsTitle = ({ method, factor, verdict, draws }: DifferencePoint): string =>
  `${methodTitle(method)} ${formatFactor(factor)}${draws.length > 1 ? `, ${draws.length} draws` : ''}: ` +
  pointVerdictText(verdict);

/** Facts of such a point, one per line; for several draws their range, then each with its own ends. */
const drawsLines = (point: DifferencePoint): readonly string[] => {
  const [first] = point.draws;
  if (first === undefined) return [];
  const { metric } = first.result;
  const unit = metric === 'perplexity' ? 'nats' : 'points';
  const isOne = point.draws.length === 1;
  return [
    isOne
      ? `difference ${differenceText(point, metric)} ${unit}; ${lowerEndText(first, metric)}`
      : `mean difference ${differenceText(point, metric)}, in ${unit}`,
    ...point.draws.map(
      (draw) =>
        (isOne || draw.result.seed === null
          ? ''
          : `seed ${draw.result.seed}: ${drawText(draw, metric)}, ${lowerEndText(draw, metric)}, `) +
        `${metric} ${measuredText(draw.result)}, n ${draw.result.n}` +
        (draw.result.p === null ? '' : `, lost ${draw.result.lost}, gained ${draw.result.gained}`),
    ),
  ];
};

export const differenceAxisTitle = (metric: MetricName): string =>
  metric === 'perplexity' ? 'minus rise of log-perplexity (nats)' : 'difference (points)';

/** Short label of a value on that axis. */
const differenceTick = (value: number, metric: MetricName): string =>
  metric === 'perplexity'
    ? formatSigned(value, 2)
    : formatSigned(100 * value, Number.isInteger(Math.round(1e6 * value) / 1e4) ? 0 : 1);

/** Identity of a point in such a chart. */
export const differenceKey = ({ method, factor }: Pick<DifferencePoint, 'method' | 'factor'>): string =>
  JSON.stringify([method, factor]);

interface DrawnPanel {
  /** Drawn methods with their marks. */
  readonly marks: ReadonlyMap<string, MethodMark>;
  readonly heading: string;
  /** Right end of the axis of factors, if it reaches beyond the measured ones. */
  readonly largestFactor?: number | undefined;
  /** Title of a point, if its method does not name it. */
  readonly titleOf?: (point: DifferencePoint) => string;
}

const seriesOf = (
  method: string,
  points: readonly DifferencePoint[],
  mark: MethodMark,
  titleOf: (point: DifferencePoint) => string,
): ChartSeries => {
  const edges = points.map(({ factor, lowest, highest }) => [factor, lowest, highest] as const);
  return {
    key: method,
    mark,
    line: [[1, 0], ...points.map(({ factor, difference }) => [factor, difference] as const)],
    ...(points.some(({ draws }) => draws.length > 1)
      ? { band: { edges: [[1, 0, 0] as const, ...edges], isFaint: false } }
      : {}),
    points: points.map((point) => ({
      key: differenceKey(point),
      x: point.factor,
      y: point.difference,
      look: 'filled',
      whiskers: point.draws.map(({ interval, low, difference }) => ({
        along: 'y',
        ...interval,
        ...(low === null ? {} : { end: low }),
        at: difference,
      })),
      tip: () => ({ title: titleOf(point), lines: drawsLines(point) }),
    })),
  };
};

/** Differences of methods to the unpruned model over factors, and the band in which a one-sided lower end is safe. */
export const differenceChart = (
  { task, metric, n, delta, series }: DifferencePanel,
  { marks, heading, largestFactor, titleOf = drawsTitle }: DrawnPanel,
): Chart => {
  const shown = series.flatMap(({ method, points }) => {
    const mark = marks.get(method);
    return mark === undefined ? [] : [seriesOf(method, points, mark, titleOf)];
  });
  const points = series.filter(({ method }) => marks.has(method)).flatMap((entry) => entry.points);
  const ends = points.flatMap(({ draws }) =>
    draws.flatMap(({ difference, interval, low }) => [difference, interval.low, interval.high, low ?? difference]),
  );
  const label = (value: number): string => differenceTick(value, metric);
  return {
    key: task,
    heading,
    note: `n = ${n}`,
    x: factorAxis(
      points.map(({ factor }) => factor),
      FACTOR_TITLE,
      largestFactor,
    ),
    y: compressedAxis([-1.6 * delta, 1.6 * delta, ...ends], delta, { title: differenceAxisTitle(metric), label }),
    definition: 'pairedDifference',
    areas: [{ from: -delta, to: null, look: 'safe' }],
    rules: [
      { axis: 'y', at: 0, tone: 'muted', width: 1 },
      {
        axis: 'y',
        at: -delta,
        tone: 'muted',
        width: 1,
        dash: '4 3',
        label: `safe: lower end ≥ ${label(-delta)}`,
      },
    ],
    series: shown,
  };
};

/** How to read such a chart, beside the rule. */
const DIFFERENCE_CAPTION =
  'Difference to the unpruned model on the same items. Whiskers: two-sided 95 % interval; the bar on one is the ' +
  'one-sided lower end that the rule compares with the margin: within the shaded band the point is safe. Several ' +
  'draws: their mean, a band from the lowest to the highest, and the whiskers of each; the factor is safe where ' +
  'every draw is. Marks stand at their factor, whiskers of several methods beside each other. The axis is linear ' +
  'about 0 and compressed beyond the margin.';

const WIDE_PLOT = { width: 640, height: 220 } as const;

/** What the chart of the workbench shows. */
export interface DifferenceView {
  readonly model: string;
  /** A task, and its twin with written answers. */
  readonly panels: readonly DifferencePanel[];
  /** All methods, which determine the marks, and those drawn. */
  readonly methods: readonly string[];
  readonly shown: readonly string[];
  readonly largestFactor: number;
  /** Runs of points beside that of the manifest. */
  readonly otherRuns: readonly string[];
}

/** The chart of the workbench as a figure. */
export const differenceFigure = (
  { model, panels, methods, shown, largestFactor, otherRuns }: DifferenceView,
  rule: string,
  theme: FigureTheme,
): ChartFigure => {
  const marks = methodMarks(methods, theme, shown);
  const runs = otherRuns.length === 0 ? '' : ` Points also from ${otherRuns.join(', ')}.`;
  const labelOf = (method: string): string => {
    const methodSeries = panels.flatMap(({ series }) => series.filter((entry) => entry.method === method));
    const draws = maxOf([1, ...methodSeries.flatMap(({ points }) => points.map((point) => point.draws.length))]);
    return draws > 1 ? `${methodTitle(method)} (${draws} draws)` : methodTitle(method);
  };
  return {
    title: `${model}: difference to unpruned against pruning factor`,
    description: `${panels.map(({ task, n }) => `${theme.task(task)} (n = ${n})`).join(', ')}. ${rule}`,
    caption: `${DIFFERENCE_CAPTION}${runs}`,
    rule,
    legend: [...marks].map(([method, mark]) => ({ label: labelOf(method), mark })),
    charts: panels.map((panel) => differenceChart(panel, { marks, heading: theme.task(panel.task), largestFactor })),
    plot: WIDE_PLOT,
  };
};

interface ChartedRun {
  readonly name: string;
  readonly document: SweepDocument;
}

/** The curves of several runs for a model and a task; each curve has a key of its run and its method. */
export interface RunsChart {
  readonly model: string;
  readonly task: string;
  readonly figure: ChartFigure;
}

interface Charted {
  readonly model: string;
  readonly task: string;
  /** The margin of the shaded band. */
  readonly delta: number;
  readonly theme: FigureTheme;
}

/** The models and tasks that some run measured pruned, with the number of runs that did, most first. */
export const chartable = (
  runs: readonly ChartedRun[],
): readonly { readonly model: string; readonly task: string; readonly runs: number }[] => {
  const pairOf = ({ model, task }: SweepResult): readonly string[] => [model, task];
  const measured = runs.flatMap(({ document }) =>
    groupBy(
      document.results.filter(({ factor }) => factor > 1),
      pairOf,
    ).map(([first]) => first),
  );
  return groupBy(measured, pairOf)
    .map((ofPair) => ({ model: ofPair[0].model, task: ofPair[0].task, runs: ofPair.length }))
    .sort((left, right) => right.runs - left.runs);
};

/** Settings that a figure names; the window shows all. */
const MOST_SETTINGS = 12;

const settingsText = (settings: readonly DifferingSetting[]): string => {
  if (settings.length === 0) return 'All settings of the runs are the same.';
  const named = settings.slice(0, MOST_SETTINGS).map(({ key, values }) => `${key} (${values.join(' | ')})`);
  const left = settings.length - named.length;
  return `Settings that differ: ${named.join('; ')}${left === 0 ? '' : `; and ${formatCount(left)} more`}.`;
};

/** Differences to each run's own unpruned model; null if no run measured the model pruned on the task. */
export const runsChart = (
  runs: readonly ChartedRun[],
  { model, task, delta, theme }: Charted,
  settings: readonly DifferingSetting[],
): RunsChart | null => {
  const panels = runs.flatMap(({ name, document }, run) => {
    const matchingResults = document.results.filter((result) => result.model === model && result.task === task);
    const panel = differencePanel(matchingResults, delta);
    return panel === null ? [] : [{ name, run, panel }];
  });
  const curves = panels.flatMap(({ name, run, panel }) =>
    panel.series.map(({ method, points }) => {
      const key = JSON.stringify([run, method]);
      // One run is named once, by the figure.
      const label = methodTitle(method) + (panels.length === 1 ? '' : `, ${name}, n ${formatCount(panel.n)}`);
      return { key, label, run, method, points: points.map((point) => ({ ...point, method: key })) };
    }),
  );
  const [first] = panels;
  if (first === undefined) return null;
  const marks = runMarks(curves, theme);
  const labels = new Map(curves.map(({ key, label }) => [key, label]));
  const n = maxOf(panels.map(({ panel }) => panel.n));
  const whole = { ...first.panel, n, series: curves.map(({ key, points }) => ({ method: key, points })) };
  const legend = curves.flatMap(({ key, label }) => {
    const mark = marks.get(key);
    return mark === undefined ? [] : [{ label, mark }];
  });
  const titleOf = (point: DifferencePoint): string =>
    `${labels.get(point.method) ?? ''}, ${formatFactor(point.factor)}: ${pointVerdictText(point.verdict)}`;
  return {
    model,
    task,
    figure: {
      title: `${model}: ${counted(runs.length, 'run')}, difference to unpruned against pruning factor`,
      description:
        `${theme.task(task)}${panels.length === 1 ? `, ${first.name}, n ${formatCount(n)}` : ''}. ` +
        `Curves: ${legend.map(({ label }) => label).join('; ')}.`,
      caption: `${DIFFERENCE_CAPTION} Each run is compared with its own unpruned model. ${settingsText(settings)}`,
      legend,
      charts: [differenceChart(whole, { marks, heading: theme.task(task), titleOf })],
      plot: { ...WIDE_PLOT, height: 260 },
    },
  };
};
