import { maxOf } from '../statistics/extremes.ts';
import {
  type Chart,
  type ChartAxis,
  type ChartFigure,
  type ChartRule,
  type ChartSeries,
  chartScales,
  fittingTicks,
  placePoints,
  type PlacedPoint,
  type Plot,
  THRESHOLD_ROW,
  type ThresholdRow,
  thresholdsHeight,
} from './chart.ts';
import type { FigureTheme } from './colors.ts';
import type { FigureManifest } from './figure-manifest.ts';
import { BACK_OPACITY, BAND_OPACITY, drawMark, drawMethodLegend, LEGEND_LINE } from './method-marks.ts';
import {
  captionedFigure,
  type Drawing,
  fitText,
  MARGIN,
  pathThrough,
  svgElement,
  svgLabel,
  svgLine,
  type SvgNode,
  textWidth,
} from './svg.ts';

type Scales = ReturnType<typeof chartScales>;

const RADIUS = 3.6;
const SMALL_RADIUS = 2.2;
const RING_RADIUS = 7.5;
/** Half the length of the bar at a one-sided end, and of a rule about a place. */
const END_PX = 3.5;
const ABOUT_PX = 9;
/** The safe side of the margin: a blue that is pale on both backgrounds. */
const SAFE = { fill: '#3f7fcf', 'fill-opacity': 0.13 } as const;

const ruleColor = ({ tone }: ChartRule, theme: FigureTheme): string =>
  typeof tone === 'object' ? tone.color : theme[tone];

const drawRule = (rule: ChartRule, { x, y }: Scales, plot: Plot, theme: FigureTheme): SvgNode[] => {
  const { axis, at, about, width = 0.8, dash = 'none', label } = rule;
  const look = { 'stroke-width': width, 'stroke-dasharray': dash };
  const color = ruleColor(rule, theme);
  const [right, bottom] = [plot.left + plot.width, plot.top + plot.height];
  if (axis === 'x') return [svgLine(x(at), plot.top, x(at), bottom, color, look)];
  const ends = about === undefined ? [plot.left, right] : [x(about) - ABOUT_PX, x(about) + ABOUT_PX];
  return [
    svgLine(ends[0] ?? 0, y(at), ends[1] ?? 0, y(at), color, look),
    ...(label === undefined
      ? []
      : [svgLabel(right - 6, y(at) - 5, label, { 'text-anchor': 'end', 'font-size': 10, fill: theme.muted })]),
  ];
};

const drawAreas = ({ areas = [] }: Chart, { y }: Scales, { left, top, width, height }: Plot, theme: FigureTheme) =>
  areas.map(({ from, to, look }) => {
    const ends = [from === null ? top + height : y(from), to === null ? top : y(to)];
    const [upper = top, lower = top] = ends.sort((one, other) => one - other);
    const fill = look === 'safe' ? SAFE : { fill: theme.grid, 'fill-opacity': 0.35 };
    return svgElement('rect', { x: left, y: upper, width, height: lower - upper, ...fill });
  });

const drawWhiskers = ({ whiskers, point }: PlacedPoint, { x, y }: Scales, color: string): SvgNode[] => {
  const pale = whiskers.some(({ at }) => at !== undefined) && whiskers.length > 1;
  const drawn = whiskers.flatMap(({ along, across, low, high, end, at, width = 1.1 }): SvgNode[] => {
    const line = { 'stroke-width': width };
    if (along === 'x') return [svgLine(x(low), across, x(high), across, color, line)];
    const bar = pale ? 1.2 : END_PX;
    return [
      svgLine(across, y(low), across, y(high), color, line),
      ...(end === undefined
        ? []
        : [svgLine(across - bar, y(end), across + bar, y(end), color, { 'stroke-width': 2, class: 'one-sided-end' })]),
      ...(at === undefined || !pale ? [] : [svgElement('circle', { cx: across, cy: y(at), r: 1.3, fill: color })]),
    ];
  });
  return pale || point.look === 'pale' ? [svgElement('g', { opacity: 0.6 }, drawn)] : drawn;
};

