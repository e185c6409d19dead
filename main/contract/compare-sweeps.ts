import { z } from 'zod';
import { compareReading } from './compare.ts';
import { metricName } from './task.ts';

/** Most sweeps that can be compared at once. */
export const MOST_SWEEPS = 6;

/** A setting that differs between the sweeps: one value each, in their order. */
export const differingSetting = z.object({ key: z.string(), values: z.array(z.string()) });
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
  run: z.string(),
  task: z.string(),
  model: z.string(),
  /** Names in the reference, which differ only where it has a single model or method, matched whatever its name. */
  referenceModel: z.string(),
  method: z.string(),
  referenceMethod: z.string(),
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
  pairs: z.array(
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
  runs: z.array(z.object({ run: z.string(), name: z.string(), createdAt: z.iso.datetime() })),
  settings: z.array(differingSetting),
  /** Number of settings that are the same in all of them. */
  sameSettings: z.number(),
  rows: z.array(sweepsRow),
  notes: z.array(z.string()),
});
export type SweepsComparison = z.infer<typeof sweepsComparison>;
