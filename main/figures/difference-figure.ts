import type { RunManifest } from '../contract/run.ts';
import { maxOf } from '../statistics/extremes.ts';
import { differenceAxisTitle, type DifferencePanel, differencePanel, drawDifferenceChart } from './difference-chart.ts';
import {
  drawMethodLegend,
  LEGEND_LINE,
  type LegendEntry,
  type MethodMark,
  methodMarks,
  runMark,
} from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { drawAcrossTitle, drawPanelHead, drawUpwardTitle } from './small-multiples.ts';
import { captionedFigure, type Drawing, MARGIN, type SvgFigure } from './svg.ts';
import type { DifferingSetting } from '../contract/compare.ts';
import { weightsOfLabel } from '../contract/method.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { counted, formatCount } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import type { RunsRecord } from './figure-manifest.ts';

export interface DifferenceFigure extends Pick<SvgFigure, 'theme'> {
  readonly model: string;
  /** One below the other: a task, and its twin with written answers. */
  readonly panels: readonly DifferencePanel[];
  /** All methods, which determine the marks, and those drawn. */
  readonly methods: readonly string[];
  readonly shown: readonly string[];
  readonly largestFactor: number;
  readonly rule: string;
  /** Runs of points beside that of the manifest. */
  readonly otherRuns: readonly string[];
  readonly manifest: RunManifest;
}

const AXIS_ROOM = 58;
const PLOT = { width: 640, head: 26, below: 52 } as const;

/** How to read such a chart, beside the rule. */
const DIFFERENCE_CAPTION =
  'Difference to the unpruned model on the same items. Whiskers run between the two one-sided ends that the rule ' +
  'compares with the margin; the bar at the lower end decides: within the shaded band the point is safe. Several draws: their mean, a band from the ' +
  'lowest to the highest, and the whiskers of each; the factor is safe where every draw is. The ' +
  'axis is linear about 0 and compressed beyond the margin.';

const drawsOf = ({ panels }: DifferenceFigure, method: string): number =>
  maxOf([
    1,
    ...panels.flatMap(({ series }) =>
      series.filter((one) => one.method === method).flatMap(({ points }) => points.map(({ draws }) => draws.length)),
    ),
  ]);

const legendLabel = (figure: DifferenceFigure, method: string): string => {
  const draws = drawsOf(figure, method);
  return draws > 1 ? `${methodTitle(method)} (${draws} draws)` : methodTitle(method);
};

interface DifferenceCharts extends Pick<SvgFigure, 'title' | 'description' | 'manifest' | 'theme'> {
  readonly caption: string;
  readonly legend: readonly LegendEntry[];
  readonly marks: ReadonlyMap<string, MethodMark>;
  /** One below the other. */
  readonly panels: readonly DifferencePanel[];
  readonly largestFactor: number;
  /** Height of a plot, and space above the caption, in pixels. */
  readonly height: number;
  readonly space: number;
}

/** Charts of differences with their whole legend and n. */
const drawDifferences = (charts: DifferenceCharts): Drawing => {
  const { panels, marks, largestFactor, height, space, theme, ...figure } = charts;
  const width = 2 * MARGIN + AXIS_ROOM + PLOT.width;
  const legend = drawMethodLegend(charts.legend, { left: MARGIN, right: width - MARGIN, top: 58 });
  const plotsTop = 66 + legend.rows * LEGEND_LINE;
  const rowHeight = PLOT.head + height + PLOT.below;
  const left = MARGIN + AXIS_ROOM;
  return captionedFigure({
    ...figure,
    width,
    bottom: plotsTop + panels.length * rowHeight + space,
    theme,
    children: [
      ...legend.nodes,
      ...panels.flatMap((panel, row) => {
        const top = plotsTop + row * rowHeight;
        const frame = { left, top: top + PLOT.head, width: PLOT.width, height };
        return [
          ...drawPanelHead(panel, { left, top, width: PLOT.width }, theme),
          drawDifferenceChart(panel, { ...frame, largestFactor, marks, emphasised: null, theme }),
          drawUpwardTitle(left - 46, frame.top + frame.height / 2, differenceAxisTitle(panel.metric), theme),
          drawAcrossTitle(
            left + PLOT.width / 2,
            frame.top + frame.height,
            'pruning factor (experts before / after)',
            theme,
          ),
        ];
      }),
    ],
  });
};

