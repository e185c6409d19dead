import { z } from 'zod';
import { runManifest } from './run.ts';
import { metricName } from './task.ts';
import { threshold } from './sweep.ts';

/** Names a point of a sweep: a candidate on a task. */
const pointName = z.object({
  model: z.string(),
  task: z.string(),
  method: z.string(),
  seed: z.number().nullable(),
  factor: z.number(),
});

/**
 * What a model answered to a multiple-choice item: the choice by sum, by sum per character, and the score of each
 * choice.
 */
const itemAnswer = z.object({ chosen: z.number(), chosenNorm: z.number(), scores: z.array(z.number()) });

/** An item that was answered otherwise the second time. */
export const flippedItem = pointName.extend({
  item: z.string(),
  answer: z.number(),
  before: itemAnswer,
  after: itemAnswer,
});
export type FlippedItem = z.infer<typeof flippedItem>;

const writtenText = z.object({ text: z.string(), correct: z.boolean() });

/** An item to which something else was written the second time. */
export const rewrittenItem = pointName.extend({ item: z.string(), before: writtenText, after: writtenText });
export type RewrittenItem = z.infer<typeof rewrittenItem>;

/** A kind of field of one of a run's files, and in how many places it differs. */
const countedField = z.object({ file: z.string(), field: z.string(), count: z.number().int().positive() });

/**
 * Both runs' files compared field by field. What is not named as allowed to differ is compared, be it a field that this
 * version of the workbench was the first to write.
 */
export const comparedFields = z.object({
  /** Files that both runs have. */
  files: z.array(z.string()),
  /** Fields that differ by more than rounding. */
  changed: z.array(countedField),
  /** The first of them, one by one, with their values as text. */
  listed: z.array(z.object({ file: z.string(), where: z.string(), before: z.string(), after: z.string() })),
  /** Fields that differ by rounding, and by how much at most. */
  rounded: z.array(countedField.extend({ largest: z.number() })),
  /** Fields that differ and may, with the reason. */
  allowed: z.array(countedField.extend({ reason: z.string() })),
  /** Files of the first run that were changed after it had ended. */
  edited: z.array(z.string()),
});
export type ComparedFields = z.infer<typeof comparedFields>;

const circumstances = runManifest.pick({ versions: true, device: true });

/** A sweep that was run again without any of its stored steps, compared with what it had measured. */
export const reproduction = z.object({
  /** The run that computed again, and the one that it repeats. */
  run: z.string(),
  of: z.string(),
  /** Every value and every answer is the same, and no point is missing or new. */
  matches: z.boolean(),
  /** The verdict in words. */
  sentence: z.string(),
  /** Points and item outcomes that were compared. */
  points: z.number(),
  items: z.number(),
  /** Values (accuracy, perplexity) that differ. */
  changed: z.array(pointName.extend({ metric: metricName, before: z.number(), after: z.number() })),
  flipped: z.array(flippedItem),
  rewritten: z.array(rewrittenItem).optional(),
  thresholds: z.array(z.object({ before: threshold, after: threshold })),
  /** Points that only one of the two has: bisection goes on from what was measured. */
  missing: z.array(pointName),
  added: z.array(pointName),
  /** Points whose plan keeps or merges other experts than before; null where the first run did not store its plans. */
  replanned: z.array(pointName).nullable(),
  /** Largest difference of a score (log-probability): rounding, where nothing flipped. */
  largestScoreDifference: z.number(),
  /** Absent in documents of old. */
  fields: comparedFields.optional(),
  before: circumstances,
  after: circumstances,
});
export type Reproduction = z.infer<typeof reproduction>;
export type PointName = z.infer<typeof pointName>;
