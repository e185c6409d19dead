import { type ScaleContinuousNumeric, scaleLinear, scaleLog, scaleSymlog } from 'd3-scale';
import type { MetricName } from '../contract/task.ts';
import { maxOf, minOf } from '../statistics/extremes.ts';
import { formatFactor } from '../words/numbers.ts';
import type { LegendEntry, MethodMark } from './method-marks.ts';
import { textWidth } from './svg.ts';

type Range = readonly [from: number, to: number];

/** An axis: its scale, its range, and the values named on it. */
export interface ChartAxis {
  /** Equal distances for equal differences; for equal ratios; linear about 0 and compressed beyond `linearTo`. */
  readonly scale: 'linear' | 'doubling' | 'compressed';
  readonly linearTo?: number;
  /** Values at the left (lower) and the right (upper) end. */
  readonly domain: Range;
  /** Values with a label, the most important first: a label that would touch an earlier one is left out. */
  readonly ticks: readonly number[];
  readonly label: (tick: number) => string;
  readonly title: string;
  /** Pixels between the ends of the plot and those of the domain: marks at both ends are inside the plot. */
  readonly inset: Range;
  readonly hasGrid: boolean;
}

/** What a point says under the pointer. */
export interface ChartTip {
  readonly title: string;
  readonly lines: readonly string[];
}

/** An interval of a point, along an axis. */
export interface Whisker {
  readonly along: 'x' | 'y';
  readonly low: number;
  readonly high: number;
  /** One-sided end, with a bar: what a verdict uses. */
  readonly end?: number;
  /** Value of one of several draws, with a dot; such whiskers are paler. */
  readonly at?: number;
  readonly width?: number;
}

export interface ChartPoint {
  /** Identity within its chart. */
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly whiskers: readonly Whisker[];
  /** `none`: only under the pointer, on a line. `small`: one of several draws. */
  readonly look: 'filled' | 'hollow' | 'pale' | 'small' | 'none';
  /** Ringed: the threshold. */
  readonly isThreshold?: boolean;
  /** Differs from that of its series. */
  readonly mark?: MethodMark;
  readonly tip: () => ChartTip;
}

type Place = readonly [x: number, y: number];

/** The marks of one curve. */
export interface ChartSeries {
  readonly key: string;
  readonly mark: MethodMark;
  readonly line: readonly Place[];
  readonly lineWidth?: number;
  /** Opacity of the whole series; default 1. */
  readonly opacity?: number;
  /** Lines that would cover each other: pixels by which this one, without marks, is drawn higher. */
  readonly lift?: number;
  /** Lowest and highest value along the line; `faint`: only where the series is emphasised. */
  readonly band?: {
    readonly edges: readonly (readonly [x: number, low: number, high: number])[];
    readonly isFaint: boolean;
  };
  readonly points: readonly ChartPoint[];
  /** Where candidates have no value, since they stopped early. */
  readonly crosses?: readonly number[];
  /** A name at the last point. */
  readonly name?: string;
}

/** A line across the plot, or (`about`) a short one about a place on the other axis. */
export interface ChartRule {
  readonly axis: 'x' | 'y';
  readonly at: number;
  readonly about?: number;
  readonly tone: 'ink' | 'muted' | 'grid' | { readonly color: string };
  readonly width?: number;
  readonly dash?: string;
  readonly label?: string;
}

/** A shaded part of the plot, between two values of the vertical axis; null: to the lower or the upper edge. */
export interface ChartArea {
  readonly from: number | null;
  readonly to: number | null;
  readonly look: 'safe' | 'stripe';
}

/** A threshold above the plot: its mark, then a bar at the first unsafe factor, or an arrow; or words. */
export interface ThresholdRow {
  readonly mark: MethodMark;
  readonly lastSafe: number | null;
  readonly firstUnsafe: number | null;
  readonly words: string;
}

/**
 * Everything that a chart shows, in the units of its axes: the window draws it with axes, tips and keys, a saved figure
 * as SVG.
 */
export interface Chart {
  /** Identity within its figure, such as the task. */
  readonly key: string;
  readonly heading: string;
  /** Beside the heading, such as "n = 300". */
  readonly note: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  /** Name of the window's definition of the numbers that its points show. */
  readonly definition: string;
  readonly areas?: readonly ChartArea[];
  readonly rules: readonly ChartRule[];
  readonly thresholds?: readonly ThresholdRow[];
  readonly series: readonly ChartSeries[];
}

