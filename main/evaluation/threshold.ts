import { refuse } from '../contract/errors.ts';
import type { SweepResult, Threshold } from '../contract/sweep.ts';
import type { MetricName } from '../contract/task.ts';
import { tangoLowerLimit, Z_ONE_SIDED_95 } from './tango-interval.ts';

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
export const isSafe = (result: Pick<SweepResult, 'lowOneSided'>, delta: number): boolean => result.lowOneSided >= -delta;

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