const drawPoint = (placed: PlacedPoint, scales: Scales, theme: FigureTheme): SvgNode[] => {
  const { series, point, x, y } = placed;
  const { mark = series.mark } = point;
  if (point.look === 'none') return [];
  const radius = point.look === 'small' ? SMALL_RADIUS : RADIUS;
  const ring = { cx: x, cy: y, r: RING_RADIUS, fill: 'none', stroke: mark.color, 'stroke-width': 1.3 };
  const nodes = [
    ...drawWhiskers(placed, scales, mark.color),
    ...(point.isThreshold === true ? [svgElement('circle', ring)] : []),
    drawMark(mark, x, y, radius, point.look === 'hollow' ? theme : undefined),
  ];
  return point.look === 'pale' ? [svgElement('g', { opacity: 0.45 }, nodes)] : nodes;
};

const drawCross = (x: number, bottom: number, stroke: string): SvgNode => {
  const r = 3;
  const d = `M${x - r} ${bottom - 5 - r}l${2 * r} ${2 * r}M${x - r} ${bottom - 5 + r}l${2 * r} ${-2 * r}`;
  return svgElement('path', { class: 'curtailed', d, fill: 'none', stroke, 'stroke-width': 1.4 });
};

type Stand = 'alike' | 'out' | 'back';

const drawSeries = (
  series: ChartSeries,
  points: readonly PlacedPoint[],
  { scales, plot, theme, stand }: { scales: Scales; plot: Plot; theme: FigureTheme; stand: Stand },
): SvgNode => {
  const { mark, line, band, crosses = [], lineWidth = 1.6, opacity = 1, lift = 0 } = series;
  const { x, y } = scales;
  const edges = band === undefined || (band.isFaint && stand !== 'out') ? [] : band.edges;
  const upper = edges.map(([at, , high]) => [x(at), y(high)] as const);
  const lower = edges.map(([at, low]) => [x(at), y(low)] as const).reverse();
  const path = line.map(([at, value]) => [x(at), y(value) - lift] as const);
  const back = BACK_OPACITY[theme.name === 'dark' ? 'dark' : 'light'];
  const shown = stand === 'back' ? back * opacity : stand === 'out' ? 1 : opacity;
  return svgElement(
    'g',
    shown === 1 ? {} : { opacity: shown },
    edges.length < 2
      ? []
      : [
          svgElement('path', {
            class: 'draws',
            d: `${pathThrough([...upper, ...lower])}Z`,
            fill: mark.color,
            'fill-opacity': BAND_OPACITY,
          }),
        ],
    path.length < 2
      ? []
      : [
          svgElement('path', {
            d: pathThrough(path),
            fill: 'none',
            stroke: mark.color,
            'stroke-width': stand === 'out' ? Math.max(2, lineWidth) : lineWidth,
            'stroke-dasharray': mark.dash,
            'stroke-linejoin': 'round',
          }),
        ],
    points.flatMap((point) => drawPoint(point, scales, theme)),
    crosses.map((at) => drawCross(x(at), plot.top + plot.height, mark.color)),
  );
};

/** The mark at the threshold, then a bracket to the first unsafe factor, or an arrow; or why there is none. */
const drawThreshold = (row: ThresholdRow, y: number, { x }: Scales, plot: Plot, theme: FigureTheme): SvgNode[] => {
  const { mark, lastSafe, firstUnsafe, words } = row;
  if (words !== '') return [svgLabel(plot.left + 4, y + 3, words, { 'font-size': 9, fill: mark.color })];
  if (lastSafe === null) return [];
  const from = x(lastSafe);
  const to = firstUnsafe === null ? from + 13 : x(firstUnsafe);
  const end = firstUnsafe === null ? `M${to - 3.5} ${y - 3}L${to} ${y}L${to - 3.5} ${y + 3}` : `M${to} ${y - 3.5}v7`;
  return [
    svgLine(from, y, to, y, mark.color, { 'stroke-width': 1 }),
    svgElement('path', { d: end, fill: 'none', stroke: mark.color, 'stroke-width': 1.3 }),
    drawMark(mark, from, y, RADIUS, lastSafe === 1 ? theme : undefined),
  ];
};

const drawThresholds = (chart: Chart, scales: Scales, plot: Plot, theme: FigureTheme): SvgNode[] => {
  const { thresholds = [] } = chart;
  const top = plot.top - thresholdsHeight(chart);
  const rows = thresholds.flatMap((row, index) =>
    drawThreshold(row, top + 6 + index * THRESHOLD_ROW, scales, plot, theme),
  );
  if (thresholds.length === 0) return [];
  const middle = top + 8 + ((thresholds.length - 1) / 2) * THRESHOLD_ROW;
  const look = { 'text-anchor': 'end', 'font-size': 9.5, fill: theme.muted };
  return [svgLabel(plot.left - 6, middle, 'threshold', look), ...rows];
};

