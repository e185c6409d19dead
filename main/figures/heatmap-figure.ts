import type { CellMatrix, Hatch } from './cell-matrix.ts';
import { channels, type ColorScale, type FigureTheme, scaleSteps } from './colors.ts';
import type { FigureManifest } from './figure-manifest.ts';
import type { ShadedMap } from './map-scaling.ts';
import { type Drawing, MARGIN, svgDocument, svgElement, svgLabel, type SvgNode, wrapText } from './svg.ts';
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
      ...drawExpertNumbers(experts, cell, { left: LEFT, top: mapBottom }, theme),
      ...numbered(layers, cell, 12).map((layer) =>
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

const HATCHES = ['dropped', 'merged'] as const;

export interface CellLayout {
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
}

/** Interval of labelled cells so that numbers of `room` pixels do not overlap. */
export const labelStep = (cell: number, room: number): number =>
  [1, 2, 4, 8, 16, 32].find((step) => step * cell >= room) ?? 64;

const numbered = (count: number, cell: number, room: number): number[] => {
  const step = labelStep(cell, room);
  return Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step);
};

/** Numbers of experts below a map. */
export const drawExpertNumbers = (
  experts: number,
  cell: number,
  { left, top }: Pick<CellLayout, 'left' | 'top'>,
  theme: FigureTheme,
): SvgNode[] =>
  numbered(experts, cell, LABEL_ROOM).map((expert) =>
    svgLabel(left + (expert + 0.5) * cell, top + 14, String(expert), { 'text-anchor': 'middle', fill: theme.muted }),
  );

const outline = ({ left, top, cellWidth, cellHeight }: CellLayout, layer: number, expert: number): string =>
  `M${left + expert * cellWidth} ${top + layer * cellHeight}h${cellWidth}v${cellHeight}h${-cellWidth}z`;

/** Cells of one colour as one path: a map of 60 layers x 256 experts stays under half a megabyte. */
export const drawHeatmapCells = (
  matrix: CellMatrix,
  layout: CellLayout,
  scale: ColorScale,
  theme: FigureTheme,
): SvgNode[] => {
  const outlines = new Map<string, string>();
  matrix.forEach((row, layer) => {
    row.forEach((value, expert) => {
      const color = value === null ? theme.absent : scale.color(value);
      outlines.set(color, (outlines.get(color) ?? '') + outline(layout, layer, expert));
    });
  });
  return [...outlines].map(([fill, d]) => svgElement('path', { fill, d }));
};

/** Patterns of a dark and a light line, visible on every colour of a map; merges are cross-hatched. */
const hatchPattern = (hatch: (typeof HATCHES)[number]): SvgNode => {
  const lines = (d: string, stroke: string): SvgNode => svgElement('path', { d, stroke, 'stroke-width': 1 });
  const frame = { width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' };
  return hatch === 'dropped'
    ? svgElement('pattern', { id: hatch, ...frame }, lines('M.5 0V6', '#000000'), lines('M1.5 0V6', '#ffffff'))
    : svgElement(
        'pattern',
        { id: hatch, ...frame },
        lines('M0 .5H6M.5 0V6', '#000000'),
        lines('M1.5 1.5H6M1.5 1.5V6', '#ffffff'),
      );
};

/** Hatches the cells of experts that a plan changes. */
const drawHatches = (hatches: readonly (readonly Hatch[])[], layout: CellLayout): SvgNode[] => {
  const drawn = HATCHES.map((hatch) => ({
    hatch,
    d: hatches
      .flatMap((row, layer) => row.map((entry, expert) => (entry === hatch ? outline(layout, layer, expert) : '')))
      .join(''),
  })).filter(({ d }) => d !== '');
  if (drawn.length === 0) return [];
  return [
    svgElement(
      'defs',
      {},
      drawn.map(({ hatch }) => hatchPattern(hatch)),
    ),
    ...drawn.map(({ hatch, d }) => svgElement('path', { fill: `url(#${hatch})`, d })),
  ];
};

const STEPS = 64;
const BAR = { width: 220, height: 10 } as const;

const scaleNumber = (value: number): string => String(Number(value.toPrecision(3))).replace('-', '\u2212');

export interface ScaleLegend {
  readonly scale: ColorScale;
  /** Meaning of the scale's shares; none: values themselves. */
  readonly shaded?: ShadedMap | null;
  readonly theme: FigureTheme;
  /** Meaning of a cell without a value; null: every cell has one. */
  readonly absent: string | null;
  readonly hatches?: readonly (readonly Hatch[])[];
}

const hatchWords = { dropped: 'dropped by the plan', merged: 'merged by the plan' } as const;

/** The colour scale at (x, y), 220 wide and 23 high, and beside it the meaning of cells without a colour from it. */
export const drawColorBar = (
  { scale, shaded = null, theme, absent, hatches = [] }: ScaleLegend,
  x: number,
  y: number,
): SvgNode[] => {
  const [low, high] = scale.domain;
  const endText = (step: 0 | 1 | 2): string => {
    const mark = shaded === null ? low + (step / 2) * (high - low) : shaded.marks[step];
    return typeof mark === 'string' ? mark : scaleNumber(mark);
  };
  const swatch = (left: number, top: number, fill: string, words: string): SvgNode[] => [
    svgElement('rect', { x: left, y: top, width: 10, height: 10, fill }),
    svgLabel(left + 16, top + 9, words, { fill: theme.muted }),
  ];
  // A long explanation of absent cells takes a line of its own.
  const [across, down] = absent === null || absent === 'never chosen' ? [136, 0] : [36, 14];
  return [
    ...scaleSteps(scale, STEPS).map((fill, step) =>
      svgElement('rect', {
        x: x + (step * BAR.width) / STEPS,
        y,
        width: BAR.width / STEPS + (step < STEPS - 1 ? 0.5 : 0),
        height: BAR.height,
        fill,
      }),
    ),
    ...([0, 1, 2] as const).map((step) =>
      svgLabel(x + (step / 2) * BAR.width, y + 23, endText(step), {
        'text-anchor': 'middle',
        fill: theme.muted,
      }),
    ),
    ...(absent === null ? [] : swatch(x + BAR.width + 36, y, theme.absent, absent)),
    ...HATCHES.filter((hatch) => hatches.some((row) => row.includes(hatch))).flatMap((hatch, index) =>
      swatch(x + BAR.width + across, y + down + 14 * index, `url(#${hatch})`, hatchWords[hatch]),
    ),
  ];
};
