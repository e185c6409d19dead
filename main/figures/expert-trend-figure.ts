import type { FamilyDocument } from '../contract/family.ts';
import type { RunManifest } from '../contract/run.ts';
import { drawExpertTrendPanel } from './expert-trend-panel.ts';
import { figureFooter } from './figure-footer.ts';
import type { FigureTheme } from './figure-theme.ts';
import { drawMethodLegend, LEGEND_LINE } from './method-legend.ts';
import { methodMarks } from './method-mark.ts';
import { svgElement, svgLabel } from './svg.ts';
import { svgDocument } from './svg-document.ts';

const MARGIN = 24;
const COLUMNS = 3;
const CELL = { width: 320, height: 264 } as const;
const AXIS_ROOM = 52;
const PANEL = { width: 250, height: 204 } as const;

/** How to read thresholds over experts; the threshold rule stands beside it. */
export const expertTrendCaption = ({ trends }: FamilyDocument): string => {
  const isRepeated = trends.some(({ spread }) => spread.some(({ models }) => models > 1));
  return (
    'Mark: threshold, the largest safe factor (hollow: no factor above 1 is safe); bar: the first unsafe factor; arrow: ' +
    'every tested factor is safe; ?: cannot be told, too few items. Between mark and bar no factor was tested: that is the ' +
    'interval that the items leave. Dotted: largest factor that was tested, never below top-k experts. ' +
    (isRepeated
      ? 'Marks side by side are trainings of one size, the broad band spans them and the line runs through their mean.'
      : 'Each size was trained once.')
  );
};

/**
 * Threshold against the number of pretraining experts: a small multiple per task, both axes doubling. `tasks` are those
 * to draw, in order.
 */
export const expertTrendFigure = (
  family: FamilyDocument,
  tasks: readonly string[],
  manifest: RunManifest,
  theme: FigureTheme,
): string => {
  const columns = Math.min(COLUMNS, tasks.length);
  const rows = Math.ceil(tasks.length / columns);
  const width = 2 * MARGIN + Math.max(columns, 2) * CELL.width - (CELL.width - AXIS_ROOM - PANEL.width);
  const marks = methodMarks(family.methods, theme);
  const legend = drawMethodLegend(
    [...marks].map(([label, mark]) => ({ label, mark })),
    { left: MARGIN, right: width - MARGIN, top: 58 },
  );
  const gridTop = 62 + legend.rows * LEGEND_LINE;
  const captionTop = gridTop + rows * CELL.height + 18;
  const caption = `${expertTrendCaption(family)} ${family.rule}`;
  const footer = figureFooter({ caption, manifest, theme }, { left: MARGIN, top: captionTop, width });
  const sizes = [...new Set(family.models.map(({ experts }) => experts))].sort((a, b) => a - b);
  const factors = family.thresholds.flatMap(({ largestTested, firstUnsafe }) => [largestTested, firstUnsafe ?? 1]);
  const largestFactor = Math.max(2, ...factors);

  const panels = tasks.map((task, index) => {
    const left = MARGIN + AXIS_ROOM + (index % columns) * CELL.width;
    const top = gridTop + Math.floor(index / columns) * CELL.height;
    const trends = family.trends.filter((trend) => trend.task === task);
    const middle = Math.round(top + 11 + PANEL.height / 2);
    return svgElement(
      'g',
      {},
      drawExpertTrendPanel({ task, trends }, { left, top, ...PANEL, sizes, largestFactor, marks, theme }),
      svgLabel(0, 0, 'threshold factor', {
        transform: `translate(${left - 36} ${middle}) rotate(-90)`,
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
      svgLabel(left + PANEL.width / 2, top + PANEL.height + 31, 'experts before pruning (E)', {
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
    );
  });
  const title = 'Threshold against the number of pretraining experts';
  return svgDocument({
    width,
    height: captionTop + footer.height,
    title,
    description: `${tasks.length} tasks, methods ${family.methods.join(', ')}, E = ${sizes.join(', ')}. ${family.rule}`,
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
