import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { metricName } from './task.ts';

/** One of two models of a pair, with its difference to the unpruned model as stored and the two-sided 95 % interval. */
const frontierSide = z.object({
  /** Curve: method, refit and type of weights. */
  method: boundedText,
  factor: z.number(),
  seed: z.number().nullable(),
  bytes: z.number(),
  /** Share of the bytes of the unpruned model as stored. */
  share: z.number(),
  difference: z.number(),
  low: z.number(),
  high: z.number(),
});
export type FrontierSide = z.infer<typeof frontierSide>;

/** The unpruned model at a type of weights against the mildest pruning that fits into its bytes, on the same items. */
const comparedSizes = z.object({
  task: boundedText,
  metric: metricName,
  pruned: frontierSide,
  quantised: frontierSide,
  /** Pruned minus quantised, with the two-sided 95 % interval. */
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  /** `alone`: in its own interval, but not where all pairs of the sweep are read together. */
  reading: z.enum(['pruning', 'quantising', 'pruning alone', 'quantising alone', 'cannot tell']),
  /** Two-sided exact McNemar, adjusted for all pairs of the sweep by Holm's procedure; null for perplexity. */
  pHolm: z.number().nullable(),
});
export type ComparedSizes = z.infer<typeof comparedSizes>;

/** Whether to prune or to quantise, for each model of a sweep. */
export const frontierDocument = z.object({
  models: boundedList(
    z.object({ model: boundedText, summary: boundedList(boundedText), pairs: boundedList(comparedSizes) }),
  ),
});
