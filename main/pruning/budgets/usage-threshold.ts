import { maxOf } from '../../statistics/extremes.ts';

/**
 * Groups per layer by M-SMoE's global rule as published: each layer's usage counts as its share of the layer's sum, and
 * its most used expert as 1; all shares are sorted in decreasing order, and the one at index keep * L (from 0; one less
 * when all are kept) is the threshold; a layer has as many groups as shares above it. Shares equal to the threshold
 * lose, so fewer than keep * L groups may result. Shares are compared as fractions of the given counts, never as
 * quotients: exactly for whole numbers below 2^26, so that equal usage is equal. Source: Li et al. 2024, arXiv
 * 2310.01334; UNITES-Lab/MC-SMoE.
 */
export const usageThresholdCounts = (usage: readonly Float64Array[], keep: number): number[] => {
  const layers = usage.map(raisedShares);
  const experts = usage[0]?.length ?? 0;
  const index = keep * usage.length - (keep === experts ? 1 : 0);
  const threshold = layers.flat().sort((a, b) => difference(b, a))[index] ?? { count: 0, of: 1 };
  return layers.map((layer) => layer.filter((share) => difference(share, threshold) > 0).length);
};

/** `count / of`, not divided. */
interface Share {
  readonly count: number;
  readonly of: number;
}

/** Sign of a - b. */
const difference = (a: Share, b: Share): number => a.count * b.of - b.count * a.of;

/** A layer's shares of its sum, with the first largest raised to 1. Without any usage all others are 0. */
const raisedShares = (usage: Float64Array): Share[] => {
  const total = usage.reduce((sum, value) => sum + value, 0);
  const top = usage.indexOf(maxOf(usage));
  return Array.from(usage, (count, expert) =>
    expert === top ? { count: 1, of: 1 } : { count: total > 0 ? count : 0, of: total > 0 ? total : 1 },
  );
};
