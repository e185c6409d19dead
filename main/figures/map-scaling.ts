import { assertNever } from '../contract/errors.ts';
import { type CellMatrix, largestDifference } from './cell-matrix.ts';

/** How the colours of a map depend on its values. */
export const mapScalings = ['linear', 'log', 'rank', 'layer'] as const;
export type MapScaling = (typeof mapScalings)[number];

/** Layers of this many experts are drawn logarithmically: few of them take most tokens, and the others look alike. */
const LOG_EXPERTS = 32;

/** The colours of a map for which none were chosen; a difference has two sides, and no logarithm. */
export const suitedScaling = (experts: number, isDifference: boolean): MapScaling =>
  experts >= LOG_EXPERTS && !isDifference ? 'log' : 'linear';

/** A map on its colour scale. */
export interface ShadedMap {
  /** Share of the colour scale, [L][E]: 0 to 1, of differences -1 to 1; null where there is no value. */
  readonly shades: CellMatrix;
  /** Values at the ends and the middle of the colour bar; words where each layer or rank has its own values. */
  readonly marks: readonly [number, number, number] | readonly [string, string, string];
  /** The scale in words. */
  readonly words: string;
}

/** A scale ends at this quantile if a few cells would otherwise leave the others without colour, */
const CLIP_QUANTILE = 0.98;
/** that is, if the largest value is more than this many times the quantile. */
const CLIP_RATIO = 4;
/** A logarithmic scale spans at most this ratio. */
const LOG_SPAN = 1e4;

const cellsOf = (matrix: CellMatrix): readonly number[] =>
  matrix.flatMap((row) => row.filter((value): value is number => value !== null));

const mapped = (matrix: CellMatrix, shade: (value: number, layer: number) => number): CellMatrix =>
  matrix.map((row, layer) => row.map((value) => (value === null ? null : shade(value, layer))));

const clamped = (share: number): number => Math.max(-1, Math.min(1, share));

/** Upper end of a linear scale, and the number of cells beyond. */
const linearEnd = (sizes: readonly number[]): { readonly end: number; readonly beyond: number } => {
  const ascending = [...sizes].sort((left, right) => left - right);
  const largest = ascending.at(-1) ?? 0;
  const clip = ascending[Math.floor(CLIP_QUANTILE * (ascending.length - 1))] ?? 0;
  return clip > 0 && largest > CLIP_RATIO * clip
    ? { end: clip, beyond: sizes.filter((size) => size > clip).length }
    : { end: largest, beyond: 0 };
};

const linear = (matrix: CellMatrix, isDifference: boolean): ShadedMap => {
  const { end, beyond } = linearEnd(cellsOf(matrix).map(Math.abs));
  return {
    shades: mapped(matrix, (value) => (end > 0 ? clamped(value / end) : 0)),
    marks: isDifference ? [-end, 0, end] : [0, end / 2, end],
    words: beyond === 0 ? 'linear' : `linear, ${beyond === 1 ? '1 larger cell' : `${beyond} larger cells`} clipped`,
  };
};

const logarithmic = (matrix: CellMatrix): ShadedMap => {
  const positive = cellsOf(matrix).filter((value) => value > 0);
  const largest = positive.reduce((most, value) => Math.max(most, value), 0);
  const smallest = positive.reduce((least, value) => Math.min(least, value), largest);
  const low = Math.max(smallest, largest / LOG_SPAN);
  const span = Math.log(largest / low);
  return {
    shades: mapped(matrix, (value) => {
      if (value <= 0) return 0;
      return span > 0 ? Math.max(0, Math.log(value / low) / span) : 1;
    }),
    marks: [low, Math.sqrt(low * largest), largest],
    words: 'logarithmic',
  };
};

/** Equal values share the mean of their ranks. */
const ranked = (matrix: CellMatrix): ShadedMap => {
  const ascending = [...cellsOf(matrix)].sort((left, right) => left - right);
  const shares = new Map<number, number>();
  for (let from = 0; from < ascending.length;) {
    const value = ascending[from] ?? 0;
    let to = from;
    while (ascending[to + 1] === value) to += 1;
    shares.set(value, ascending.length > 1 ? (from + to) / 2 / (ascending.length - 1) : 1);
    from = to + 1;
  }
  return {
    shades: mapped(matrix, (value) => shares.get(value) ?? 0),
    marks: ['lowest', 'median', 'highest'],
    words: 'by rank among all cells',
  };
};

const perLayer = (matrix: CellMatrix, isDifference: boolean): ShadedMap => {
  const ends = matrix.map((row) => largestDifference([row]));
  return {
    shades: mapped(matrix, (value, layer) => {
      const end = ends[layer] ?? 0;
      return end > 0 ? value / end : 0;
    }),
    marks: isDifference ? ['\u2212', '0', '+'] : ['0', 'half', 'largest'],
    words: 'each layer by itself',
  };
};

/**
 * Shades of a map. Differences, which have a sign, are drawn linearly even if a logarithm or a rank is requested, and
 * the words say so.
 */
export const shadedMap = (matrix: CellMatrix, scaling: MapScaling, isDifference = false): ShadedMap => {
  switch (scaling) {
    case 'linear':
      return linear(matrix, isDifference);
    case 'log':
      return isDifference ? linear(matrix, true) : logarithmic(matrix);
    case 'rank':
      return isDifference ? linear(matrix, true) : ranked(matrix);
    case 'layer':
      return perLayer(matrix, isDifference);
    default:
      return assertNever(scaling);
  }
};
