import { type RoundedType, roundedTypes, type WeightType } from '../contract/export.ts';
import { methodOfLabel, weightsOfLabel } from '../contract/method.ts';
import type { RefitName } from '../contract/plan.ts';
import { methodTitle } from '../words/methods.ts';
import type { FigureTheme, ThemeName } from './colors.ts';
import { svgElement, svgLabel, type SvgNode, textWidth } from './svg.ts';

/** Opacity of curves behind an emphasised one; their lines are thinner, too. They stay visible in both themes. */
export const BACK_OPACITY: Readonly<Record<ThemeName, number>> = { light: 0.7, dark: 0.6 };

export type MarkShape = 'circle' | 'square' | 'triangle' | 'diamond' | 'down' | 'bar' | 'hexagon' | 'plus';

/**
 * How the curve of a method is drawn, in the window and in saved figures alike: a colour (the first ones are from Okabe
 * and Ito's colour-blind-safe set, 2008), and a shape and a dash to distinguish methods of the same colour.
 */
export interface MethodStyle {
  /** Name of the colour: that of the method. */
  readonly name: string;
  readonly light: string;
  readonly dark: string;
  /** SVG dash array; `none`: solid. */
  readonly dash: string;
  readonly shape: MarkShape;
  /** Recovered plans: the method's colour and shape, with an open, dotted mark and a dotted line. */
  readonly isRecovered: boolean;
}

const grey = { light: '#6b6f76', dark: '#a3a8b0' };
const orange = { light: '#b86e00', dark: '#f0a830' };
const blue = { light: '#0068a8', dark: '#5ab4ee' };
const green = { light: '#008060', dark: '#2cc39a' };
const pink = { light: '#a34a80', dark: '#dd8fbb' };
const vermilion = { light: '#a84400', dark: '#f08050' };
const indigo = { light: '#5a4fb5', dark: '#a99ff5' };
const olive = { light: '#6a6c00', dark: '#c2c44a' };
const teal = { light: '#00707c', dark: '#58c4cf' };
const brown = { light: '#7b5433', dark: '#cda580' };

type Drawn = Omit<MethodStyle, 'name' | 'isRecovered'>;

/** Marks of published methods, which never change. */
const lasting: ReadonlyMap<string, Drawn> = new Map(
  Object.entries({
    random: { ...grey, dash: '2 3', shape: 'circle' },
    frequency: { ...orange, dash: '6 3', shape: 'square' },
    'gate-mass': { ...olive, dash: '4 2', shape: 'circle' },
    ean: { ...pink, dash: '4 2', shape: 'down' },
    reap: { ...blue, dash: 'none', shape: 'triangle' },
    man: { ...pink, dash: '10 3', shape: 'square' },
    msan: { ...pink, dash: '8 3 2 3', shape: 'diamond' },
    unified: { ...indigo, dash: '6 3', shape: 'triangle' },
    'easy-ep': { ...indigo, dash: 'none', shape: 'down' },
    naee: { ...vermilion, dash: '10 3', shape: 'bar' },
    tsep: { ...olive, dash: '8 3 2 3', shape: 'square' },
    uncurl: { ...green, dash: '8 3 2 3', shape: 'diamond' },
    'frequency-merging': { ...orange, dash: '10 3', shape: 'diamond' },
    'm-smoe': { ...teal, dash: 'none', shape: 'circle' },
    'hc-smoe': { ...brown, dash: '4 2', shape: 'triangle' },
    'sub-moe': { ...teal, dash: '6 3', shape: 'square' },
    grape: { ...green, dash: '4 2', shape: 'hexagon' },
    'merge-moe': { ...teal, dash: '8 3 2 3', shape: 'hexagon' },
    ream: { ...brown, dash: '10 3', shape: 'down' },
    'evo-esap': { ...vermilion, dash: '8 3 2 3', shape: 'diamond' },
    eep: { ...vermilion, dash: 'none', shape: 'circle' },
  }),
);

const strangers: readonly [MethodStyle, ...MethodStyle[]] = [
  { name: 'other-0', ...pink, dash: '4 2', shape: 'hexagon', isRecovered: false },
  { name: 'other-1', ...vermilion, dash: '10 3', shape: 'plus', isRecovered: false },
];
/** Marks for all other methods, in turn: two colours, each with both shapes before one repeats. */
const inTurn: readonly [MethodStyle, ...MethodStyle[]] = [
  ...strangers,
  { name: 'other-0', ...pink, dash: '6 2 1 2', shape: 'plus', isRecovered: false },
  { name: 'other-1', ...vermilion, dash: 'none', shape: 'hexagon', isRecovered: false },
];

const DOTTED: Readonly<Record<RefitName, string>> = {
  experts: '1.2 3',
  router: '1.2 3 1.2 6',
  'router+experts': '1.2 1.6',
};
/** For the one method whose line is dotted without recovery. */
const LONG = '12 3';
/** Line pattern of curves with rounded weights: a dash, and a dot for each step in the list of types. */
const roundedDash = (type: RoundedType): string => `7 2${' 1 2'.repeat(1 + roundedTypes.indexOf(type))}`;

