import type { MetricName } from '../contract/task.ts';
import type { FigureTheme } from './colors.ts';
import { drawMethodLegend, LEGEND_LINE, type LegendEntry } from './method-marks.ts';
import type { AxisScale } from './scales.ts';
import {
  captionedFigure,
  type Drawing,
  fitText,
  MARGIN,
  type SvgFigure,
  svgLabel,
  svgLine,
  type SvgNode,
  textWidth,
} from './svg.ts';

const COLUMNS = 3;
/** Space between the last row of panels and the caption. */
const ABOVE_CAPTION = 18;

/** Space of one panel: its plot starts `axisRoom` from the left edge. */
interface PanelCell {
  readonly width: number;
  readonly height: number;
  readonly axisRoom: number;
  readonly plotWidth: number;
}

interface SmallMultiples extends Pick<SvgFigure, 'title' | 'description' | 'manifest' | 'theme'> {
  /** How to read it; for a figure in a page, the page explains it. */
  readonly caption: string;
  readonly legend: readonly LegendEntry[];
  readonly cell: PanelCell;
  /** Each draws a panel with its plot beginning at `left` and its heading at `top`. */
  readonly panels: readonly ((left: number, top: number) => SvgNode)[];
}

/** Title, the whole legend, up to three panels beside each other, and the caption below. */
export const drawSmallMultiples = (figure: SmallMultiples): Drawing => {
  const { title, description, caption, manifest, theme, cell, panels } = figure;
  const columns = Math.max(1, Math.min(COLUMNS, panels.length));
  const rows = Math.ceil(panels.length / columns);
  const width = 2 * MARGIN + Math.max(columns, 2) * cell.width - (cell.width - cell.axisRoom - cell.plotWidth);
  const legend = drawMethodLegend(figure.legend, { left: MARGIN, right: width - MARGIN, top: 58 });
  const gridTop = 62 + legend.rows * LEGEND_LINE;
  return captionedFigure({
    width,
    bottom: gridTop + rows * cell.height + ABOVE_CAPTION,
    title,
    description,
    caption,
    manifest,
    theme,
    children: [
      ...legend.nodes,
      ...panels.map((draw, index) =>
        draw(
          MARGIN + cell.axisRoom + (index % columns) * cell.width,
          gridTop + Math.floor(index / columns) * cell.height,
        ),
      ),
    ],
  });
};

const SMALLEST_HEAD = 10;
const HEAD_SIZES = [13, 12, 11, SMALLEST_HEAD];

/** A panel's task and its number of items, over a plot of `width` pixels. */
export const drawPanelHead = (
  { task, n }: { readonly task: string; readonly n: number },
  { left, top, width }: { readonly left: number; readonly top: number; readonly width: number },
  theme: FigureTheme,
): SvgNode[] => {
  const [title, room] = [theme.task(task), width - 70];
  // The end of a title may tell two tasks apart ("written"): smaller letters before fewer.
  const size = HEAD_SIZES.find((one) => textWidth(title, one) <= room) ?? SMALLEST_HEAD;
  return [
    svgLabel(left, top + 12, fitText(title, room, size), { 'font-size': size, 'font-weight': 600 }),
    svgLabel(left + width, top + 12, `n = ${n}`, { 'text-anchor': 'end', fill: theme.muted }),
  ];
};

/** Short label of a tick: accuracies (and their differences) in per cent. */
export const tickText = (tick: number, metric: MetricName): string =>
  String(Number((metric === 'perplexity' ? tick : 100 * tick).toPrecision(6))).replace('-', '\u2212');

/** Lines and numbers of a vertical scale, from `left` to `right`. */
export const drawUpwardTicks = (
  { ticks, position }: AxisScale,
  [left, right]: readonly [number, number],
  written: (tick: number) => string,
  theme: FigureTheme,
): SvgNode[] =>
  ticks.flatMap((tick) => [
    svgLine(left, position(tick), right, position(tick), theme.grid),
    svgLabel(left - 6, position(tick) + 3.5, written(tick), { 'text-anchor': 'end', fill: theme.muted }),
  ]);

/** Lines and numbers of a horizontal scale, from `top` to `bottom`, and its title below the numbers. */
export const drawAcrossTicks = (
  { ticks, position }: AxisScale,
  [top, bottom]: readonly [number, number],
  written: (tick: number) => string,
  theme: FigureTheme,
): SvgNode[] =>
  ticks.flatMap((tick) => [
    svgLine(position(tick), top, position(tick), bottom + 4, theme.grid),
    svgLabel(position(tick), bottom + 16, written(tick), { 'text-anchor': 'middle', fill: theme.muted }),
  ]);

/** Title of a horizontal axis, below the numbers of its ticks. */
export const drawAcrossTitle = (middle: number, bottom: number, words: string, theme: FigureTheme): SvgNode =>
  svgLabel(middle, bottom + 31, words, { 'text-anchor': 'middle', fill: theme.muted });

export const drawUpwardTitle = (x: number, middle: number, words: string, theme: FigureTheme): SvgNode =>
  svgLabel(0, 0, words, {
    transform: `translate(${x} ${Math.round(middle)}) rotate(-90)`,
    'text-anchor': 'middle',
    fill: theme.muted,
  });
