import { z } from 'zod';
import { factor, itemCount, shortName } from './bounds.ts';
import { metricName } from './task.ts';

/** Where a candidate lies in a sweep. */
export const placedPoint = z.object({
  model: shortName,
  task: shortName,
  method: shortName,
  /** Null for methods without randomness. */
  seed: z.number().nullable(),
  /** E / kept, the factor that was really reached. */
  factor,
  /** Kept experts per MoE layer (mean where layers differ). */
  kept: z.number(),
  /**
   * Share of the unpruned model's routed choices on the calibration items whose expert is dropped or merged into another
   * one, over all MoE layers (main/evaluation/dropped-share.ts). Absent where no plan or no profile tells it, and in
   * documents of old.
   */
  droppedShare: z.number().min(0).max(1).optional(),
});

/** What is known at a margin and level of a candidate that stopped early; unsafe is not thereby worse. */
export const curtailedVerdict = z.enum(['unsafe', 'worse']);

/**
 * A candidate that was not measured on all items, because its verdict was decided before (or could not be told at all):
 * it has no accuracy and no interval. Of accuracies and exact match only.
 */
export const curtailedPoint = placedPoint
  .extend({
    /** Test items, and how many of them the candidate answered. */
    n: itemCount.min(1),
    evaluated: itemCount,
    metric: metricName,
    /** Items among those answered that only the unpruned model answers rightly: with all n it is at least this. */
    lost: itemCount,
    /** Items gained so far and all that are left to gain: with all n it is at most this. */
    gainedAtMost: itemCount,
    /** Independent items that the n are worth: fewer than n where items share passages, n / the largest one. */
    independentAtLeast: itemCount,
    /**
     * Where items share passages: the highest that the lower end of the one-sided 95 % interval of all n can come to.
     * Absent of other items, where the counts tell it, and in documents of old, from which nothing is told then.
     */
    lowAtMost: z.number().optional(),
    /** At the margin and level of the document's thresholds; null: the items answered do not decide it there. */
    verdict: curtailedVerdict.nullable().optional(),
  })
  .refine(({ lost, gainedAtMost, n }) => lost + gainedAtMost <= n, {
    error: 'more items lost and gained than there are',
  });
export type CurtailedPoint = z.infer<typeof curtailedPoint>;

/** A candidate that was not measured at all: a smaller factor of its curve is unsafe, beyond which nothing is read. */
export type UnneededPoint = z.infer<typeof placedPoint>;
