import { z } from 'zod';
import { factor, itemCount, shortName } from './bounds.ts';
import { metricName } from './task.ts';

/** Names a point of a sweep: a candidate on a task. */
export const pointName = z.object({
  model: shortName,
  task: shortName,
  method: shortName,
  /** Null for methods without randomness. */
  seed: z.number().nullable(),
  /** E / kept, the factor actually reached. */
  factor,
});

/** Identifies a candidate in a sweep. */
export const candidatePoint = pointName.extend({
  /** Kept experts per MoE layer (mean where layers differ). */
  kept: z.number(),
  /**
   * Share of the unpruned model's routed choices on the calibration items whose expert is dropped or merged into
   * another one, over all MoE layers (main/evaluation/dropped-share.ts). Absent without a plan or profile to compute it
   * from.
   */
  droppedShare: z.number().min(0).max(1).optional(),
});

/** Verdict of a curtailed candidate at a margin and level; `unsafe` does not imply `worse`. */
export const curtailedVerdict = z.enum(['unsafe', 'worse']);

/**
 * A candidate that was not measured on all items, because its verdict was decided before (or could not be decided at
 * all): it has no accuracy and no interval. For accuracies and exact match only.
 */
export const curtailedPoint = candidatePoint
  .extend({
    /** Test items, and how many of them the candidate answered. */
    n: itemCount.min(1),
    evaluated: itemCount,
    metric: metricName,
    /** Answered items that only the unpruned model answers correctly: a lower bound for all n. */
    lost: itemCount,
    /** Items gained so far plus all remaining: an upper bound for all n. */
    gainedAtMost: itemCount,
    /** Effective number of independent items: less than n where items share passages, n / the largest one. */
    independentAtLeast: itemCount,
    /**
     * Where items share passages: an upper bound on the lower end of the one-sided 95 % interval over all n. Absent for
     * other items, where the counts suffice.
     */
    lowAtMost: z.number().optional(),
    /** At the margin and level of the document's thresholds; null: the answered items do not decide it there. */
    verdict: curtailedVerdict.nullable().optional(),
  })
  .refine(({ lost, gainedAtMost, n }) => lost + gainedAtMost <= n, {
    error: 'more items lost and gained than there are',
  });
export type CurtailedPoint = z.infer<typeof curtailedPoint>;

/** A candidate that was not measured at all: a smaller factor of its curve is already unsafe. */
export type UnneededPoint = z.infer<typeof candidatePoint>;
