import type { FigureTheme, ThemeName } from './figure-theme.ts';
import { svgElement, type SvgNode } from './svg.ts';

type Shape = 'circle' | 'square' | 'triangle' | 'diamond' | 'down' | 'bar';

/** How a method is drawn: a colour-blind-safe colour (Okabe and Ito 2008), and a shape and a dash of its own. */
export interface MethodMark {
  readonly color: string;
  readonly dash: string;
  readonly shape: Shape;
}

interface Style extends Omit<MethodMark, 'color'> {
  readonly light: string;
  readonly dark: string;
}

/** The window draws methods with the same colours, dashes and shapes. */
const known: Readonly<Record<string, Style>> = {
  random: { light: '#6b6f76', dark: '#a3a8b0', dash: '2 3', shape: 'circle' },
  frequency: { light: '#b86e00', dark: '#f0a830', dash: '6 3', shape: 'square' },
  reap: { light: '#0068a8', dark: '#5ab4ee', dash: 'none', shape: 'triangle' },
  uncurl: { light: '#008060', dark: '#2cc39a', dash: '8 3 2 3', shape: 'diamond' },
};
const other: readonly [Style, ...Style[]] = [
  { light: '#a34a80', dark: '#dd8fbb', dash: '4 2', shape: 'down' },
  { light: '#a84400', dark: '#f08050', dash: '10 3', shape: 'bar' },
];

const propertyOf = (style: Style): string => {
  const name = Object.keys(known).find((method) => known[method] === style) ?? `other-${other.indexOf(style)}`;
  return `--method-${name}`;
};

const colorOf = (style: Style, theme: FigureTheme): string =>
  theme.name === 'page' ? `var(${propertyOf(style)})` : style[theme.name];

/** Custom properties (name, value) that marks of the page theme refer to. */
export const methodColors = (name: ThemeName): readonly (readonly [property: string, value: string])[] =>
  [...Object.values(known), ...other].map((style) => [propertyOf(style), style[name]]);

/** Marks of methods in the order given; methods without a style of their own share the last ones in turn. */
export const methodMarks = (methods: readonly string[], theme: FigureTheme): ReadonlyMap<string, MethodMark> => {
  const strangers = methods.filter((method) => known[method] === undefined);
  return new Map(
    methods.map((method) => {
      const style = known[method] ?? other[strangers.indexOf(method) % other.length] ?? other[0];
      return [method, { color: colorOf(style, theme), dash: style.dash, shape: style.shape }];
    }),
  );
};

const outline = (shape: Shape, x: number, y: number, r: number): string => {
  switch (shape) {
    case 'circle':
      return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
    case 'square':
      return `M${x - 0.9 * r} ${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}Z`;
    case 'triangle':
      return `M${x} ${y - 1.2 * r}L${x + 1.1 * r} ${y + 0.8 * r}H${x - 1.1 * r}Z`;
    case 'down':
      return `M${x} ${y + 1.2 * r}L${x + 1.1 * r} ${y - 0.8 * r}H${x - 1.1 * r}Z`;
    case 'diamond':
      return `M${x} ${y - 1.25 * r}L${x + 1.25 * r} ${y}L${x} ${y + 1.25 * r}L${x - 1.25 * r} ${y}Z`;
    case 'bar':
      return `M${x - 0.5 * r} ${y - 1.2 * r}h${r}v${2.4 * r}h${-r}Z`;
  }
};

const round = (value: number): number => Math.round(value * 100) / 100;

/** A method's mark at (x, y), `r` its radius; hollow on the background for "not reached". */
export const drawMark = (mark: MethodMark, x: number, y: number, r: number, hollow?: FigureTheme): SvgNode =>
  svgElement('path', {
    d: outline(mark.shape, round(x), round(y), r),
    fill: hollow === undefined ? mark.color : hollow.background,
    stroke: mark.color,
    'stroke-width': hollow === undefined ? 0 : 1.2,
  });