/** Charts with a common legend and explanation. */
export interface ChartFigure {
  readonly title: string;
  readonly description: string;
  /** How to read it. */
  readonly caption: string;
  /** The threshold rule, which a page says once for all of its figures. */
  readonly rule?: string;
  readonly legend: readonly LegendEntry[];
  readonly charts: readonly Chart[];
  /** Size of a plot in a saved figure, in pixels; default: a small multiple. */
  readonly plot?: { readonly width: number; readonly height: number };
}

/** The same figure with charts of these keys alone. */
export const onlyCharts = <F extends ChartFigure>(figure: F, keys: readonly string[] | undefined): F =>
  keys === undefined ? figure : { ...figure, charts: figure.charts.filter(({ key }) => keys.includes(key)) };

/** Pixels from the sides of a plot to the smallest and the largest factor. */
export const FACTOR_INSET = [10, 14] as const;
const ENDS = [6, 6] as const;

/** Short label of a tick: accuracies (and their differences) in per cent. */
export const tickText = (tick: number, metric: MetricName): string =>
  String(Number((metric === 'perplexity' ? tick : 100 * tick).toPrecision(6))).replace('-', '\u2212');

interface AxisText {
  readonly title: string;
  readonly label: (tick: number) => string;
}

/** A linear axis between the next round values outside of `values`, with at most `most` steps. */
export const linearAxis = (
  values: readonly number[],
  { title, label }: AxisText,
  { most = 5, inset = ENDS }: { readonly most?: number; readonly inset?: Range } = {},
): ChartAxis => {
  const [lowest, highest] = [minOf(values), maxOf(values)];
  const [low, high] = highest > lowest ? [lowest, highest] : [lowest - 0.5, highest + 0.5];
  const counts = Array.from({ length: Math.max(1, most) }, (_, index) => Math.max(1, most - index));
  // d3 treats the count as a hint.
  const count =
    counts.find((entry) => scaleLinear([low, high], [0, 1]).nice(entry).ticks(entry).length <= most + 1) ?? 1;
  const nice = scaleLinear([low, high], [0, 1]).nice(count);
  const [from = low, to = high] = nice.domain();
  const ticks = nice.ticks(count).map((tick) => (tick === 0 ? 0 : tick));
  return { scale: 'linear', domain: [from, to], ticks, label, title, inset, hasGrid: true };
};

const isDoubling = (factor: number): boolean => Number.isInteger(Math.log2(factor));

export const FACTOR_TITLE = 'pruning factor (experts before / after)';

/** Pruning factors from 1 to `largest` (at least 2), named where they were measured: doublings first. */
export const factorAxis = (factors: readonly number[], title: string, largest = 2): ChartAxis => {
  const measured = [...new Set([1, ...factors])].sort((left, right) => left - right);
  const end = maxOf([2, largest, ...measured]);
  return {
    scale: 'doubling',
    domain: [1, end],
    ticks: [...measured.filter(isDoubling), ...measured.filter((factor) => !isDoubling(factor))],
    label: formatFactor,
    title,
    inset: FACTOR_INSET,
    hasGrid: true,
  };
};

/** Counts (of experts, of items) at equal distances for equal ratios, each named. */
export const countsAxis = (counts: readonly number[], { title, label }: AxisText, inset: Range): ChartAxis => {
  const rising = [...new Set(counts)].sort((left, right) => left - right);
  return {
    scale: 'doubling',
    domain: [minOf(rising), maxOf(rising)],
    ticks: rising,
    label,
    title,
    inset,
    hasGrid: true,
  };
};

/** Height of a curve's line in a row, and the space about those of a row. */
const LANE = 8;
const ROW_SPACE = 12;

/** Size of the plot of a chart with so many rows and curves, in pixels. */
export const rowsPlot = (rows: number, curves: number): { readonly width: number; readonly height: number } => ({
  width: 250,
  height: rows * (curves * LANE + ROW_SPACE),
});

/**
 * The upright axis and the curves of a chart with a row for each name, from the top, in which each curve has a line of
 * its own: points lie beside each other along the horizontal axis only. Rows are striped, 0 is marked.
 */
