import type { RunManifest } from '../contract/run.ts';
import type { MetricName } from '../contract/task.ts';
import type { FigureTheme } from './colors.ts';
import { axisTitle, drawCurvePanel, stripHeight } from './curve-panel.ts';
import type { CurvePanel, CurveSheet } from './curve-panels.ts';
import { drawMethodLegend, LEGEND_LINE, methodMarks } from './method-marks.ts';
import { figureFooter, svgDocument, svgElement, svgLabel } from './svg.ts';

const MARGIN = 24;
const COLUMNS = 3;
const PANEL = { width: 250, height: 216, axisRoom: 52, gap: 18, below: 54 } as const;

const valuesOf = (panel: CurvePanel): number[] => [
  panel.unpruned,
  ...(panel.margin === null ? [] : [panel.margin]),
  ...panel.series.flatMap(({ points }) => points.flatMap(({ low, high, value }) => [low, high, value])),
];

/** Accuracies share one axis within 0..1 over the sheet, so that panels compare; each perplexity has its own. */
const domainOf = (panel: CurvePanel, sheet: CurveSheet): readonly [number, number] => {
  if (panel.metric === 'perplexity') {
    const values = valuesOf(panel);
    return [Math.min(...values), Math.max(...values)];
  }
  const values = sheet.panels.filter(({ metric }) => metric !== 'perplexity').flatMap(valuesOf);
  return [Math.max(0, Math.min(...values)), Math.min(1, Math.max(...values))];
};

/** A method's name, and what its points are where it has several seeds. */
const legendLabel = (sheet: CurveSheet, method: string): string => {
  const drawn = sheet.panels.flatMap(({ series }) => series.filter((one) => one.method === method));
  const seeds = Math.max(...drawn.map((one) => one.seeds));
  return seeds > 1 ? `${method} (mean and range of ${seeds} seeds)` : method;
};

/** How to read the curves of a sheet; the threshold rule stands beside it. */
export const curveCaption = (sheet: CurveSheet): string => {
  const metrics = new Set<MetricName>(sheet.panels.map(({ metric }) => metric));
  const intervals = [
    ...(metrics.has('acc') || metrics.has('acc_norm') ? ["Tango's score interval for paired proportions"] : []),
    ...(metrics.has('perplexity') ? ['paired bootstrap for perplexity'] : []),
  ].join('; ');
  return (
    `Whiskers: two-sided 95 % interval of the difference to the unpruned model on the same items, about its value ` +
    `(${intervals}). Solid line: unpruned model; dotted line: the margin. Above each plot, per method: mark at ` +
    `the threshold factor, bar at the first unsafe factor; an arrow means that every tested factor is safe, a hollow ` +
    'mark that none is.'
  );
};

/** Accuracy (or perplexity) against pruning factor for one model: a small multiple per task. */
export const curveFigure = (sheet: CurveSheet, rule: string, manifest: RunManifest, theme: FigureTheme): string => {
  const columns = Math.min(COLUMNS, sheet.panels.length);
  const rows = Math.ceil(sheet.panels.length / columns);
  const cell = {
    width: PANEL.axisRoom + PANEL.width + PANEL.gap,
    height: stripHeight(sheet.methods.length) + PANEL.height + PANEL.below,
  };
  const width = 2 * MARGIN + Math.max(columns, 2) * cell.width - PANEL.gap;
  const marks = methodMarks(sheet.methods, theme);
  const legend = drawMethodLegend(
    [...marks].map(([method, mark]) => ({ label: legendLabel(sheet, method), mark })),
    { left: MARGIN, right: width - MARGIN, top: 58 },
  );
  const gridTop = 62 + legend.rows * LEGEND_LINE;
  const captionTop = gridTop + rows * cell.height + 18;
  const footer = figureFooter(
    { caption: `${curveCaption(sheet)} ${rule}`, manifest, theme },
    { left: MARGIN, top: captionTop, width },
  );
  const points = sheet.panels.flatMap(({ series }) => series.flatMap((one) => one.points));
  const largestFactor = Math.max(2, ...points.map(({ factor }) => factor));

  const panels = sheet.panels.map((panel, index) => {
    const left = MARGIN + (index % columns) * cell.width + PANEL.axisRoom;
    const top = gridTop + Math.floor(index / columns) * cell.height;
    const panelHeight = cell.height - PANEL.below;
    const middle = top + panelHeight - (panelHeight - stripHeight(sheet.methods.length) - 22) / 2;
    return svgElement(
      'g',
      {},
      drawCurvePanel(panel, {
        left,
        top,
        width: PANEL.width,
        height: panelHeight,
        largestFactor,
        domain: domainOf(panel, sheet),
        marks,
        theme,
      }),
      svgLabel(0, 0, axisTitle(panel.metric), {
        transform: `translate(${left - 38} ${Math.round(middle)}) rotate(-90)`,
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
      svgLabel(left + PANEL.width / 2, top + panelHeight + 31, 'pruning factor (experts before / after)', {
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
    );
  });
  const title = `${sheet.model}: quality against pruning factor`;
  return svgDocument({
    width,
    height: captionTop + footer.height,
    title,
    description: `${sheet.panels.length} tasks, methods ${sheet.methods.join(', ')}. ${rule}`,
    manifest,
    theme,
    children: [
      svgLabel(MARGIN, 34, title, { 'font-size': 17, 'font-weight': 600 }),
      ...legend.nodes,
      ...panels,
      ...footer.nodes,
    ],
  });
};