/** Every style without recovery, for pages that refer to colours by name. */
export const methodStyles: readonly MethodStyle[] = [
  ...[...lasting].map(([name, drawn]): MethodStyle => ({ name, ...drawn, isRecovered: false })),
  ...strangers,
];

/**
 * Style of a curve by its name (`reap`, `reap+recovery`). A method without a permanent mark takes one of the last
 * styles in turn, by `order`.
 */
export const methodStyle = (label: string, order: number): MethodStyle => {
  const { method, isRecovered, refit } = methodOfLabel(label);
  const known = method === null ? undefined : lasting.get(method);
  const { weights } = weightsOfLabel(label);
  const { name, dash, ...drawn } =
    known === undefined
      ? (inTurn[Math.max(0, order) % inTurn.length] ?? inTurn[0])
      : { ...known, name: method ?? label };
  return {
    name,
    ...drawn,
    dash:
      weights !== null
        ? roundedDash(weights)
        : refit === null
          ? dash
          : method === 'random' && refit === 'experts'
            ? LONG
            : DOTTED[refit],
    isRecovered,
  };
};

/** SVG path of a mark of radius `r` about (x, y), to be filled or outlined. */
export const markOutline = (shape: MarkShape, x: number, y: number, r: number): string => {
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
    case 'hexagon':
      return (
        `M${x - 0.6 * r} ${y - r}h${1.2 * r}L${x + 1.2 * r} ${y}` +
        `L${x + 0.6 * r} ${y + r}h${-1.2 * r}L${x - 1.2 * r} ${y}Z`
      );
    case 'plus':
      return (
        `M${x - 0.4 * r} ${y - 1.2 * r}h${0.8 * r}v${0.8 * r}h${0.8 * r}v${0.8 * r}h${-0.8 * r}v${0.8 * r}` +
        `h${-0.8 * r}v${-0.8 * r}h${-0.8 * r}v${-0.8 * r}h${0.8 * r}Z`
      );
  }
};

/** Radius of the dot in the mark of a recovered curve, relative to the mark's. */
export const RECOVERED_DOT = 0.38;

/** Opacity of the band from the lowest to the highest draw. */
export const BAND_OPACITY = 0.14;

/** How a curve is drawn in one theme. */
export interface MethodMark extends Pick<MethodStyle, 'dash' | 'shape' | 'isRecovered'> {
  readonly color: string;
  /** Background behind the mark, visible where it is open. */
  readonly background: string;
}

const propertyOf = ({ name }: MethodStyle): string => `--method-${name}`;

const colorOf = (style: MethodStyle, theme: FigureTheme): string =>
  theme.name === 'page' ? `var(${propertyOf(style)})` : style[theme.name];

/** The method of a curve, shared by its recovered and rounded variants; an invalid method name counts as its own. */
const ownName = (label: string): string => methodOfLabel(label).method ?? weightsOfLabel(label).bare;

/** Custom properties (name, value) that marks of the page theme refer to. */
export const methodColors = (name: ThemeName): readonly (readonly [property: string, value: string])[] => [
  ...methodStyles.map((style) => [propertyOf(style), style[name]] as const),
  ...distinctColors.map(([light, dark], index) => [distinctProperty(index), name === 'dark' ? dark : light] as const),
];

/**
 * Marks of curves in the order given; methods without a permanent mark take the last styles in turn. Only those in
 * `shown` are returned (default: all); hiding some does not change the others' marks.
 */
export const methodMarks = (
  labels: readonly string[],
  theme: FigureTheme,
  shown: readonly string[] = labels,
): ReadonlyMap<string, MethodMark> => {
  const others = [...new Set(labels.map(ownName))].filter((name) => !lasting.has(name));
  return new Map(
    labels
      .filter((label) => shown.includes(label))
      .map((label) => {
        const style = methodStyle(label, others.indexOf(ownName(label)));
        const { dash, shape, isRecovered } = style;
        return [label, { color: colorOf(style, theme), background: theme.background, dash, shape, isRecovered }];
      }),
  );
};

/**
 * Twenty colours, each pair of them at least 0.1 apart in Oklab (Ottosson 2020) in either theme, and each with a
 * contrast above 3 to its background, also behind an emphasised curve; the first ones are furthest apart.
 */
const distinctColors: readonly (readonly [light: string, dark: string])[] = [
  ['#025eb8', '#53a0ff'],
  ['#bd3d1b', '#fe886a'],
  ['#155003', '#46bc24'],
  ['#971ba0', '#fde6fe'],
  ['#0e899f', '#0ed4f6'],
  ['#8b7b02', '#b1a02e'],
  ['#6a4751', '#dab1bc'],
  ['#69037b', '#e67aff'],
  ['#3a7106', '#9ce66f'],
  ['#0e4b54', '#51aebd'],
  ['#293986', '#a4bbff'],
  ['#931157', '#fe7bb3'],
  ['#3f6a61', '#abd9cf'],
  ['#7b5aae', '#ab8be3'],
  ['#06915f', '#57c791'],
  ['#84550f', '#fea92f'],
  ['#be49c7', '#f9b0fd'],
  ['#583d00', '#fed899'],
  ['#957066', '#bb948a'],
  ['#ee1155', '#faff3c'],
];

