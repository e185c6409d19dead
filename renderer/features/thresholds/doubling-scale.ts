/** A logarithmic axis: equal steps double. */
export interface DoublingScale {
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
