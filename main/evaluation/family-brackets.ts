import type { BracketPairs, FamilyThreshold } from '../contract/family.ts';

type Bracket = Pick<FamilyThreshold, 'lastSafe' | 'firstUnsafe'>;

/** Factors are quotients of small whole numbers: equal ones differ by rounding only. */
const TOLERANCE = 1e-9;

export const isAtMost = (factor: number, limit: number): boolean => factor <= limit * (1 + TOLERANCE);

/**
 * How the bracket [lastSafe, firstUnsafe) of a model with more experts lies to that of a model with fewer.
 *
 * Only brackets that do not meet are an order: the threshold was read at the tested factors, and where in its bracket a
 * finer test would find it is open. A bracket without a first unsafe factor is open above: its model is safe as far as
 * it was, or can be, pruned (never below top-k experts), so a smaller model that is open above hides any rise. Counting
 * that as a rise would find one in the limit E / top-k alone.
 */
export const compareBrackets = (smaller: Bracket, larger: Bracket): keyof BracketPairs => {
  if (smaller.lastSafe === null || larger.lastSafe === null) return 'unknown';
  if (smaller.firstUnsafe !== null && isAtMost(smaller.firstUnsafe, larger.lastSafe)) return 'rises';
  if (larger.firstUnsafe !== null && isAtMost(larger.firstUnsafe, smaller.lastSafe)) return 'falls';
  return smaller.firstUnsafe === null || larger.firstUnsafe === null ? 'unknown' : 'overlaps';
};
