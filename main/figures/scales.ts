import { scaleLinear, scaleLog } from 'd3-scale';
import { maxOf, minOf } from '../statistics/extremes.ts';

/** Maps values to pixels and chooses the labelled values. */
export interface AxisScale {
  readonly position: (value: number) => number;
  readonly ticks: readonly number[];
}

type Range = readonly [from: number, to: number];

/** Avoids negative zero. */
const plain = (tick: number): number => (tick === 0 ? 0 : tick);

/** The finest of d3's scales with at most `most` steps; d3 treats the requested count as a hint. */
const finest = <S>(most: number, make: (count: number) => S, steps: (made: S) => number): S => {
  const made = Array.from({ length: Math.max(0, most - 1) }, (_, index) => most - index)
    .map(make)
    .find((one) => steps(one) <= most);
  return made ?? make(1);
};

/** Linear scale with its ends at the next round values outside `domain`; `most` is the largest number of steps. */
export const linearScale = (domain: Range, pixels: Range, most = 5): AxisScale => {
  const [low, high] = domain[1] > domain[0] ? domain : [domain[0] - 0.5, domain[0] + 0.5];
  const { scale, ticks } = finest(
    most,
    (count) => {
      const nice = scaleLinear([low, high], [...pixels]).nice(count);
      return { scale: nice, ticks: nice.ticks(count) };
    },
    (made) => made.ticks.length - 1,
  );
  return { position: (value) => scale(value), ticks: ticks.map(plain) };
};

const doublingScale = (domain: Range, pixels: Range): ((value: number) => number) => {
  const scale = scaleLog([...domain], [...pixels]).base(2);
  return (value) => scale(value);
};

/** 1, 2, 4, ... up to and including `largest`. */
export const doublings = (largest: number): readonly number[] =>
  Array.from({ length: Math.floor(Math.log2(Math.max(1, largest)) + 1e-9) + 1 }, (_, power) => 2 ** power);

/** Base-2 logarithmic scale from 1 to `largest` (at least 2), labelled at powers of two; for pruning factors. */
export const factorScale = (largest: number, pixels: Range): AxisScale => ({
  position: doublingScale([1, Math.max(2, largest)], pixels),
  ticks: doublings(Math.max(2, largest)),
});

/**
 * Base-2 logarithmic scale over given sizes, labelled at each; for numbers of experts. A single one is in the middle.
 */
export const expertScale = (sizes: readonly number[], pixels: Range): AxisScale => ({
  position: doublingScale([minOf(sizes), maxOf(sizes)], pixels),
  ticks: sizes,
});
