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

/** Of the one: worse or better if the interval leaves out 0. */
export const pairReading = z.enum(['worse', 'better', 'undecided']);