/** The chart of the workbench as a figure. */
export const differenceFigure = (figure: DifferenceFigure): Drawing => {
  const { model, panels, methods, shown, largestFactor, rule, otherRuns, manifest, theme } = figure;
  const marks = methodMarks(methods, theme, shown);
  const runs = otherRuns.length === 0 ? '' : ` Points also from ${otherRuns.join(', ')}.`;
  return drawDifferences({
    title: `${model}: difference to unpruned against pruning factor`,
    description: `${panels.map(({ task, n }) => `${theme.task(task)} (n = ${n})`).join(', ')}. ${rule}`,
    caption: `${DIFFERENCE_CAPTION} ${rule}${runs}`,
    legend: [...marks].map(([method, mark]) => ({ label: legendLabel(figure, method), mark })),
    marks,
    panels,
    largestFactor,
    height: 220,
    space: 8,
    manifest,
    theme,
  });
};

/** A run in a chart of several. */
interface ChartedRun {
  readonly name: string;
  readonly document: SweepDocument;
}

/** The curves of several runs for a model and a task; each curve has a key of its run and its method. */
export interface RunsChart {
  readonly model: string;
  readonly panel: DifferencePanel;
  readonly marks: ReadonlyMap<string, MethodMark>;
  /** "REAP, first sweep, n 300". */
  readonly labels: ReadonlyMap<string, string>;
  readonly largestFactor: number;
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
  const counts = new Map<string, { model: string; task: string; runs: number }>();
  for (const { document } of runs) {
    const own = new Set<string>();
    for (const { model, task, factor } of document.results) {
      const key = JSON.stringify([model, task]);
      if (factor <= 1 || own.has(key)) continue;
      own.add(key);
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { model, task, runs: 1 });
      else known.runs += 1;
    }
  }
  return [...counts.values()].sort((left, right) => right.runs - left.runs);
};

/** Differences to each run's own unpruned model; null if no run measured the model pruned on the task. */
export const runsChart = (runs: readonly ChartedRun[], { model, task, delta, theme }: Charted): RunsChart | null => {
  const marks = new Map<string, MethodMark>();
  const labels = new Map<string, string>();
  const panels = runs.flatMap(({ name, document }, run) => {
    const own = document.results.filter((result) => result.model === model && result.task === task);
    const panel = differencePanel(own, delta);
    if (panel === null) return [];
    const weights = panel.series.flatMap(({ method }) => weightsOfLabel(method).weights ?? []);
    const types = [...new Set(weights)];
    // Colours tell runs apart; a single run has the colours of its methods.
    const alone = runs.length > 1 ? null : methodMarks([...new Set(panel.series.map(({ method }) => method))], theme);
    const series = panel.series.map(({ method, points }, order) => {
      const key = JSON.stringify([run, method]);
      marks.set(key, alone?.get(method) ?? runMark(run, method, order, theme, types));
      labels.set(key, `${methodTitle(method)}, ${name}, n ${formatCount(panel.n)}`);
      return { method: key, points: points.map((point) => ({ ...point, method: key })) };
    });
    return [{ ...panel, series }];
  });
  const [first] = panels;
  if (first === undefined) return null;
  const series = panels.flatMap((panel) => panel.series);
  const largestFactor = maxOf([2, ...series.flatMap(({ points }) => points.map(({ factor }) => factor))]);
  return { model, panel: { ...first, n: maxOf(panels.map(({ n }) => n)), series }, marks, labels, largestFactor };
};

/** Settings that a figure names; the window shows all. */
const MOST_SETTINGS = 12;

const settingsText = (settings: readonly DifferingSetting[]): string => {
  if (settings.length === 0) return 'All settings of the runs are the same.';
  const named = settings.slice(0, MOST_SETTINGS).map(({ key, values }) => `${key} (${values.join(' | ')})`);
  const left = settings.length - named.length;
  return `Settings that differ: ${named.join('; ')}${left === 0 ? '' : `; and ${formatCount(left)} more`}.`;
};

/** The curves of several runs as a figure, with the settings in which they differ. */
export const runsFigure = (
  { model, panel, marks, labels, largestFactor }: RunsChart,
  settings: readonly DifferingSetting[],
  manifest: RunsRecord,
  theme: FigureTheme,
): Drawing => {
  const legend = [...marks].map(([key, mark]) => ({ label: labels.get(key) ?? key, mark }));
  return drawDifferences({
    title: `${model}: ${counted(manifest.runs.length, 'run')}, difference to unpruned against pruning factor`,
    description: `${theme.task(panel.task)}. Curves: ${legend.map(({ label }) => label).join('; ')}.`,
    caption: `${DIFFERENCE_CAPTION} Each run is compared with its own unpruned model. ${settingsText(settings)}`,
    legend,
    marks,
    panels: [panel],
    largestFactor,
    height: 260,
    space: 0,
    manifest,
    theme,
  });
};
