import { maxOf } from '../statistics/extremes.ts';
import type { CellMatrix } from './cell-matrix.ts';
import type { RunManifest } from '../contract/run.ts';
import { amountScale, type FigureTheme } from './colors.ts';
import { drawColorBar, drawExpertNumbers, drawHeatmapCells } from './heatmap-figure.ts';
import { type Drawing, figureFooter, fitText, MARGIN, svgDocument, svgElement, svgLabel, type SvgNode } from './svg.ts';

/** Maps of one statistic of one model, a block per task. */
export interface RoutingSheet {
  readonly title: string;
  /** Meaning of a cell's number. */
  readonly unit: string;
  readonly blocks: readonly { readonly task: string; readonly matrix: CellMatrix }[];
  /** Upper end of the colour scale, which starts at 0: shared by all blocks, so that they are comparable. */
  readonly maximum: number;
  readonly manifest: RunManifest;
  readonly theme: FigureTheme;
}

const LABEL_ROOM = 132;
const LEFT = MARGIN + LABEL_ROOM;
const TOP = 50;
const MAP_WIDTH = 736;
const LARGEST_CELL = 26;
const GAP = 10;

/** Few layers get tall rows; many stay legible as texture. */
const rowHeight = (layers: number): number => (layers <= 8 ? 12 : layers <= 24 ? 6 : 4);

/** Height of one task's block, for splitting a sheet over pages. */
export const routingBlockHeight = (layers: number): number => layers * rowHeight(layers) + GAP;

const drawBlock = (
  block: RoutingSheet['blocks'][number],
  top: number,
  cellWidth: number,
  sheet: RoutingSheet,
): SvgNode[] => {
  const { matrix, task } = block;
  const { maximum, theme } = sheet;
  const cellHeight = rowHeight(matrix.length);
  const middle = top + (matrix.length * cellHeight) / 2;
  return [
    svgLabel(LEFT - 10, middle + 4, fitText(task, LABEL_ROOM - 10, 12), { 'text-anchor': 'end', 'font-size': 12 }),
    svgElement(
      'g',
      { 'shape-rendering': 'crispEdges' },
      drawHeatmapCells(matrix, { left: LEFT, top, cellWidth, cellHeight }, amountScale(maximum), theme),
    ),
  ];
};

export const routingCaption = ({ unit, blocks }: Pick<RoutingSheet, 'unit' | 'blocks'>): string =>
  `Colour: ${unit}. Rows of a task: its ${blocks[0]?.matrix.length ?? 0} MoE layers, the first on top.`;

/**
 * Use of a model's experts by task: tasks below one another, so that the columns of one expert are aligned. Within a
 * block MoE layers run downwards, experts across; cividis from 0 to `maximum`.
 */
export const routingSheet = (sheet: RoutingSheet): Drawing => {
  const { title, unit, blocks, maximum, manifest, theme } = sheet;
  const experts = maxOf([1, ...blocks.map(({ matrix }) => matrix[0]?.length ?? 0)]);
  const layers = maxOf([0, ...blocks.map(({ matrix }) => matrix.length)]);
  const cellWidth = Math.max(3, Math.min(LARGEST_CELL, Math.floor(MAP_WIDTH / experts)));
  const width = Math.max(560, LEFT + cellWidth * experts + MARGIN);
  const mapBottom = TOP + blocks.length * routingBlockHeight(layers) - GAP;
  const footerTop = mapBottom + 88;
  const footer = figureFooter(
    { caption: routingCaption(sheet), manifest, theme },
    { left: MARGIN, top: footerTop, width },
  );
  const hasAbsent = blocks.some(({ matrix }) => matrix.some((row) => row.includes(null)));
  return svgDocument({
    width,
    height: footerTop + footer.height,
    title,
    description: `${blocks.length} tasks, ${layers} MoE layers by ${experts} experts. ${unit}.`,
    manifest,
    theme,
    children: [
      svgLabel(MARGIN, 32, title, { 'font-size': 15, 'font-weight': 600 }),
      ...blocks.flatMap((block, index) => drawBlock(block, TOP + index * routingBlockHeight(layers), cellWidth, sheet)),
      ...drawExpertNumbers(experts, cellWidth, { left: LEFT, top: mapBottom }, theme),
      svgLabel(LEFT + (cellWidth * experts) / 2, mapBottom + 30, 'expert', {
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
      ...drawColorBar(
        { scale: amountScale(maximum), theme, absent: hasAbsent ? 'never chosen' : null },
        LEFT,
        mapBottom + 46,
      ),
      ...footer.nodes,
    ],
  });
};
