import { refuse } from '../contract/errors.ts';
import { type Interval, Z_TWO_SIDED_95 } from './tango-interval.ts';

/** Correct answers among the items of one sample. */
export interface Proportion {
  readonly right: number;
  readonly n: number;
}

const checkProportion = ({ right, n }: Proportion): void => {
  const isFit = Number.isInteger(right) && Number.isInteger(n) && n >= 1 && right >= 0 && right <= n;
  if (!isFit)
    throw refuse('counts-invalid', `${right} right of ${n} items is not a proportion.`, 'Counts are whole, 0 to n.');
};

/**
 * Wilson's score interval of a proportion at 95 %, two-sided (1927, doi:10.1080/01621459.1927.10502953), without
 * continuity correction.
 */
export const wilsonInterval = ({ right, n }: Proportion): Interval => {
  const z = Z_TWO_SIDED_95;
  checkProportion({ right, n });
  const share = right / n;
  const middle = share + (z * z) / (2 * n);
  const spread = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  // The ends are exactly 0 and 1 where nothing, or everything, is correct.
  return {
    low: right === 0 ? 0 : (middle - spread) / scale,
    high: right === n ? 1 : (middle + spread) / scale,
  };
};

/**
 * Interval of `one` minus `other` of two independent samples: the hybrid score interval of Newcombe (1998, method 10,
 * doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), from Wilson's of each.
 */
export const newcombeInterval = (left: Proportion, right: Proportion): Interval => {
  const [first, second] = [wilsonInterval(left), wilsonInterval(right)];
  const [p, q] = [left.right / left.n, right.right / right.n];
  return {
    low: p - q - Math.hypot(p - first.low, second.high - q),
    high: p - q + Math.hypot(first.high - p, q - second.low),
  };
};