const NAME_SIZE = 10;
/** Least distance of the baselines of two names that lie above each other. */
const NAME_HEIGHT = 9;

/** Names of lines at their ends, moved up or down within the plot, where they would cover each other. */
const drawNames = (points: readonly PlacedPoint[], { top, height }: Plot, theme: FigureTheme): SvgNode[] => {
  const placed: { readonly x: number; readonly y: number; readonly text: string }[] = [];
  const names = points.flatMap(({ series, point, x, y }) =>
    series.name === undefined || series.points.at(-1) !== point ? [] : [{ x: x + 6, y: y + 3.5, text: series.name }],
  );
  const widthOf = (text: string): number => textWidth(text, NAME_SIZE) + 2;
  for (const name of names.sort((left, right) => left.y - right.y)) {
    const isFree = (y: number): boolean =>
      placed.every(
        (other) =>
          Math.abs(other.y - y) >= NAME_HEIGHT ||
          other.x + widthOf(other.text) <= name.x ||
          name.x + widthOf(name.text) <= other.x,
      );
    const heights = Array.from({ length: 2 * names.length }, (_, step) => (step * NAME_HEIGHT) / 2);
    const y = heights
      .flatMap((by) => [name.y + by, name.y - by])
      .find((at) => at >= top + NAME_HEIGHT && at <= top + height && isFree(at));
    placed.push({ ...name, y: y ?? name.y });
  }
  return placed.map(({ x, y, text }) => svgLabel(x, y, text, { 'font-size': NAME_SIZE, fill: theme.ink }));
};

/** What is inside the axes: areas, rules, curves, points with intervals, thresholds. `emphasised`: the one in front. */
export const drawMarks = (
  chart: Chart,
  plot: Plot,
  theme: FigureTheme,
  emphasised: string | null = null,
): SvgNode[] => {
  const scales = chartScales(chart, plot);
  const points = placePoints(chart, plot);
  const front = chart.series.some(({ key }) => key === emphasised) ? emphasised : null;
  const order = [...chart.series].sort((left, right) => Number(left.key === front) - Number(right.key === front));
  const standOf = (key: string): Stand => (front === null ? 'alike' : key === front ? 'out' : 'back');
  return [
    ...drawAreas(chart, scales, plot, theme),
    ...chart.rules.flatMap((rule) => drawRule(rule, scales, plot, theme)),
    ...order.map((series) =>
      drawSeries(
        series,
        points.filter((point) => point.series === series),
        { scales, plot, theme, stand: standOf(series.key) },
      ),
    ),
    ...drawThresholds(chart, scales, plot, theme),
    ...drawNames(points, plot, theme),
  ];
};

const titleLook = (theme: FigureTheme) => ({ 'text-anchor': 'middle', fill: theme.muted });

const TITLE_SIZE = 11;
const SMALLEST_TITLE = 8.5;

/** Size of an axis title that has so many pixels: smaller letters before it reaches beyond them. */
export const titleSize = (title: string, room: number): number =>
  Math.max(SMALLEST_TITLE, Math.min(TITLE_SIZE, (TITLE_SIZE * room) / Math.max(1, textWidth(title, TITLE_SIZE))));
/** Pixels from a plot to the titles of its axes. */
const UPWARD_TITLE = 38;
const ACROSS_TITLE = 31;

const drawAxes = (chart: Chart, { x, y }: Scales, plot: Plot, theme: FigureTheme): SvgNode[] => {
  const { left, top, width, height } = plot;
  const [right, bottom] = [left + width, top + height];
  const upper = top - thresholdsHeight(chart);
  const across = (axis: ChartAxis): SvgNode[] => {
    const named = fittingTicks(axis, x, 'x');
    return axis.ticks.flatMap((tick) => [
      ...(axis.hasGrid && named.includes(tick) ? [svgLine(x(tick), upper, x(tick), bottom, theme.grid)] : []),
      svgLine(x(tick), bottom, x(tick), bottom + 4, theme.muted),
      ...(named.includes(tick)
        ? [svgLabel(x(tick), bottom + 16, axis.label(tick), { 'text-anchor': 'middle', fill: theme.muted })]
        : []),
    ]);
  };
  const upward = fittingTicks(chart.y, y, 'y').flatMap((tick) => [
    ...(chart.y.hasGrid ? [svgLine(left, y(tick), right, y(tick), theme.grid)] : []),
    svgLabel(left - 6, y(tick) + 3.5, chart.y.label(tick), { 'text-anchor': 'end', fill: theme.muted }),
  ]);
  const turned = `translate(${left - UPWARD_TITLE} ${Math.round(top + height / 2)}) rotate(-90)`;
  return [
    ...upward,
    ...across(chart.x),
    svgLine(left, bottom, right, bottom, theme.muted),
    svgLabel(left + width / 2, bottom + ACROSS_TITLE, chart.x.title, titleLook(theme)),
    ...(chart.y.title === ''
      ? []
      : [
          svgLabel(0, 0, chart.y.title, {
            transform: turned,
            ...titleLook(theme),
            'font-size': titleSize(chart.y.title, height + 30),
          }),
        ]),
  ];
};

