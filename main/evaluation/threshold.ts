import { refuse } from '../contract/errors.ts';
import type { SweepResult, Threshold } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { tangoLowerLimit, Z_ONE_SIDED_95 } from '../statistics/tango-interval.ts';

/** Level of the one-sided intervals that `lowOneSided` holds. */
export const THRESHOLD_LEVEL = 0.95;

/**
 * Texts below which a perplexity threshold is not told. A percentile bootstrap sees only the texts it was given: with
 * few of them its upper end lies too low (for normal data a nominal 95 % limit holds 0.90 of the time at n = 5, 0.94
 * at n = 20).
 */
export const TEXTS_NEEDED = 20;

/**
 * Items needed before any candidate can be called safe: the smallest n at which even a candidate without a discordant
 * pair has its lower limit, -z^2 / (n + z^2), at -delta or above. 133 for delta = 0.02. For perplexity, TEXTS_NEEDED.
 */
export const itemsNeeded = (delta: number, metric: MetricName = 'acc'): number => {
  if (!(delta > 0 && delta <= 0.5)) {
    throw refuse('delta-invalid', `The margin delta is ${delta}.`, 'Give a number above 0 and at most 0.5.');
  }
  if (metric === 'perplexity') return TEXTS_NEEDED;
  const zSquared = Z_ONE_SIDED_95 * Z_ONE_SIDED_95;
  // The closed form can be one off where rounding meets equality: the limit itself decides.
  let n = Math.max(1, Math.floor((zSquared * (1 - delta)) / delta) - 1);
  while (tangoLowerLimit({ gained: 0, lost: 0, n }, Z_ONE_SIDED_95) < -delta) n += 1;
  return n;
};

/** Whether a result, taken by itself, is within the margin: lower one-sided end at -delta or above. */
export const isSafe = (result: Pick<SweepResult, 'lowOneSided'>, delta: number): boolean =>
  result.lowOneSided >= -delta;

/** A tested factor and whether it is within the margin. */
export interface TestedFactor {
  readonly factor: number;
  readonly safe: boolean;
}

/**
 * Fixed-sequence reading of tested factors: from the smallest on, all safe up to `lastSafe` (1, the unpruned model,
 * where none is), `firstUnsafe` being the next (null where there is none). What lies beyond the first unsafe factor is
 * not read. Each step tests at the full level; no correction is needed because testing stops at the first failure.
 */
export const readInSequence = (
  tested: readonly TestedFactor[],
): { readonly lastSafe: number; readonly firstUnsafe: number | null } => {
  const ascending = [...tested].sort((a, b) => a.factor - b.factor);
  const firstUnsafe = ascending.find(({ safe }) => !safe)?.factor ?? null;
  const safe = ascending.filter(({ factor }) => firstUnsafe === null || factor < firstUnsafe);
  return { lastSafe: safe.at(-1)?.factor ?? 1, firstUnsafe };
};

/**
 * The threshold of one (model, task, method, seed) from its results at any factors; null while no factor above 1 is
 * measured. `factor` is null exactly where the verdict is `cannot-tell`.
 */
export const thresholdOf = (results: readonly SweepResult[], delta: number): Threshold | null => {
  const pruned = results.filter(({ factor }) => factor > 1);
  const first = pruned[0];
  if (first === undefined) return null;
  const { model, task, method, seed } = first;
  const stranger = pruned.find(
    (other) => other.model !== model || other.task !== task || other.method !== method || other.seed !== seed,
  );
  if (stranger !== undefined) {
    throw new Error(`a threshold is of one model, task, method and seed; got also ${JSON.stringify(stranger)}`);
  }
  const n = Math.min(...pruned.map((result) => result.n));
  const subject = { model, task, method, seed, delta, n };
  if (n < itemsNeeded(delta, first.metric)) {
    return { ...subject, factor: null, lastSafe: null, firstUnsafe: null, verdict: 'cannot-tell' };
  }
  const { lastSafe, firstUnsafe } = readInSequence(
    pruned.map((result) => ({ factor: result.factor, safe: isSafe(result, delta) })),
  );
  const verdict = firstUnsafe === null ? 'all-safe' : lastSafe === 1 ? 'none-safe' : 'found';
  return { ...subject, factor: lastSafe, lastSafe, firstUnsafe, verdict };
};

/** 0.02 -> "2", 0.025 -> "2.5": at most three decimals, no trailing zeros. */
const percent = (share: number): string => String(Math.round(share * 1e5) / 1e3);

