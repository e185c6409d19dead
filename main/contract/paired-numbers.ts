import { z } from 'zod';
import { boundedList } from './bounds.ts';

/** Two candidates on the same items: `difference` is the first minus the second. */
export const pairedNumbers = z.object({
  difference: z.number(),
  /** Two-sided 95 % interval (Tango, over passages where items share them; bootstrap for perplexity). */
  low: z.number(),
  high: z.number(),
  /** Two-sided exact McNemar; null for perplexity. */
  p: z.number().nullable(),
  /** Items that only the second, or only the first, answers correctly; 0 for perplexity. */
  lost: z.number(),
  gained: z.number(),
});

/**
 * Two candidates over their draws, which are never pooled: each pair of draws is compared separately. `difference`,
 * `lost` and `gained` are means over the pairs.
 */
export const pairedOverDraws = z.object({
  difference: z.number(),
  /** The lowest and the highest difference of a pair. */
  lowest: z.number(),
  highest: z.number(),
  /** Two-sided 95 %, for a single pair; null for several pairs, each of which has its own. */
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
  /** The largest p of the pairs, 1 where they lie on both sides of 0; null where a pair has none. */
  p: z.number().nullable(),
  lost: z.number(),
  gained: z.number(),
  /** Pairs whose own interval excludes 0, by side, and pairs whose interval contains it. */
  better: z.number(),
  worse: z.number(),
  cannotTell: z.number(),
  /** Seeds of the first and the second; null for a method without draws. */
  pairs: boundedList(pairedNumbers.extend({ seed: z.number().nullable(), otherSeed: z.number().nullable() })).min(1),
});
export type PairedOverDraws = z.infer<typeof pairedOverDraws>;

/** Reading of the first candidate: worse or better if the interval excludes 0. */
export const pairReading = z.enum(['worse', 'better', 'undecided']);
