import { drawMark, type MethodMark } from './method-mark.ts';
import { svgElement, svgLabel, type SvgNode } from './svg.ts';
import { textWidth } from './text-layout.ts';

export interface LegendEntry {
  readonly label: string;
  readonly mark: MethodMark;
}

export const LEGEND_LINE = 22;
const FONT_SIZE = 12;

/** Methods with their line and mark, in rows from `left` to `right`; the first row's middle is at `top`. */
export const drawMethodLegend = (
  entries: readonly LegendEntry[],
  { left, right, top }: { readonly left: number; readonly right: number; readonly top: number },
): { readonly nodes: readonly SvgNode[]; readonly rows: number } => {
  let x = left;
  let rows = 1;
  const nodes = entries.flatMap(({ label, mark }) => {
    const width = 58 + textWidth(label, FONT_SIZE);
    if (x > left && x + width > right) {
      x = left;
      rows += 1;
    }
    const start = x;
    const y = top + (rows - 1) * LEGEND_LINE;
    x += width;
    return [
      svgElement('path', { d: `M${start} ${y}h30`, stroke: mark.color, 'stroke-width': 1.6, 'stroke-dasharray': mark.dash }),
      drawMark(mark, start + 15, y, 4),
      svgLabel(start + 38, y + 4, label, { 'font-size': FONT_SIZE }),
    ];
  });
  return { nodes, rows };
};
