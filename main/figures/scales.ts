/** Maps values to pixels and says which values to label. */
export interface AxisScale {
  readonly position: (value: number) => number;
  readonly ticks: readonly number[];
}

type Range = readonly [from: number, to: number];

/** 1, 2 or 5 times a power of ten, the first that divides `span` into at most `most` steps. */
const niceStep = (span: number, most: number): number => {
  const magnitude = 10 ** Math.floor(Math.log10(span / most));
  return [1, 2, 5, 10].map((factor) => factor * magnitude).find((step) => span / step <= most) ?? 10 * magnitude;
};

/** Linear scale whose ends are the next round values outside `domain`; `most` is the largest number of steps. */
export const linearScale = (domain: Range, pixels: Range, most = 5): AxisScale => {
  const [low, high] = domain[1] > domain[0] ? domain : [domain[0] - 0.5, domain[0] + 0.5];
  const step = niceStep(high - low, most);
  // A domain that is round up to rounding errors stays as it is.
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  const [start, end] = [first * step, last * step];
  return { position: (value) => pixels[0] + ((value - start) / (end - start)) * (pixels[1] - pixels[0]), ticks };
};

/** Base-2 logarithmic scale from 1, labelled at powers of two; for pruning factors. */
export const factorScale = (largest: number, pixels: Range): AxisScale => {
  const end = Math.max(1, Math.log2(largest));
  return {
    position: (factor) => pixels[0] + (Math.log2(factor) / end) * (pixels[1] - pixels[0]),
    ticks: Array.from({ length: Math.floor(end + 1e-9) + 1 }, (_, power) => 2 ** power),
  };
};

/** Base-2 logarithmic scale over given sizes, labelled at each; for numbers of experts. A single one lies in the middle. */
export const expertScale = (sizes: readonly number[], pixels: Range): AxisScale => {
  const [low, high] = [Math.log2(Math.min(...sizes)), Math.log2(Math.max(...sizes))];
  const share = (experts: number): number => (high > low ? (Math.log2(experts) - low) / (high - low) : 0.5);
  return { position: (experts) => pixels[0] + share(experts) * (pixels[1] - pixels[0]), ticks: sizes };
};

/** Share of the room of one size that its marks take. */
const FILLED = 0.8;
const [LEAST, MOST] = [4, 13];

export interface TrendSpacing {
  /** Between the marks of two methods, in pixels. */
  readonly method: number;
  /** Between two trainings of one size by one method. */
  readonly training: number;
}

/** How far apart marks stand in a chart of thresholds over E, in the window and in figures: `width` pixels, `sizes` of E. */
export const trendSpacing = (width: number, sizes: number, methods: number): TrendSpacing => {
  const method = Math.min(MOST, Math.max(LEAST, (FILLED * width) / Math.max(1, sizes * methods)));
  return { method, training: 0.4 * method };
};