const SMALLEST_HEAD = 10;
const HEAD_SIZES = [13, 12, 11, SMALLEST_HEAD];
const HEAD = 22;

const drawHead = ({ heading, note }: Chart, { left, width }: Plot, top: number, theme: FigureTheme): SvgNode[] => {
  const room = width - textWidth(note, 11) - 12;
  // The end of a title may tell two tasks apart ("written"): smaller letters before fewer.
  const size = HEAD_SIZES.find((entry) => textWidth(heading, entry) <= room) ?? SMALLEST_HEAD;
  return [
    svgLabel(left, top + 12, fitText(heading, room, size), { 'font-size': size, 'font-weight': 600 }),
    svgLabel(left + width, top + 12, note, { 'text-anchor': 'end', fill: theme.muted }),
  ];
};

const SMALL_MULTIPLE = { width: 250, height: 180 } as const;
const AXIS_ROOM = 58;
const COLUMN_GAP = 16;
const BELOW = 52;
/** Three small multiples stand beside each other. */
const COLUMNS = 3;
/** Space between the last row of charts and the caption. */
const ABOVE_CAPTION = 18;

/** Height of a row of a figure's charts, for splitting a figure over pages. */
export const chartRowHeight = ({ charts, plot = SMALL_MULTIPLE }: Pick<ChartFigure, 'charts' | 'plot'>): number =>
  HEAD + maxOf([0, ...charts.map(thresholdsHeight)]) + plot.height + BELOW;

/** How many of a figure's charts stand beside each other. */
export const chartColumns = ({ plot = SMALL_MULTIPLE }: Pick<ChartFigure, 'plot'>): number =>
  plot.width > 2 * SMALL_MULTIPLE.width ? 1 : COLUMNS;

/** A figure as SVG: its title, its whole legend, its charts, how to read it, and its run. */
export const drawChartFigure = (figure: ChartFigure, manifest: FigureManifest, theme: FigureTheme): Drawing => {
  const { title, description, caption, rule, charts, plot: size = SMALL_MULTIPLE } = figure;
  const across = chartColumns(figure);
  const columns = Math.max(1, Math.min(across, charts.length));
  const cell = AXIS_ROOM + size.width + COLUMN_GAP;
  const rowHeight = chartRowHeight(figure);
  // A legend and a title need more room than a single small multiple has.
  const width = 2 * MARGIN + Math.max(columns, Math.min(2, across)) * cell - COLUMN_GAP;
  const legend = drawMethodLegend(figure.legend, { left: MARGIN, right: width - MARGIN, top: 58 });
  const gridTop = 62 + legend.rows * LEGEND_LINE;
  const drawn = charts.map((chart, index): SvgNode => {
    const top = gridTop + Math.floor(index / columns) * rowHeight;
    const left = MARGIN + AXIS_ROOM + (index % columns) * cell;
    const head = HEAD + thresholdsHeight(chart);
    const plot = { left, top: top + head, width: size.width, height: rowHeight - BELOW - head };
    return svgElement(
      'g',
      {},
      drawHead(chart, plot, top, theme),
      drawAxes(chart, chartScales(chart, plot), plot, theme),
      drawMarks(chart, plot, theme),
    );
  });
  return captionedFigure({
    width,
    bottom: gridTop + Math.ceil(charts.length / columns) * rowHeight + ABOVE_CAPTION,
    title,
    description,
    caption: rule === undefined ? caption : `${caption} ${rule}`,
    manifest,
    theme,
    children: [...legend.nodes, ...drawn],
  });
};
