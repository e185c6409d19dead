import type { CellMatrix, Hatch } from './cell-matrix.ts';
import { type ColorScale, scaleSteps } from './color-scales.ts';
import type { FigureTheme } from './colors.ts';
import type { ShadedMap } from './map-scaling.ts';
import { svgElement, svgLabel, type SvgNode } from './svg.ts';

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
export const drawHatches = (hatches: readonly (readonly Hatch[])[], layout: CellLayout): SvgNode[] => {
  const drawn = HATCHES.map((hatch) => ({
    hatch,
    d: hatches
      .flatMap((row, layer) => row.map((one, expert) => (one === hatch ? outline(layout, layer, expert) : '')))
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
    if (shaded === null) return scaleNumber(low + (step / 2) * (high - low));
    return shaded.values === null ? shaded.labels[step] : scaleNumber(shaded.values[step]);
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