export const rowsChart = (
  names: readonly string[],
  curves: readonly Pick<ChartSeries, 'key' | 'mark'>[],
  points: readonly (Omit<ChartPoint, 'y'> & { readonly row: number; readonly curve: string })[],
): Pick<Chart, 'y' | 'areas' | 'rules' | 'series'> => ({
  y: {
    scale: 'linear',
    domain: [Math.max(1, names.length), 0],
    ticks: names.map((_, row) => row + 0.5),
    label: (tick) => names[Math.floor(tick)] ?? '',
    title: '',
    inset: [0, 0],
    hasGrid: false,
  },
  areas: names.flatMap((_, row) => (row % 2 === 1 ? [{ from: row, to: row + 1, look: 'stripe' } as const] : [])),
  rules: [{ axis: 'x', at: 0, tone: 'ink' }],
  series: curves.map(({ key, mark }, lane) => ({
    key,
    mark,
    line: [],
    points: points
      .filter(({ curve }) => curve === key)
      .map((point) => {
        const height = curves.length * LANE + ROW_SPACE;
        return { ...point, y: point.row + (ROW_SPACE / 2 + (lane + 0.5) * LANE) / height };
      }),
  })),
});

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10] as const;

/** Differences: linear about 0, compressed beyond `linearTo`, so that it stays readable beside a collapse. */
export const compressedAxis = (values: readonly number[], linearTo: number, { title, label }: AxisText): ChartAxis => {
  const domain = [minOf(values), maxOf(values)] as const;
  return {
    scale: 'compressed',
    linearTo,
    domain,
    ticks: [0, ...STEPS.flatMap((step) => [step, -step])].filter((tick) => tick >= domain[0] && tick <= domain[1]),
    label,
    title: `${title}, compressed`,
    inset: ENDS,
    hasGrid: true,
  };
};

