import { z } from 'zod';
import { boundedList, boundedText, moment } from './bounds.ts';
import { pairedOverDraws } from './paired-numbers.ts';
import { threshold } from './sweep.ts';
import { refitName } from './plan.ts';
import { answerKind, metricName } from './task.ts';

/**
 * How a method compares with the reference: better or worse where the paired interval excludes 0, for every pair of
 * draws; `draws-differ` where pairs of draws disagree.
 */
export const compareReading = z.enum(['better', 'worse', 'cannot-tell', 'draws-differ']);
export type CompareReading = z.infer<typeof compareReading>;

/** Reference of the differences: the method with the best value on each task, or the same one on all tasks. */
export const BEST_REFERENCE = 'best';

/** A method on one task, by ascending rank. */
export const compareRow = z.object({
  method: boundedText,
  /** Draws of a method with seeds; empty for one without. */
  seeds: boundedList(z.number()),
  /** Factor and kept experts of the point (means over draws), where a method missed the requested factor. */
  factor: z.number(),
  kept: z.number(),
  /** Mean over draws, with the lowest and the highest. */
  value: z.number(),
  lowest: z.number(),
  highest: z.number(),
  /** 1: best value; tied methods share their mean rank. */
  rank: z.number(),
  /** The best value, or not distinguishable from it: no draw is worse than the best by its paired interval. */
  sharesBest: z.boolean(),
  /** Against the reference; null for the reference itself. */
  paired: pairedOverDraws.nullable(),
  /** Null for the reference itself. */
  reading: compareReading.nullable(),
  /**
   * `paired.p` by Holm's step-down procedure over all comparisons of the document; null where there is no p, and
   * against the best of each task (`holmWithheld`).
   */
  pHolm: z.number().nullable(),
});
export type CompareRow = z.infer<typeof compareRow>;

export const compareTask = z.object({
  task: boundedText,
  metric: metricName,
  n: z.number(),
  /** Value of the unpruned model; null where it is not measured yet. */
  unpruned: z.number().nullable(),
  /** Reference of the rows here; null where the chosen reference is not measured. */
  reference: boundedText.nullable(),
  rows: boundedList(compareRow),
});
export type CompareTask = z.infer<typeof compareTask>;

/** A method over all tasks. */
export const compareMethod = z.object({
  method: boundedText,
  seeds: boundedList(z.number()),
  /** Number of its measured tasks, and how many of them it is best on or not distinguishable from the best. */
  tasks: z.number(),
  sharesBest: z.number(),
  /** Tasks on which it is better or worse than the reference, or neither (which is not compared with itself). */
  better: z.number(),
  worse: z.number(),
  cannotTell: z.number(),
  /** Tasks on which its draws (or those of the reference) disagree. */
  drawsDiffer: z.number().default(0),
  /**
   * Mean of its ranks over the tasks on which every method is measured, with the 95 % percentile interval of a
   * bootstrap over items; null where there is no such task.
   */
  meanRank: z.object({ value: z.number(), low: z.number(), high: z.number(), tasks: z.number() }).nullable(),
});
export type CompareMethod = z.infer<typeof compareMethod>;

/** Recovered plans against the same plans (method, task, factor, seed) without it: `difference` is recovered - bare. */
export const compareRecovery = z.object({
  /** The method without its recovery, and what the recovery refits. */
  method: boundedText,
  refit: refitName.default('experts'),
  better: z.number(),
  /** Tasks on which the interval includes 0. */
  nothing: z.number(),
  worse: z.number(),
  /** Tasks on which draws disagree. */
  drawsDiffer: z.number().default(0),
  tasks: boundedList(
    z.object({
      task: boundedText,
      metric: metricName,
      n: z.number(),
      bare: z.number(),
      recovered: z.number(),
      paired: pairedOverDraws,
      reading: compareReading,
    }),
  ),
});
export type CompareRecovery = z.infer<typeof compareRecovery>;

