import type { RunManifest } from '../contract/run.ts';
import { cividis, type FigureTheme, hexColor } from './colors.ts';
import type { CellMatrix } from './profile-matrices.ts';
import { svgDocument, svgElement, svgLabel, type SvgNode, wrapText } from './svg.ts';

export interface CellPlace {
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Upper end of the colour scale, which starts at 0. */
  readonly maximum: number;
  readonly theme: FigureTheme;
}

const colorOf = (value: number | null, maximum: number, theme: FigureTheme): string =>
  value === null ? theme.absent : hexColor(cividis(maximum > 0 ? value / maximum : 0));

/** Cells of one colour as one path: a map of 60 layers x 256 experts stays under half a megabyte. */
export const drawHeatmapCells = (matrix: CellMatrix, place: CellPlace): SvgNode[] => {
  const { left, top, cellWidth, cellHeight, maximum, theme } = place;
  const outlines = new Map<string, string>();
  matrix.forEach((row, layer) => {
    row.forEach((value, expert) => {
      const color = colorOf(value, maximum, theme);
      const cell = `M${left + expert * cellWidth} ${top + layer * cellHeight}h${cellWidth}v${cellHeight}h${-cellWidth}z`;
      outlines.set(color, (outlines.get(color) ?? '') + cell);
    });
  });
  return [...outlines].map(([fill, d]) => svgElement('path', { fill, d }));
};

/** The colour scale from 0 to `maximum` at (x, y), 220 wide and 23 high, and what an absent cell means if there is one. */
export const drawColorBar = (
  { maximum, theme, hasAbsent }: { readonly maximum: number; readonly theme: FigureTheme; readonly hasAbsent: boolean },
  x: number,
  y: number,
): SvgNode[] => {
  const steps = 64;
  const width = 220;
  const number = (value: number): string => String(Number(value.toPrecision(3)));
  return [
    ...Array.from({ length: steps }, (_, step) =>
      svgElement('rect', {
        x: x + (step * width) / steps,
        y,
        width: width / steps + (step < steps - 1 ? 0.5 : 0),
        height: 10,
        fill: hexColor(cividis(step / (steps - 1))),
      }),
    ),
    ...[0, 0.5, 1].map((share) =>
      svgLabel(x + share * width, y + 23, number(share * maximum), { 'text-anchor': 'middle', fill: theme.muted }),
    ),
    ...(hasAbsent
      ? [
          svgElement('rect', { x: x + width + 36, y, width: 10, height: 10, fill: theme.absent }),
          svgLabel(x + width + 52, y + 9, 'never chosen', { fill: theme.muted }),
        ]
      : []),
  ];
};

export interface HeatmapFigure {
  readonly title: string;
  /** What a cell's number is. */
  readonly unit: string;
  readonly matrix: CellMatrix;
  /** Upper end of the colour scale, which starts at 0. */
  readonly maximum: number;
  /** Facts below the map: task, tokens, run. */
  readonly note: string;
  readonly manifest: RunManifest;
  readonly theme: FigureTheme;
}

const MARGIN = 24;
const LEFT = MARGIN + 44;
const TOP = 54;
const MAP_WIDTH = 768;
const LARGEST_CELL = 26;
const SMALLEST_CELL = 3;
const LABEL_ROOM = 24;

/** Every how many cells a number is written, so that numbers stay apart. */
const labelStep = (cell: number, room: number): number =>
  [1, 2, 4, 8, 16, 32].find((step) => step * cell >= room) ?? 64;

/** Layer x expert heatmap in cividis, from 0 to `maximum`; layers downwards (MoE layers only), experts across. */
export const heatmapFigure = (figure: HeatmapFigure): string => {
  const { matrix, maximum, theme, title, unit, note, manifest } = figure;
  const layers = matrix.length;
  const experts = matrix[0]?.length ?? 0;
  const cell = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, Math.floor(MAP_WIDTH / Math.max(1, experts))));
  const mapWidth = cell * experts;
  const mapBottom = TOP + cell * layers;
  const width = Math.max(560, LEFT + mapWidth + MARGIN);
  const lines = wrapText(`Colour: ${unit}. ${note}`, width - 2 * MARGIN, 10.5);
  const linesTop = mapBottom + 92;
  const height = linesTop + lines.length * 15 + 6;
  const every = (count: number, room: number): number[] => {
    const step = labelStep(cell, room);
    return Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step);
  };
  return svgDocument({
    width,
    height,
    title,
    description: `${layers} MoE layers by ${experts} experts. ${unit}. ${note}`,
    manifest,
    theme,
    children: [
      svgLabel(MARGIN, 34, title, { 'font-size': 15, 'font-weight': 600 }),
      svgElement(
        'g',
        { 'shape-rendering': 'crispEdges' },
        ...drawHeatmapCells(matrix, { left: LEFT, top: TOP, cellWidth: cell, cellHeight: cell, maximum, theme }),
      ),
      ...every(experts, LABEL_ROOM).map((expert) =>
        svgLabel(LEFT + (expert + 0.5) * cell, mapBottom + 14, String(expert), {
          'text-anchor': 'middle',
          fill: theme.muted,
        }),
      ),
      ...every(layers, 12).map((layer) =>
        svgLabel(LEFT - 6, TOP + (layer + 0.5) * cell + 4, String(layer), { 'text-anchor': 'end', fill: theme.muted }),
      ),
      svgLabel(LEFT + mapWidth / 2, mapBottom + 30, 'expert', { 'text-anchor': 'middle', fill: theme.muted }),
      svgLabel(0, 0, 'MoE layer', {
        transform: `translate(${MARGIN + 10} ${TOP + (cell * layers) / 2}) rotate(-90)`,
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
      ...drawColorBar({ maximum, theme, hasAbsent: matrix.some((row) => row.includes(null)) }, LEFT, mapBottom + 46),
      ...lines.map((text, index) =>
        svgLabel(MARGIN, linesTop + index * 15, text, { 'font-size': 10.5, fill: theme.muted }),
      ),
    ],
  });
};
