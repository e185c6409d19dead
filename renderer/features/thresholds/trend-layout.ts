import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import { trendSpacing } from '../../../main/figures/scales.ts';

/** A logarithmic axis: equal steps double. */
interface DoublingScale {
  readonly position: (value: number) => number;
  readonly ticks: readonly number[];
}

/** `from` at the start of the range (pixels), `to` at its end; equal ends lie in the middle. */
export const doublingScale = (
  from: number,
  to: number,
  [start, end]: readonly [number, number],
  ticks: readonly number[],
): DoublingScale => ({
  position: (value) =>
    to === from ? (start + end) / 2 : start + (Math.log2(value / from) / Math.log2(to / from)) * (end - start),
  ticks,
});

/** 1, 2, 4, ... up to and with `largest`. */
export const doublings = (largest: number): readonly number[] =>
  Array.from({ length: Math.floor(Math.log2(Math.max(1, largest)) + 1e-9) + 1 }, (_, power) => 2 ** power);

/** A threshold where it is drawn, in CSS pixels. */
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

interface TrendLayout {
  readonly x: DoublingScale;
  readonly y: DoublingScale;
  readonly trends: readonly PlacedTrend[];
  /** Largest factor that was tested per size: no threshold lies above. */
  readonly limits: readonly { readonly x: number; readonly y: number; readonly half: number }[];
}

export interface TrendFrame {
  readonly width: number;
  readonly height: number;
  /** E of the family's models, rising. */
  readonly sizes: readonly number[];
  readonly largestFactor: number;
  /** Every method of the sweep: gives each its place beside the others. */
  readonly methods: readonly string[];
}

export const MARGIN = { left: 30, right: 6, top: 8, bottom: 24 } as const;
/** Length of the arrow of an open bracket. */
const OPEN_PX = 12;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Where a small multiple's marks go: E across, threshold upwards, both doubling, methods side by side at each E. */
export const trendLayout = (trends: readonly ExpertTrend[], frame: TrendFrame): TrendLayout => {
  const { width, height, sizes, largestFactor, methods } = frame;
  const gap = trendSpacing(width - MARGIN.left - MARGIN.right, sizes.length, methods.length);
  const inset = (methods.length * gap.method) / 2 + 4;
  const x = doublingScale(sizes[0] ?? 1, sizes.at(-1) ?? 1, [MARGIN.left + inset, width - MARGIN.right - inset], sizes);
  const y = doublingScale(
    1,
    largestFactor,
    [height - MARGIN.bottom - 8, MARGIN.top + OPEN_PX + 4],
    doublings(largestFactor),
  );
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
            end: threshold.firstUnsafe === null ? at - OPEN_PX : y.position(threshold.firstUnsafe),
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
    return tested.length === 0 ? [] : [{ x: x.position(experts), y: y.position(Math.max(...tested)), half: inset }];
  });
  return { x, y, trends: placed, limits };
};