/** Comparison of a sweep's methods, for one model and one pruning factor, over tasks of one kind. */
export const compareDocument = z.object({
  run: boundedText,
  model: boundedText,
  /** Models of the sweep with something to compare. */
  models: boundedList(boundedText),
  /** Measured factors above 1 of this model, ascending. */
  factors: boundedList(z.number()),
  factor: z.number(),
  /** Kind of the tasks, and the kinds measured for this model. */
  answers: answerKind,
  answersMeasured: boundedList(answerKind),
  /** `best`, `unpruned` or a method; and the available choices. */
  reference: boundedText,
  references: boundedList(boundedText),
  methods: boundedList(boundedText),
  tasks: boundedList(compareTask),
  /** By ascending mean rank, best first. */
  overview: boundedList(compareMethod),
  /** Empty unless methods are measured with and without recovery. */
  recoveries: boundedList(compareRecovery),
  /** Headline thresholds of this model. */
  thresholds: boundedList(threshold),
  /**
   * Comparisons with the reference: how many, in how many the interval excludes 0, how many have a p, and how many of
   * the significant ones still have p <= 0.05 after Holm.
   */
  comparisons: z.object({ count: z.number(), apart: z.number(), withP: z.number(), afterHolm: z.number() }),
  /** Why there is no `pHolm` at all; null where there is. */
  holmWithheld: boundedText.nullable().default(null),
  findings: boundedList(boundedText),
  notes: boundedList(boundedText),
});
export type CompareDocument = z.infer<typeof compareDocument>;

/** Most sweeps that can be compared at once. */
export const MOST_SWEEPS = 6;

/** A setting that differs between the sweeps: one value each, in their order. */
export const differingSetting = z.object({ key: boundedText, values: boundedList(boundedText) });
export type DifferingSetting = z.infer<typeof differingSetting>;

/**
 * `same`: both sweeps asked the same items; `common`: one asked more, and the shared items are compared; `other`:
 * different items, which cannot be paired.
 */
export const sharedItems = z.enum(['same', 'common', 'other']);
export type SharedItems = z.infer<typeof sharedItems>;

/** One candidate of a sweep against the matching candidate of the reference. */
export const sweepsRow = z.object({
  /** The run compared with the reference. */
  run: boundedText,
  task: boundedText,
  model: boundedText,
  /** Names in the reference, which differ only where it has a single model or method, matched whatever its name. */
  referenceModel: boundedText,
  method: boundedText,
  referenceMethod: boundedText,
  factor: z.number(),
  metric: metricName,
  items: sharedItems,
  /** Number of compared items; where items differ, those of the run and those of the reference. */
  n: z.number(),
  referenceN: z.number(),
  value: z.number(),
  referenceValue: z.number(),
  /** value - referenceValue, over those items: the mean over pairs of draws, the lowest and the highest. */
  difference: z.number(),
  lowest: z.number(),
  highest: z.number(),
  /**
   * Two-sided 95 %: paired by Tango (bootstrap for perplexity); for different items by Newcombe's method 10. Null where
   * different items give none (perplexity, items that share passages), and for several pairs of draws, each of which
   * has its own.
   */
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
  /** Pairs of draws, each with its own difference and interval. */
  pairs: boundedList(
    z.object({
      seed: z.number().nullable(),
      otherSeed: z.number().nullable(),
      difference: z.number(),
      interval: z.object({ low: z.number(), high: z.number() }).nullable(),
    }),
  ),
  /** Paired items only: exact McNemar, and adjusted by Holm's procedure over all rows. */
  p: z.number().nullable(),
  pHolm: z.number().nullable(),
  /** Paired items that only the reference, or only the run, answers correctly; null for different items. */
  lost: z.number().nullable(),
  gained: z.number().nullable(),
  /** Over all pairs of draws; null where a pair has no interval. */
  reading: compareReading.nullable(),
});
export type SweepsRow = z.infer<typeof sweepsRow>;

/** Sweeps compared with the first of them. */
export const sweepsComparison = z.object({
  /** The reference first. */
  runs: boundedList(z.object({ run: boundedText, name: boundedText, createdAt: moment })),
  settings: boundedList(differingSetting),
  /** Number of settings that are the same in all of them. */
  sameSettings: z.number(),
  rows: boundedList(sweepsRow),
  notes: boundedList(boundedText),
});
export type SweepsComparison = z.infer<typeof sweepsComparison>;
