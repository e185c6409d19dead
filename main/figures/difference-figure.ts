import type { RunManifest } from '../contract/run.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { FigureTheme } from './colors.ts';
import { differenceAxisTitle, drawDifferenceChart } from './difference-chart.ts';
import type { DifferencePanel } from './difference-points.ts';
import { drawMethodLegend, LEGEND_LINE, methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { drawAcrossTitle, drawPanelHead, drawUpwardTitle } from './small-multiples.ts';
import { type Drawing, figureFooter, svgDocument, svgLabel } from './svg.ts';

export interface DifferenceFigure {
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
  readonly theme: FigureTheme;
}

const MARGIN = 24;
const AXIS_ROOM = 58;
const PLOT = { width: 640, height: 220, head: 26, below: 52 } as const;

/** How to read such a chart, beside the rule. */
export const DIFFERENCE_CAPTION =
  'Difference to the unpruned model on the same items. Whiskers run between the two one-sided 95 % ends; the bar at ' +
  'the lower end decides: within the shaded band the point is safe. Several draws: their mean, a band from the ' +
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

/** The chart of the workbench as a figure with its whole legend and n. */
export const differenceFigure = (figure: DifferenceFigure): Drawing => {
  const { model, panels, methods, shown, largestFactor, rule, otherRuns, manifest, theme } = figure;
  const marks = methodMarks(methods, theme, shown);
  const width = 2 * MARGIN + AXIS_ROOM + PLOT.width;
  const legend = drawMethodLegend(
    [...marks].map(([method, mark]) => ({ label: legendLabel(figure, method), mark })),
    { left: MARGIN, right: width - MARGIN, top: 58 },
  );
  const plotsTop = 66 + legend.rows * LEGEND_LINE;
  const rowHeight = PLOT.head + PLOT.height + PLOT.below;
  const captionTop = plotsTop + panels.length * rowHeight + 8;
  const runs = otherRuns.length === 0 ? '' : ` Points also from ${otherRuns.join(', ')}.`;
  const footer = figureFooter(
    { caption: `${DIFFERENCE_CAPTION} ${rule}${runs}`, manifest, theme },
    { left: MARGIN, top: captionTop, width },
  );
  const left = MARGIN + AXIS_ROOM;
  const title = `${model}: difference to unpruned against pruning factor`;
  return svgDocument({
    width,
    height: captionTop + footer.height,
    title,
    description: `${panels.map(({ task, n }) => `${theme.task(task)} (n = ${n})`).join(', ')}. ${rule}`,
    manifest,
    theme,
    children: [
      svgLabel(MARGIN, 34, title, { 'font-size': 17, 'font-weight': 600 }),
      ...legend.nodes,
      ...panels.flatMap((panel, row) => {
        const top = plotsTop + row * rowHeight;
        const frame = { left, top: top + PLOT.head, width: PLOT.width, height: PLOT.height };
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
      ...footer.nodes,
    ],
  });
};
