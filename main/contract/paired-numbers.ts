import { z } from 'zod';

/** The one against the other on the same items: `difference` is the one minus the other. */
export const pairedNumbers = z.object({
  difference: z.number(),
  /** Two-sided 95 % interval (Tango, of passages where items share them; bootstrap for perplexity). */
  low: z.number(),
  high: z.number(),
  /** Two-sided exact McNemar; null for perplexity. */
  p: z.number().nullable(),
  /** Items that only the other, or only the one, answers rightly; 0 for perplexity. */
  lost: z.number(),
  gained: z.number(),
});

/**
 * The one against the other over their draws, which are never pooled: every pair of draws is compared by itself.
 * `difference`, `lost` and `gained` are means over the pairs.
 */
export const pairedOverDraws = z.object({
  difference: z.number(),
  /** The lowest and the highest difference of a pair. */
  lowest: z.number(),
  highest: z.number(),
  /** Two-sided 95 %, of a single pair; null where there are several, each of which has its own. */
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
  /** The largest of the pairs', 1 where they lie on both sides of 0; null where a pair has none. */
  p: z.number().nullable(),
  lost: z.number(),
  gained: z.number(),
  /** Pairs whose own interval leaves out 0, by side, and pairs whose interval holds it. */
  better: z.number(),
  worse: z.number(),
  cannotTell: z.number(),
  /** Seeds of the one and of the other; null for a method without draws. */
  pairs: z.array(pairedNumbers.extend({ seed: z.number().nullable(), otherSeed: z.number().nullable() })).min(1),
});
export type PairedOverDraws = z.infer<typeof pairedOverDraws>;

/** Of the one: worse or better if the interval leaves out 0. */
export const pairReading = z.enum(['worse', 'better', 'undecided']);
