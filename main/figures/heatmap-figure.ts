import type { CellMatrix, Hatch } from './cell-matrix.ts';
import { channels, type ColorScale } from './color-scales.ts';
import type { FigureTheme } from './colors.ts';
import type { FigureManifest } from './figure-manifest.ts';
import { drawColorBar, drawHatches, drawHeatmapCells, labelStep } from './heatmap-cells.ts';
import type { ShadedMap } from './map-scaling.ts';
import { type Drawing, svgDocument, svgElement, svgLabel, wrapText } from './svg.ts';
import { type Deflate, encodePng, type PngImage } from './png.ts';

export interface HeatmapFigure {
  readonly title: string;
  /** Meaning of a cell's number. */
  readonly unit: string;
  readonly matrix: CellMatrix;
  readonly scale: ColorScale;
  /** Position of each value on the scale, which then shows shares; none: values themselves. */
  readonly shaded?: ShadedMap | null;
  /** Effect of a plan on each expert, [L][E]; none: no plan is shown. */
  readonly hatches?: readonly (readonly Hatch[])[];
  /** Meaning of a cell without a value; absent: no token chose its expert. */
  readonly absent?: string;
  /** Horizontal axis; absent: experts. */
  readonly across?: string;
  /** Facts below the map: task, tokens, run. */
  readonly note: string;
  readonly manifest: FigureManifest;
  readonly theme: FigureTheme;
}

const MARGIN = 24;
const LEFT = MARGIN + 44;
const TOP = 54;
const MAP_WIDTH = 768;
const LARGEST_CELL = 26;
const SMALLEST_CELL = 3;
const LABEL_ROOM = 24;

/** Layer x expert heatmap in the colours of `scale`; layers downwards (MoE layers only), experts across. */
export const heatmapFigure = (figure: HeatmapFigure): Drawing => {
  const {
    matrix,
    scale,
    shaded = null,
    hatches = [],
    theme,
    title,
    unit,
    note,
    manifest,
    absent,
    across = 'expert',
  } = figure;
  const layers = matrix.length;
  const experts = matrix[0]?.length ?? 0;
  const cell = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, Math.floor(MAP_WIDTH / Math.max(1, experts))));
  const mapWidth = cell * experts;
  const mapBottom = TOP + cell * layers;
  const width = Math.max(560, LEFT + mapWidth + MARGIN);
  const lines = wrapText(
    `Colour${shaded === null ? '' : ` (${shaded.words})`}: ${unit}. ${note}`,
    width - 2 * MARGIN,
    10.5,
  );
  const linesTop = mapBottom + 92;
  const height = linesTop + lines.length * 15 + 6;
  const layout = { left: LEFT, top: TOP, cellWidth: cell, cellHeight: cell };
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
        drawHeatmapCells(shaded?.shades ?? matrix, layout, scale, theme),
      ),
      ...drawHatches(hatches, layout),
      ...every(experts, LABEL_ROOM).map((expert) =>
        svgLabel(LEFT + (expert + 0.5) * cell, mapBottom + 14, String(expert), {
          'text-anchor': 'middle',
          fill: theme.muted,
        }),
      ),
      ...every(layers, 12).map((layer) =>
        svgLabel(LEFT - 6, TOP + (layer + 0.5) * cell + 4, String(layer), { 'text-anchor': 'end', fill: theme.muted }),
      ),
      svgLabel(LEFT + mapWidth / 2, mapBottom + 30, across, { 'text-anchor': 'middle', fill: theme.muted }),
      svgLabel(0, 0, 'MoE layer', {
        transform: `translate(${MARGIN + 10} ${TOP + (cell * layers) / 2}) rotate(-90)`,
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
      ...drawColorBar(
        {
          scale,
          shaded,
          theme,
          absent: matrix.some((row) => row.includes(null)) ? (absent ?? 'never chosen') : null,
          hatches,
        },
        LEFT,
        mapBottom + 46,
      ),
      ...lines.map((text, index) =>
        svgLabel(MARGIN, linesTop + index * 15, text, { 'font-size': 10.5, fill: theme.muted }),
      ),
    ],
  });
};

const WIDTH = 1024;
const LARGEST_BLOCK = 16;

/**
 * The heatmap as pixels only: each cell an n x n block (n such that the image is about 1024 wide, at most 16), layer 0
 * on top, in the colours of `scale`. There is no font for text: title, unit and manifest are text chunks of the file,
 * and the SVG beside it has axes and scale.
 */
export const heatmapPng = (
  matrix: CellMatrix,
  scale: ColorScale,
  theme: FigureTheme,
  texts: PngImage['texts'],
  deflate: Deflate,
): Uint8Array => {
  const experts = matrix[0]?.length ?? 0;
  const block = Math.max(1, Math.min(LARGEST_BLOCK, Math.floor(WIDTH / Math.max(1, experts))));
  const width = experts * block;
  const absent = channels(theme.absent);
  const pixels = new Uint8Array(3 * width * matrix.length * block);
  matrix.forEach((row, layer) => {
    const line = new Uint8Array(3 * width);
    row.forEach((value, expert) => {
      const color = value === null ? absent : channels(scale.color(value));
      for (let x = expert * block; x < (expert + 1) * block; x += 1) line.set(color, 3 * x);
    });
    for (let y = layer * block; y < (layer + 1) * block; y += 1) pixels.set(line, y * line.length);
  });
  return encodePng({ width, height: matrix.length * block, pixels, texts }, deflate);
};
