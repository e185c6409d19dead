import { at } from '../contract/errors.ts';
import { maxOf } from './extremes.ts';
import { normalUpperTail } from './distributions.ts';
import type { Interval } from './tango-interval.ts';

/** `shape` independent exponential variables (a gamma variable of this shape), each times `value`. */
export interface GammaTerm {
  readonly value: number;
  /** Above 0; whole where it counts variables. */
  readonly shape: number;
}

/** Step of the substituted path: the trapezoid rule converges exponentially; its relative error is below 1e-10. */
const STEP = 1 / 32;

/** Values this small relative to the largest are rounding errors of 0. */
const NEGLIGIBLE = 1e-14;

/**
 * P(sum of value x Gamma(shape) <= 0). A mean under Dirichlet weights lies below d with the probability that the sum of
 * (value - d) x Gamma lies below 0, since gamma variables divided by their sum are such weights.
 *
 * By the inversion integral of the moment generating function, (1 / 2 pi i) integral of M(s) / -s ds along the vertical
 * line through its saddle point below 0 (Daniels 1987, doi:10.2307/1403269), there t = sigma sinh(u) to handle the slow
 * decay with few terms: accurate far into the tail, since everything is relative to the value at the saddle.
 */
export const chanceOfNegativeSum = (terms: readonly GammaTerm[]): number => {
  const scale = terms.reduce((most, { value }) => Math.max(most, Math.abs(value)), 0);
  if (!Number.isFinite(scale)) throw new RangeError('a sum of gamma variables needs finite values');
  const ofCluster = terms
    .filter(({ value, shape }) => Math.abs(value) > NEGLIGIBLE * scale && shape > 0)
    .map(({ value, shape }) => ({ value: value / scale, shape }));
  const lowest = ofCluster.reduce((least, { value }) => Math.min(least, value), Infinity);
  const highest = ofCluster.reduce((most, { value }) => Math.max(most, value), -Infinity);
  if (ofCluster.length === 0 || highest < 0) return 1;
  if (lowest > 0) return 0;

  // The exponent of the integrand, K(s) - ln(-s), is convex between the nearest pole and 0.
  let [left, saddle, right] = [1 / lowest, 0, 0];
  for (;;) {
    saddle = (left + right) / 2;
    if (saddle <= left || saddle >= right) break;
    const slope = ofCluster.reduce(
      (sum, { value, shape }) => sum + (shape * value) / (1 - saddle * value),
      -1 / saddle,
    );
    if (slope < 0) left = saddle;
    else right = saddle;
    if (right - left < 1e-9 * Math.abs(saddle)) break;
  }
  let [peak, curvature] = [-Math.log(-saddle), 1 / (saddle * saddle)];
  for (const { value, shape } of ofCluster) {
    peak -= shape * Math.log(1 - saddle * value);
    curvature += shape * (value / (1 - saddle * value)) ** 2;
  }
  const width = 1 / Math.sqrt(curvature);
  let sum = 0.5;
  for (let step = 1; ; step += 1) {
    const u = step * STEP;
    const t = width * Math.sinh(u);
    let logSize = -0.5 * Math.log(saddle * saddle + t * t) - peak;
    let angle = Math.atan2(t, -saddle);
    for (const { value, shape } of ofCluster) {
      const [real, imaginary] = [1 - saddle * value, -t * value];
      logSize -= 0.5 * shape * Math.log(real * real + imaginary * imaginary);
      angle -= shape * Math.atan2(imaginary, real);
    }
    const size = Math.exp(logSize) * Math.cosh(u);
    sum += size * Math.cos(angle);
    if (size < 1e-16) break;
  }
  return Math.min(1, Math.max(0, (Math.exp(peak) * sum * STEP * width) / Math.PI));
};

/** Groups (passages) of one size with the same net move. */
export interface GroupMoves {
  /** Items of each. */
  readonly items: number;
  /** Items gained minus items lost, of each. */
  readonly net: number;
  readonly groups: number;
}

/** Net moves by group. `moves`: 1 for a gained item, -1 for a lost one, else 0; `groups`: name of each item's group. */
export const groupMoves = (moves: readonly number[], groups: readonly string[]): GroupMoves[] => {
  const sums = new Map<string, { readonly net: number; readonly items: number }>();
  moves.forEach((move, index) => {
    const name = at(groups, index);
    const { net, items } = sums.get(name) ?? { net: 0, items: 0 };
    sums.set(name, { net: net + move, items: items + 1 });
  });
  return countAlike([...sums.values()]);
};

/** Counts groups by size and net move. */
export const countAlike = (groups: readonly { readonly items: number; readonly net: number }[]): GroupMoves[] => {
  const alike = new Map<string, GroupMoves>();
  for (const { items, net } of groups) {
    const key = `${items},${net}`;
    alike.set(key, { items, net, groups: (alike.get(key)?.groups ?? 0) + 1 });
  }
  return [...alike.values()].sort((a, b) => a.items - b.items || a.net - b.net);
};

