import { type ClassFidelity, type ItemFidelity, type TokenClass, tokenClasses } from '../contract/outcome.ts';

/** Next-token distributions [rows, V] in float64. */
export interface Distributions {
  readonly logprobs: Float64Array;
  readonly probabilities: Float64Array;
  /** Token with the largest logit of each row (ties: the lowest). */
  readonly likeliest: Int32Array;
}

/** Log-softmax of logits [rows, V] float32, computed in float64. */
export const distributionsOf = (logits: Float32Array, vocabulary: number): Distributions => {
  const rows = logits.length / vocabulary;
  const logprobs = new Float64Array(logits.length);
  const probabilities = new Float64Array(logits.length);
  const likeliest = new Int32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const [start, end] = [row * vocabulary, (row + 1) * vocabulary];
    let best = start;
    for (let at = start; at < end; at += 1) if ((logits[at] ?? NaN) > (logits[best] ?? NaN)) best = at;
    const most = logits[best] ?? NaN;
    let sum = 0;
    for (let at = start; at < end; at += 1) {
      const power = Math.exp((logits[at] ?? NaN) - most);
      probabilities[at] = power;
      sum += power;
    }
    const logSum = most + Math.log(sum);
    for (let at = start; at < end; at += 1) {
      logprobs[at] = (logits[at] ?? NaN) - logSum;
      probabilities[at] = (probabilities[at] ?? NaN) / sum;
    }
    likeliest[row] = best - start;
  }
  return { logprobs, probabilities, likeliest };
};

const CLASSES = tokenClasses.length;

/** Nothing measured yet. */
export const NO_POSITIONS: ItemFidelity = { positions: 0, kl: 0, reverseKl: 0, changed: 0, acceptance: 1 };

/**
 * How far distribution q of a row is from p of a row; a token of probability 0 contributes nothing. Expected acceptance
 * is 1 minus half the sum of |p - q|, which equals the sum of min(p, q) and is exactly 1 for equal distributions.
 */
export const positionFidelity = (
  [p, pRow]: readonly [Distributions, number],
  [q, qRow]: readonly [Distributions, number],
): ItemFidelity => {
  const vocabulary = p.logprobs.length / p.likeliest.length;
  let [kl, reverseKl, distance] = [0, 0, 0];
  for (let token = 0; token < vocabulary; token += 1) {
    const [pAt, qAt] = [pRow * vocabulary + token, qRow * vocabulary + token];
    const [mine, other] = [p.probabilities[pAt] ?? NaN, q.probabilities[qAt] ?? NaN];
    const gap = (p.logprobs[pAt] ?? NaN) - (q.logprobs[qAt] ?? NaN);
    if (mine !== 0) kl += mine * gap;
    if (other !== 0) reverseKl -= other * gap;
    distance += Math.abs(mine - other);
  }
  return {
    positions: 1,
    // Both are at least 0 but for rounding.
    kl: Math.max(0, kl),
    reverseKl: Math.max(0, reverseKl),
    changed: p.likeliest[pRow] === q.likeliest[qRow] ? 0 : 1,
    acceptance: 1 - distance / 2,
  };
};

/** The mean of some classes' positions; null where there are none. */
const joinClass = (parts: readonly ClassFidelity[]): ClassFidelity | null => {
  const positions = parts.reduce((sum, part) => sum + part.positions, 0);
  if (positions === 0) return null;
  const mean = (of: (part: ClassFidelity) => number): number =>
    parts.reduce((sum, part) => sum + part.positions * of(part), 0) / positions;
  return { positions, kl: mean(({ kl }) => kl), changed: mean(({ changed }) => changed) };
};

/** Fidelity by class; `partsOf` gives the parts of a class. */
const byClass = (partsOf: (name: TokenClass) => readonly ClassFidelity[]): NonNullable<ItemFidelity['classes']> =>
  Object.fromEntries(
    tokenClasses.flatMap((name) => {
      const joined = joinClass(partsOf(name));
      return joined === null ? [] : [[name, joined]];
    }),
  );

/**
 * The mean over positions `first` to `end` (exclusive). `classes`: index in `tokenClasses` of the token at each of
 * these positions; null: not known.
 */
export const joinPositions = (
  positions: readonly ItemFidelity[],
  classes: Uint8Array | null,
  first = 0,
  end = positions.length,
): ItemFidelity => {
  const count = end - first;
  if (count === 0) return NO_POSITIONS;
  const sums = { kl: 0, reverseKl: 0, changed: 0, acceptance: 0 };
  const [counts, kls, changes] = [new Float64Array(CLASSES), new Float64Array(CLASSES), new Float64Array(CLASSES)];
  for (let at = first; at < end; at += 1) {
    const { kl, reverseKl, changed, acceptance } = positions[at] ?? NO_POSITIONS;
    sums.kl += kl;
    sums.reverseKl += reverseKl;
    sums.changed += changed;
    sums.acceptance += acceptance;
    const own = classes?.[at - first];
    if (own === undefined) continue;
    counts[own] = (counts[own] ?? 0) + 1;
    kls[own] = (kls[own] ?? 0) + kl;
    changes[own] = (changes[own] ?? 0) + changed;
  }
  const joined = {
    positions: count,
    kl: sums.kl / count,
    reverseKl: sums.reverseKl / count,
    changed: sums.changed / count,
    acceptance: sums.acceptance / count,
  };
  if (classes === null) return joined;
  const byName: Partial<Record<TokenClass, ClassFidelity>> = {};
  for (const [index, name] of tokenClasses.entries()) {
    const own = counts[index] ?? 0;
    if (own > 0) byName[name] = { positions: own, kl: (kls[index] ?? 0) / own, changed: (changes[index] ?? 0) / own };
  }
  return { ...joined, classes: byName };
};

/** The mean over the positions of several means. */
export const joinFidelity = (parts: readonly ItemFidelity[]): ItemFidelity => {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const positions = parts.reduce((sum, part) => sum + part.positions, 0);
  if (positions === 0) return NO_POSITIONS;
  const known = parts.filter((part) => part.positions > 0);
  const classes = known.every((part) => part.classes !== undefined)
    ? { classes: byClass((name) => known.flatMap((part) => part.classes?.[name] ?? [])) }
    : {};
  const mean = (of: (part: ItemFidelity) => number): number =>
    parts.reduce((sum, part) => sum + part.positions * of(part), 0) / positions;
  return {
    positions,
    kl: mean(({ kl }) => kl),
    reverseKl: mean(({ reverseKl }) => reverseKl),
    changed: mean(({ changed }) => changed),
    acceptance: mean(({ acceptance }) => acceptance),
    ...classes,
  };
};