/** A rectangle of the plot, in pixels. */
export interface Plot {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

type Scale = ScaleContinuousNumeric<number, number>;

const scaleOf = ({ scale, domain, linearTo = 1, inset }: ChartAxis, [from, to]: Range): Scale => {
  const towards = Math.sign(to - from);
  const range = [from + towards * inset[0], to - towards * inset[1]];
  if (scale === 'compressed') return scaleSymlog([...domain], range).constant(linearTo);
  return scale === 'doubling' ? scaleLog([...domain], range).base(2) : scaleLinear([...domain], range);
};

/** Height of a threshold's row above a plot. */
export const THRESHOLD_ROW = 11;

/** Room for the thresholds above a plot. */
export const thresholdsHeight = ({ thresholds = [] }: Pick<Chart, 'thresholds'>): number =>
  thresholds.length === 0 ? 0 : thresholds.length * THRESHOLD_ROW + 6;

/** Scales of both axes in a plot. */
export const chartScales = ({ x, y }: Pick<Chart, 'x' | 'y'>, { left, top, width, height }: Plot) => ({
  x: scaleOf(x, [left, left + width]),
  y: scaleOf(y, [top + height, top]),
});

const TICK_SIZE = 11;
const TICK_HEIGHT = 15;

/** Ticks of an axis whose labels do not touch, in pixels `scale` gives; their order is that of the axis. */
export const fittingTicks = ({ ticks, label }: ChartAxis, scale: Scale, along: 'x' | 'y'): readonly number[] => {
  const taken: Range[] = [];
  return ticks.filter((tick) => {
    const half = along === 'y' ? TICK_HEIGHT / 2 : textWidth(label(tick), TICK_SIZE) / 2 + 4;
    const [from, to] = [scale(tick) - half, scale(tick) + half];
    if (taken.some(([start, end]) => from < end && to > start)) return false;
    taken.push([from, to]);
    return true;
  });
};

/** A whisker in pixels: where it stands on the other axis, and its ends. */
export interface PlacedWhisker extends Whisker {
  readonly across: number;
}

/** A point of a chart in pixels. */
export interface PlacedPoint {
  readonly series: ChartSeries;
  readonly point: ChartPoint;
  readonly x: number;
  readonly y: number;
  readonly whiskers: readonly PlacedWhisker[];
}

/** Most pixels over which the whiskers of one place are spread, and most of the way to the next place. */
const SPREAD_PX = 14;
const SPREAD_SHARE = 0.3;
const WHISKER_STEP_PX = 3;

/**
 * The points of a chart in pixels. Each mark stands exactly at its values. Upright whiskers at one place are side by
 * side, over less than a third of the way to the next place.
 */
export const placePoints = (chart: Chart, plot: Plot): readonly PlacedPoint[] => {
  const { x, y } = chartScales(chart, plot);
  const placeOf = (at: number): string => x(at).toFixed(2);
  const upright = chart.series.flatMap(({ points }) =>
    points.flatMap((point) => point.whiskers.filter(({ along }) => along === 'y').map(() => placeOf(point.x))),
  );
  const counts = new Map<string, number>();
  for (const place of upright) counts.set(place, (counts.get(place) ?? 0) + 1);
  const places = [...counts.keys()].map(Number).sort((left, right) => left - right);
  const stepAt = (place: string): number => {
    const index = places.indexOf(Number(place));
    const here = places[index] ?? 0;
    const gap = minOf([
      SPREAD_PX / SPREAD_SHARE,
      ...[places[index - 1], places[index + 1]].flatMap((entry) =>
        entry === undefined ? [] : [Math.abs(entry - here)],
      ),
    ]);
    return Math.min(WHISKER_STEP_PX, (SPREAD_SHARE * gap) / Math.max(1, (counts.get(place) ?? 1) - 1));
  };
  const steps = new Map([...counts.keys()].map((place) => [place, stepAt(place)]));
  const passed = new Map<string, number>();
  return chart.series.flatMap((series) =>
    series.points.map((point): PlacedPoint => {
      const [px, py] = [x(point.x), y(point.y) - (series.lift ?? 0)];
      const place = placeOf(point.x);
      const whiskers = point.whiskers.map((whisker): PlacedWhisker => {
        if (whisker.along === 'x') return { ...whisker, across: py };
        const index = passed.get(place) ?? 0;
        passed.set(place, index + 1);
        const middle = ((counts.get(place) ?? 1) - 1) / 2;
        return { ...whisker, across: px + (index - middle) * (steps.get(place) ?? 0) };
      });
      return { series, point, x: px, y: py, whiskers };
    }),
  );
};

/** Largest pointer distance at which a point counts as pointed at, in pixels. */
const REACH_PX = 16;

/** The point nearest to a place in pixels; null if none is within reach. */
export const nearestPoint = (
  points: readonly PlacedPoint[],
  at: { readonly x: number; readonly y: number },
): PlacedPoint | null => {
  let nearest: PlacedPoint | null = null;
  let least = REACH_PX;
  for (const placed of points) {
    const distance = Math.hypot(placed.x - at.x, placed.y - at.y);
    if (distance < least) {
      nearest = placed;
      least = distance;
    }
  }
  return nearest;
};

const ARROWS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'];

/**
 * The point that an arrow key leads to: left and right along a curve; up and down to the curve above or below, at its
 * nearest point. Null for other keys.
 */
export const steppedPoint = (
  points: readonly PlacedPoint[],
  from: PlacedPoint | null,
  key: string,
): PlacedPoint | null => {
  if (!ARROWS.includes(key)) return null;
  if (from === null) return points[0] ?? null;
  const matchingPoints = points.filter(({ series }) => series.key === from.series.key);
  const isAlong = key === 'ArrowLeft' || key === 'ArrowRight';
  const series = [...new Set(points.map((point) => point.series.key))];
  const beside = series.flatMap((entry): readonly PlacedPoint[] => {
    if (entry === from.series.key) return [from];
    const others = points.filter((point) => point.series.key === entry);
    const least = minOf(others.map((point) => Math.abs(point.x - from.x)));
    return others.filter((point) => Math.abs(point.x - from.x) === least).slice(0, 1);
  });
  const line = isAlong ? matchingPoints : [...beside].sort((left, right) => left.y - right.y);
  const index = line.findIndex(
    ({ series: { key: of }, point }) => of === from.series.key && point.key === from.point.key,
  );
  const step = key === 'ArrowRight' || key === 'ArrowDown' ? 1 : -1;
  return line[(index + step + line.length) % line.length] ?? null;
};