/**
 * The threshold rule in words, the same on screen, in reports, figures and on the command line. `level` is the level of
 * the stored one-sided intervals.
 */
export const thresholdRule = (delta: number, level: number = THRESHOLD_LEVEL): string =>
  `A pruning factor is safe for a task if the lower end of the one-sided ${percent(level)} % interval of ` +
  `accuracy(pruned) - accuracy(unpruned), paired on the same items, is at least -${percent(delta)} percentage points ` +
  `(perplexity: if the upper end for the rise of log-perplexity is at most ${delta} nats per token). ` +
  `The threshold is the largest tested factor such that it and every smaller tested factor are safe; ` +
  `with fewer than ${itemsNeeded(delta)} items (perplexity: ${itemsNeeded(delta, 'perplexity')} texts) it cannot be told.`;

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => unknown): T[][] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
};

/**
 * One result per factor that stands for all seeds of a method: the seed with the lowest lower end. A factor is then safe
 * exactly if it is safe for every seed. Pooling the seeds' outcomes instead would count the same items several times
 * over and let a lucky draw pay for an unlucky one, while a user prunes with one draw. Factors that some seed has not
 * measured yet are left out unless a measured seed already fails there, which the lowest end shows by itself.
 */
const worstOfSeeds = (results: readonly SweepResult[], seeds: number, delta: number): SweepResult[] =>
  groupBy(results, ({ factor }) => factor).flatMap((sameFactor) => {
    const worst = sameFactor.reduce((low, other) => (other.lowOneSided < low.lowOneSided ? other : low));
    const told = sameFactor.length === seeds || worst.lowOneSided < -delta;
    return told ? [{ ...worst, seed: null }] : [];
  });

/**
 * Thresholds of every (model, task, method, seed) of a sweep, in the order in which they first appear, and for a method
 * measured under several seeds one more with `seed: null`: safe means safe for every seed. Pure and without inference:
 * a new delta needs only this.
 */
export const sweepThresholds = (results: readonly SweepResult[], delta: number): Threshold[] =>
  groupBy(
    results.filter(({ factor }) => factor > 1),
    ({ model, task, method }) => [model, task, method],
  ).flatMap((ofMethod) => {
    const bySeed = groupBy(ofMethod, ({ seed }) => seed);
    const groups = bySeed.length > 1 ? [...bySeed, worstOfSeeds(ofMethod, bySeed.length, delta)] : bySeed;
    return groups.flatMap((group) => thresholdOf(group, delta) ?? []);
  });

/** The threshold that stands for each (model, task, method): the one over all seeds where there are several. */
export const headlineThresholds = (thresholds: readonly Threshold[]): Threshold[] =>
  groupBy(thresholds, ({ model, task, method }) => [model, task, method]).flatMap((ofMethod) =>
    ofMethod.length === 1 ? ofMethod : ofMethod.filter(({ seed }) => seed === null),
  );

/** A number of kept experts per layer that was tested, and whether it is safe. */
export interface TestedCount {
  readonly kept: number;
  readonly safe: boolean;
}

/**
 * Next number of kept experts to test so that the threshold becomes exact, or null once it is: the bisection of the
 * bracket between the smallest safe count (with every larger tested count safe; `experts`, the unpruned model, to begin
 * with) and the largest unsafe one (`minimum` - 1, which cannot run, to begin with). From a bracket of width w it ends
 * after at most ceil(log2 w) tests if safety is monotone in the count.
 *
 * `experts` is E and `minimum` the fewest experts that may stay, max(1, top-k). Where a threshold cannot be told for
 * want of items, no count is safe and there is nothing to look for: do not call it.
 *
 * A bisection reads the counts in another order than the fixed sequence of the threshold rule. All its tests are on the
 * same items, and a wrong threshold needs a truly unsafe count to pass one of them: its probability is bounded by the
 * number of unsafe counts visited times 5 %, not by 5 %.
 */
export const nextKeptCount = (tested: readonly TestedCount[], experts: number, minimum: number): number | null => {
  const unsafe = Math.max(minimum - 1, ...tested.filter(({ safe }) => !safe).map(({ kept }) => kept));
  const safe = Math.min(experts, ...tested.filter(({ safe, kept }) => safe && kept > unsafe).map(({ kept }) => kept));
  const gap = safe - unsafe;
  return gap <= 1 ? null : unsafe + Math.floor(gap / 2);
};
