import type { RunManifest } from '../contract/run.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { curveCaption } from './captions.ts';
import type { FigureTheme } from './colors.ts';
import { axisTitle, drawCurvePanel, stripHeight } from './curve-panel.ts';
import type { CurvePanel, CurveSheet } from './curve-panels.ts';
import { methodMarks } from './method-marks.ts';
import { methodTitle } from '../words/methods.ts';
import { drawAcrossTitle, drawSmallMultiples, drawUpwardTitle } from './small-multiples.ts';
import { type Drawing, svgElement } from './svg.ts';

/** Size of a panel in pixels without its strip of thresholds; below it ticks and title of the axis. */
const PANEL = { width: 250, height: 216, axisRoom: 52, gap: 18, below: 54 } as const;

const valuesOf = (panel: CurvePanel): number[] => [
  panel.unpruned,
  ...(panel.margin === null ? [] : [panel.margin]),
  ...panel.series.flatMap(({ points }) => points.flatMap(({ low, high, value }) => [low, high, value])),
];

/** Accuracies share one axis within 0..1 over the sheet, so that panels are comparable; each perplexity has its own. */
const domainOf = (panel: CurvePanel, sheet: CurveSheet): readonly [number, number] => {
  if (panel.metric === 'perplexity') {
    const values = valuesOf(panel);
    return [minOf(values), maxOf(values)];
  }
  const values = sheet.panels.filter(({ metric }) => metric !== 'perplexity').flatMap(valuesOf);
  return [Math.max(0, minOf(values)), Math.min(1, maxOf(values))];
};

/** A method's name, and for several draws the meaning of its points. */
const legendLabel = (sheet: CurveSheet, method: string): string => {
  const drawn = sheet.panels.flatMap(({ series }) => series.filter((one) => one.method === method));
  const draws = maxOf([1, ...drawn.map((one) => one.draws)]);
  return draws > 1 ? `${methodTitle(method)} (mean and range of ${draws} draws)` : methodTitle(method);
};

const withMethods = (sheet: CurveSheet, shown: readonly string[]): CurveSheet => ({
  ...sheet,
  panels: sheet.panels.map((panel) => ({
    ...panel,
    series: panel.series.filter(({ method }) => shown.includes(method)),
  })),
});

/**
 * Accuracy (or perplexity) against pruning factor for one model: a small multiple per task, curves of `shown` methods.
 */
export const curveFigure = (
  whole: CurveSheet,
  rule: string,
  manifest: RunManifest,
  theme: FigureTheme,
  shown: readonly string[] = whole.methods,
): Drawing => {
  const sheet = withMethods(whole, shown);
  const marks = methodMarks(whole.methods, theme, shown);
  const points = sheet.panels.flatMap(({ series }) => series.flatMap((one) => one.points));
  const curtailed = sheet.panels.flatMap(({ series }) => series.flatMap((one) => one.curtailed));
  const largestFactor = maxOf([2, ...points.map(({ factor }) => factor), ...curtailed]);
  const { width, height: plotHeight, axisRoom, gap, below } = PANEL;
  const height = stripHeight(marks.size) + plotHeight;
  return drawSmallMultiples({
    title: `${sheet.model}: quality against pruning factor`,
    description: `${sheet.panels.length} tasks, methods ${[...marks.keys()].join(', ')}. ${rule}`,
    caption: `${curveCaption(sheet)} ${rule}`,
    manifest,
    theme,
    legend: [...marks].map(([method, mark]) => ({ label: legendLabel(sheet, method), mark })),
    cell: { width: axisRoom + width + gap, height: height + below, axisRoom, plotWidth: width },
    panels: sheet.panels.map((panel) => (left, top) => {
      const domain = domainOf(panel, sheet);
      return svgElement(
        'g',
        {},
        drawCurvePanel(panel, { left, top, width, height, largestFactor, domain, marks, theme }),
        drawUpwardTitle(left - 38, top + height - (plotHeight - 22) / 2, axisTitle(panel.metric), theme),
        drawAcrossTitle(left + width / 2, top + height, 'pruning factor (experts before / after)', theme),
      );
    }),
  });
};
