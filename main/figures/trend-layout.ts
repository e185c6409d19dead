import type { ExpertTrend, SizeThreshold } from '../contract/size-trend.ts';
import { type AxisScale, expertScale, factorScale, trendSpacing } from './scales.ts';

/** A threshold where it is drawn, in pixels. */
export interface PlacedThreshold {
  readonly threshold: SizeThreshold;
  readonly x: number;
  /** At the last safe factor; at factor 1 where it cannot be told. */
  readonly y: number;
  /** Other end of the bracket: at the first unsafe factor, or a little above where every tested factor is safe. */
  readonly end: number;
}

export interface PlacedTrend {
  readonly method: string;
  readonly points: readonly PlacedThreshold[];
  /** Through the (geometric) mean of the last safe factors of each size. */
  readonly line: readonly (readonly [x: number, y: number])[];
  /** From the lowest to the highest last safe factor of a size that was trained more than once. */
  readonly spreads: readonly { readonly x: number; readonly low: number; readonly high: number }[];
}

export interface TrendLayout {
  readonly x: AxisScale;
  readonly y: AxisScale;
  readonly trends: readonly PlacedTrend[];
  /** Largest factor that was tested per size: no threshold lies above. */
  readonly limits: readonly { readonly x: number; readonly y: number; readonly half: number }[];
}

/** Where the marks may stand, in pixels. */
export interface TrendFrame {
  readonly left: number;
  readonly right: number;
  /** Of factor 1, and of the largest factor: above it is room for the arrow of an open bracket. */
  readonly bottom: number;
  readonly top: number;
  /** Length of that arrow. */
  readonly arrow: number;
  /** E of the models, rising. */
  readonly sizes: readonly number[];
  readonly largestFactor: number;
  /** Every method that is given room: each has its place beside the others. */
  readonly methods: readonly string[];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Where a small multiple's marks go: E across, threshold upwards, both doubling, methods side by side at each E. */
export const trendLayout = (trends: readonly ExpertTrend[], frame: TrendFrame): TrendLayout => {
  const { left, right, bottom, top, arrow, sizes, largestFactor, methods } = frame;
  const gap = trendSpacing(right - left, sizes.length, methods.length);
  const half = (methods.length * gap.method) / 2 + 4;
  const x = expertScale(sizes, [left + half, right - half]);
  const y = factorScale(largestFactor, [bottom, top]);
  const placed = trends.map((trend): PlacedTrend => {
    const shift = (methods.indexOf(trend.method) - (methods.length - 1) / 2) * gap.method;
    const centre = (experts: number): number => x.position(experts) + shift;
    const ofSize = (experts: number): readonly SizeThreshold[] =>
      trend.points.filter((point) => point.experts === experts);
    return {
      method: trend.method,
      points: trend.spread.flatMap(({ experts }) =>
        ofSize(experts).map((threshold, index, trained): PlacedThreshold => {
          const at = y.position(threshold.lastSafe ?? 1);
          return {
            threshold,
            x: centre(experts) + (index - (trained.length - 1) / 2) * gap.training,
            y: at,
            end: threshold.firstUnsafe === null ? at - arrow : y.position(threshold.firstUnsafe),
          };
        }),
      ),
      line: trend.spread.flatMap(({ experts }) => {
        const told = ofSize(experts).flatMap(({ lastSafe }) => (lastSafe === null ? [] : [Math.log2(lastSafe)]));
        return told.length === 0 ? [] : [[centre(experts), y.position(2 ** mean(told))] as const];
      }),
      spreads: trend.spread.flatMap(({ experts, lowest, highest }) =>
        lowest === null || highest === null || lowest === highest
          ? []
          : [{ x: centre(experts), low: y.position(lowest), high: y.position(highest) }],
      ),
    };
  });
  const limits = sizes.flatMap((experts) => {
    const tested = trends
      .flatMap(({ points }) => points.filter((point) => point.experts === experts))
      .map(({ largestTested }) => largestTested);
    return tested.length === 0 ? [] : [{ x: x.position(experts), y: y.position(Math.max(...tested)), half }];
  });
  return { x, y, trends: placed, limits };
};