/** The types of weights in the order of their colours: those that are measured together first. */
const coloredTypes: readonly WeightType[] = [
  ...(['stored', 'q8_0', 'q4_0', 'int8', 'int4', 'bf16', 'mxfp4', 'nvfp4', 'fp8', 'f16', 'q4_k', 'q6_k'] as const),
  ...(['q5_1', 'q5_0', 'q4_1', 'fp8_block', 'gguf_mxfp4', 'gguf_nvfp4', 'f32', 'q5_k'] as const),
];

const distinctProperty = (index: number): string => `--curve-${index}`;

const distinctColor = (index: number, theme: FigureTheme): string => {
  const place = index % distinctColors.length;
  const [light, dark] = distinctColors[place] ?? ['', ''];
  return theme.name === 'page' ? `var(${distinctProperty(place)})` : theme.name === 'dark' ? dark : light;
};

/** A hexagon for the unpruned model (null); methods without a permanent mark share a plus. */
export const weightsMark = (type: WeightType, label: string | null, theme: FigureTheme): MethodMark => {
  const { shape, isRecovered } = label === null ? strangers[0] : methodStyle(label, 1);
  return {
    color: distinctColor(coloredTypes.indexOf(type), theme),
    background: theme.background,
    dash: type === 'stored' ? 'none' : roundedDash(type),
    shape,
    isRecovered,
  };
};

/** Types of weights by their colours, and methods by their shapes. */
export const weightsLegend = (
  types: readonly WeightType[],
  methods: readonly string[],
  theme: FigureTheme,
): readonly LegendEntry[] => [
  ...types.map((type) => ({ label: type, mark: weightsMark(type, null, theme) })),
  ...methods.map((method) => ({
    label: methodTitle(method),
    mark: { ...weightsMark('stored', method, theme), color: theme.muted, dash: '0 100' },
  })),
];

const RUN_DASHES = ['none', '8 3', '3 2', '8 3 2 3', '12 3', '1.2 3'] as const;

/**
 * Marks of curves in a chart of runs: a method has its shape everywhere. Curves of one run at its stored weights have
 * the colours of their methods, those at several types the colours of the types; in several runs each run and type has
 * a colour of its own. Dashes tell types apart, and runs at stored weights.
 */
export const runMarks = (
  curves: readonly { readonly key: string; readonly run: number; readonly method: string }[],
  theme: FigureTheme,
): ReadonlyMap<string, MethodMark> => {
  const typeOf = ({ method }: { readonly method: string }): WeightType => weightsOfLabel(method).weights ?? 'stored';
  const methods = [...new Set(curves.map(({ method }) => method))];
  const marks = methodMarks(methods, theme);
  const isOneRun = new Set(curves.map(({ run }) => run)).size < 2;
  const isStored = curves.every((curve) => typeOf(curve) === 'stored');
  const groups = [...new Set(curves.map((curve) => `${curve.run} ${typeOf(curve)}`))];
  return new Map(
    curves.flatMap((curve) => {
      const mark = marks.get(curve.method);
      const type = typeOf(curve);
      if (mark === undefined) return [];
      if (isOneRun && isStored) return [[curve.key, mark]];
      const index = isOneRun ? coloredTypes.indexOf(type) : groups.indexOf(`${curve.run} ${type}`);
      const dash = type === 'stored' ? (RUN_DASHES[curve.run % RUN_DASHES.length] ?? 'none') : roundedDash(type);
      return [[curve.key, { ...mark, color: distinctColor(index, theme), dash }]];
    }),
  );
};

const round = (value: number): number => Math.round(value * 100) / 100;

/** A method's mark at (x, y) with radius `r`; hollow on the background for "not reached". */
export const drawMark = (mark: MethodMark, x: number, y: number, r: number, hollow?: FigureTheme): SvgNode => {
  const isOpen = hollow !== undefined || mark.isRecovered;
  const outline = svgElement('path', {
    d: markOutline(mark.shape, round(x), round(y), r),
    fill: isOpen ? mark.background : mark.color,
    stroke: mark.color,
    'stroke-width': isOpen ? 1.2 : 0,
  });
  if (hollow !== undefined || !mark.isRecovered) return outline;
  return svgElement(
    'g',
    {},
    outline,
    svgElement('circle', { cx: round(x), cy: round(y), r: round(RECOVERED_DOT * r), fill: mark.color }),
  );
};

export interface LegendEntry {
  readonly label: string;
  readonly mark: MethodMark;
}

export const LEGEND_LINE = 22;
const FONT_SIZE = 12;

/** Methods with their line and mark, in rows from `left` to `right`; `top` is the middle of the first row. */
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
      svgElement('path', {
        d: `M${start} ${y}h30`,
        stroke: mark.color,
        'stroke-width': 1.6,
        'stroke-dasharray': mark.dash,
      }),
      drawMark(mark, start + 15, y, 4),
      svgLabel(start + 38, y + 4, label, { 'font-size': FONT_SIZE }),
    ];
  });
  return { nodes, rows };
};
