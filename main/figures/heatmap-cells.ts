import { cividis, hexColor } from './cividis.ts';
import type { FigureTheme } from './figure-theme.ts';
import type { CellMatrix } from './profile-matrices.ts';
import { svgElement, svgLabel, type SvgNode } from './svg.ts';

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
