import { markOutline, methodStyle, methodStyles, RECOVERED_DOT, type MethodStyle } from '../contract/method-style.ts';
import { methodOfLabel } from '../contract/method.ts';
import type { FigureTheme, ThemeName } from './figure-theme.ts';
import { svgElement, type SvgNode } from './svg.ts';

/** How a curve is drawn in one theme. */
export interface MethodMark extends Pick<MethodStyle, 'dash' | 'shape' | 'isRecovered'> {
  readonly color: string;
  /** Behind the mark: shows through where it is open. */
  readonly background: string;
}

const propertyOf = ({ name }: MethodStyle): string => `--method-${name}`;

const colorOf = (style: MethodStyle, theme: FigureTheme): string =>
  theme.name === 'page' ? `var(${propertyOf(style)})` : style[theme.name];

/** Custom properties (name, value) that marks of the page theme refer to. */
export const methodColors = (name: ThemeName): readonly (readonly [property: string, value: string])[] =>
  methodStyles.map((style) => [propertyOf(style), style[name]]);

/** Marks of curves in the order given; names that are no method share the last styles in turn. */
export const methodMarks = (labels: readonly string[], theme: FigureTheme): ReadonlyMap<string, MethodMark> => {
  const strangers = labels.filter((label) => methodOfLabel(label).method === null);
  return new Map(
    labels.map((label) => {
      const style = methodStyle(label, strangers.indexOf(label));
      const { dash, shape, isRecovered } = style;
      return [label, { color: colorOf(style, theme), background: theme.background, dash, shape, isRecovered }];
    }),
  );
};

const round = (value: number): number => Math.round(value * 100) / 100;

/** A method's mark at (x, y), `r` its radius; hollow on the background for "not reached". */
export const drawMark = (mark: MethodMark, x: number, y: number, r: number, hollow?: FigureTheme): SvgNode => {
  const isOpen = hollow !== undefined || mark.isRecovered;
  const outline = svgElement('path', {
    d: markOutline(mark.shape, round(x), round(y), r),
    fill: isOpen ? mark.background : mark.color,
    stroke: mark.color,
    'stroke-width': isOpen ? 1.2 : 0,
  });
  if (hollow !== undefined || !mark.isRecovered) return outline;
  return svgElement('g', {}, outline, svgElement('circle', { cx: round(x), cy: round(y), r: round(RECOVERED_DOT * r), fill: mark.color }));
};
