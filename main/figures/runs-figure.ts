import type { DifferingSetting } from '../contract/compare-sweeps.ts';
import { weightsOfLabel } from '../contract/method.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { maxOf } from '../statistics/extremes.ts';
import { methodTitle } from '../words/methods.ts';
import { counted, formatCount } from '../words/numbers.ts';
import type { FigureTheme } from './colors.ts';
import { differenceAxisTitle, drawDifferenceChart } from './difference-chart.ts';
import { DIFFERENCE_CAPTION } from './difference-figure.ts';
import { type DifferencePanel, differencePanel } from './difference-points.ts';
import type { RunsRecord } from './figure-manifest.ts';
import {
  drawMethodLegend,
  type LegendEntry,
  LEGEND_LINE,
  type MethodMark,
  methodMarks,
  runMark,
} from './method-marks.ts';
import { drawAcrossTitle, drawPanelHead, drawUpwardTitle } from './small-multiples.ts';
import { type Drawing, figureFooter, svgDocument, svgLabel } from './svg.ts';

/** A run in a chart of several. */
export interface ChartedRun {
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

const MARGIN = 24;
const AXIS_ROOM = 58;
const PLOT = { width: 640, height: 260, head: 26, below: 52 } as const;

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
  const width = 2 * MARGIN + AXIS_ROOM + PLOT.width;
  const entries = [...marks].map(([key, mark]): LegendEntry => ({ label: labels.get(key) ?? key, mark }));
  const legend = drawMethodLegend(entries, { left: MARGIN, right: width - MARGIN, top: 58 });
  const top = 66 + legend.rows * LEGEND_LINE;
  const frame = { left: MARGIN + AXIS_ROOM, top: top + PLOT.head, width: PLOT.width, height: PLOT.height };
  const bottom = frame.top + frame.height;
  const caption = `${DIFFERENCE_CAPTION} Each run is compared with its own unpruned model. ${settingsText(settings)}`;
  const footer = figureFooter({ caption, manifest, theme }, { left: MARGIN, top: bottom + PLOT.below, width });
  const title = `${model}: ${counted(manifest.runs.length, 'run')}, difference to unpruned against pruning factor`;
  return svgDocument({
    width,
    height: bottom + PLOT.below + footer.height,
    title,
    description: `${theme.task(panel.task)}. Curves: ${entries.map(({ label }) => label).join('; ')}.`,
    manifest,
    theme,
    children: [
      svgLabel(MARGIN, 34, title, { 'font-size': 17, 'font-weight': 600 }),
      ...legend.nodes,
      ...drawPanelHead(panel, { left: frame.left, top, width: PLOT.width }, theme),
      drawDifferenceChart(panel, { ...frame, largestFactor, marks, emphasised: null, theme }),
      drawUpwardTitle(frame.left - 46, frame.top + frame.height / 2, differenceAxisTitle(panel.metric), theme),
      drawAcrossTitle(frame.left + PLOT.width / 2, bottom, 'pruning factor (experts before / after)', theme),
      ...footer.nodes,
    ],
  });
};
