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