const sumOver = (moves: readonly GroupMoves[], read: (group: GroupMoves) => number): number =>
  moves.reduce((sum, move) => sum + move.groups * read(move), 0);

/** Items of the largest group. */
export const largestGroup = (moves: readonly GroupMoves[]): number => maxOf(moves.map(({ items }) => items));

/**
 * The level at which the groups show that the true difference is above `difference`; it rises with `difference` and
 * falls with every item gained.
 *
 * A group is the unit, and may move as a whole: nothing is assumed about the dependence of its items. One more group is
 * added to the observed ones, as large as the largest and lost completely; the level is the probability that a mean of
 * all with Dirichlet(1, ..., 1) weights is `difference` or less. This is Gaffke's bound for the mean of a bounded
 * variable (Gaffke 2005; Learned-Miller and Thomas 2020, arXiv:1905.06208), of net moves minus `difference` times the
 * size of the group. Without a gained group it is the exact binomial test of Clopper and Pearson. That its size is at
 * most the level for every distribution is a conjecture, confirmed wherever it was checked: by enumeration of groups
 * that move as a whole, by simulation of others (tests/bench/error-rates.ts).
 */
export const levelAbove = (moves: readonly GroupMoves[], difference: number): number =>
  chanceOfNegativeSum([
    ...moves.map(({ items, net, groups }) => ({ value: net - difference * items, shape: groups })),
    { value: -(1 + difference) * largestGroup(moves), shape: 1 },
  ]);

/** Rounds of the search for a limit: each halves the bracket at least every other time. */
const MOST_ROUNDS = 200;

/** Lower limit of the true difference at a one-sided level: the largest that the groups show to be exceeded. */
export const groupLowerLimit = (moves: readonly GroupMoves[], alpha: number): number => {
  const mean = sumOver(moves, ({ net }) => net) / sumOver(moves, ({ items }) => items);
  let [below, above] = [-1, mean];
  const goal = Math.log(alpha);
  // The level at -1 is 0, that at the mean far above any requested level; its logarithm bends gently between them.
  let [atBelow, atAbove] = [-40, Math.log(levelAbove(moves, above)) - goal];
  if (mean === -1 || atAbove <= 0) return mean;
  for (let round = 0; round < MOST_ROUNDS && above - below > 1e-13; round += 1) {
    const isHalving = round % 2 === 1;
    const cut = isHalving ? (below + above) / 2 : below + ((above - below) * atBelow) / (atBelow - atAbove);
    const at = Math.max(-40, Math.log(levelAbove(moves, cut)) - goal);
    if (at <= 0) [below, atBelow] = [cut, at];
    else [above, atAbove] = [cut, at];
    if (at === 0) break;
  }
  return below;
};

const mirrored = (moves: readonly GroupMoves[]): GroupMoves[] => moves.map((move) => ({ ...move, net: 0 - move.net }));

/** Both ends, each at the one-sided level `alpha`. */
export const groupInterval = (moves: readonly GroupMoves[], alpha: number): Interval => ({
  low: groupLowerLimit(moves, alpha),
  high: 0 - groupLowerLimit(mirrored(moves), alpha),
});

/** Most steps of the exact distribution of sign changes; beyond, its normal approximation is used. */
const MOST_STEPS = 2e8;

/**
 * Two-sided p of no difference: the probability that the groups' nets, with random signs, sum to at least the observed
 * distance from 0. Exact where the two models are exchangeable in every group; for groups of one item each it is
 * McNemar's exact test. 1 where no group moves. Beyond about 10,000 moving groups the sum is taken as normal (Durkalski
 * et al. 2003, doi:10.1002/sim.1438), which then hardly differs.
 */
export const signChangeP = (moves: readonly GroupMoves[]): number => {
  const moving = moves.filter(({ net }) => net !== 0);
  const observed = Math.abs(sumOver(moving, ({ net }) => net));
  if (observed === 0) return 1;
  const reach = sumOver(moving, ({ net }) => Math.abs(net));
  const groups = sumOver(moving, () => 1);
  if (groups * reach > MOST_STEPS)
    return Math.min(1, 2 * normalUpperTail(observed / Math.sqrt(sumOver(moving, ({ net }) => net * net))));
  // Probabilities of the sum of absolute nets with positive sign; the sum of signed nets is twice that minus `reach`.
  let chances = Float64Array.of(1);
  for (const { net, groups: alike } of moving) {
    const size = Math.abs(net);
    for (let group = 0; group < alike; group += 1) {
      const next = new Float64Array(chances.length + size);
      chances.forEach((chance, sum) => {
        next[sum] = (next[sum] ?? 0) + chance / 2;
        next[sum + size] = (next[sum + size] ?? 0) + chance / 2;
      });
      chances = next;
    }
  }
  let tail = 0;
  for (let sum = 0; 2 * sum <= reach - observed; sum += 1) tail += chances[sum] ?? 0;
  return Math.min(1, 2 * tail);
};
