import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { runProvenance } from './provenance.ts';
import { runCircumstances } from './recorded.ts';
import { pointName } from './curtailed-point.ts';
import { metricName } from './task.ts';
import { threshold } from './sweep.ts';

/**
 * A model's answer to a multiple-choice item: the choice by sum, by sum per character, and the score of each choice.
 */
const itemAnswer = z.object({ chosen: z.number(), chosenNorm: z.number(), scores: boundedList(z.number()) });

/** An item whose answer changed in the repetition. */
export const flippedItem = pointName.extend({
  item: boundedText,
  answer: z.number(),
  before: itemAnswer,
  after: itemAnswer,
});
export type FlippedItem = z.infer<typeof flippedItem>;

const writtenText = z.object({ text: boundedText, correct: z.boolean() });

/** An item whose generated text changed in the repetition. */
export const rewrittenItem = pointName.extend({ item: boundedText, before: writtenText, after: writtenText });
export type RewrittenItem = z.infer<typeof rewrittenItem>;

/** A kind of field in one of a run's files, and how often it differs. */
const countedField = z.object({ file: boundedText, field: boundedText, count: z.number().int().positive() });

/**
 * Both runs' files compared field by field. Every field is compared unless listed as allowed to differ, including
 * fields first written by this version of the workbench.
 */
export const comparedFields = z.object({
  /** Files that both runs have. */
  files: boundedList(boundedText),
  /** Fields that differ by more than rounding. */
  changed: boundedList(countedField),
  /** The first of them, with their values as text. */
  listed: boundedList(z.object({ file: boundedText, where: boundedText, before: boundedText, after: boundedText })),
  /** Fields that differ by rounding, and the largest difference. */
  rounded: boundedList(countedField.extend({ largest: z.number() })),
  /** Fields that are not compared, with the reason. */
  allowed: boundedList(countedField.extend({ reason: boundedText })),
  /** Files of the first run that changed after it ended. */
  edited: boundedList(boundedText),
  /** Whether the first run was measured here. */
  first: runProvenance.optional(),
});
export type ComparedFields = z.infer<typeof comparedFields>;

/** Two experts between which a token of a calibration item chose, and the distance of their router logits. */
const nearestChoice = z.object({
  item: boundedText,
  taken: z.number().int(),
  left: z.number().int(),
  distance: z.number().nonnegative(),
  /** Whether processors that round otherwise may choose otherwise here. */
  isRounding: z.boolean(),
});
export type NearestChoice = z.infer<typeof nearestChoice>;

/** Routed choices of a task's calibration items that went to other experts in the repetition: the profiles differ. */
export const reroutedChoices = z.object({
  model: boundedText,
  task: boundedText,
  /** Number of choices that differ, and of all routed choices, in all layers. */
  choices: z.number().int().positive(),
  of: z.number().int().positive(),
  /** The first MoE layer in which they differ, from 0, the number of MoE layers, and the experts chosen less and more. */
  layer: z.number().int().nonnegative(),
  layers: z.number().int().positive(),
  from: boundedList(z.number().int()),
  to: boundedList(z.number().int()),
  /** The closest choice of the repetition that can have been another; null where routing is not by logits alone. */
  nearest: nearestChoice.nullable(),
});
export type ReroutedChoices = z.infer<typeof reroutedChoices>;

const circumstances = z.object(runCircumstances);

/**
 * A sweep, or a search for the best model that fits, repeated without any of its stored steps and compared with its
 * original measurements. Of a search everything stands in `fields`.
 */
export const reproduction = z.object({
  /** The run that computed again, and the one that it repeats. */
  run: boundedText,
  of: boundedText,
  /** Every value and every answer is the same, and no point is missing or new. */
  matches: z.boolean(),
  /** The verdict in words. */
  sentence: boundedText,
  /** Number of compared points and item outcomes. */
  points: z.number(),
  items: z.number(),
  /** Values (accuracy, perplexity) that differ. */
  changed: boundedList(pointName.extend({ metric: metricName, before: z.number(), after: z.number() })),
  flipped: boundedList(flippedItem),
  rewritten: boundedList(rewrittenItem).optional(),
  thresholds: boundedList(z.object({ before: threshold, after: threshold })),
  /** Points that only one of the two has: bisection depends on earlier measurements. */
  missing: boundedList(pointName),
  added: boundedList(pointName),
  /** Points whose plan keeps or merges other experts than before; null where the first run did not store its plans. */
  replanned: boundedList(pointName).nullable(),
  /** Profiles with other routed choices, from which other plans follow; absent if none. */
  rerouted: boundedList(reroutedChoices).optional(),
  /** Number of differences other than in these profiles and in points whose different plans were made from them. */
  unexplained: z.number().int().nonnegative().optional(),
  /** Largest difference of a score (log-probability): rounding, where no answer changed. */
  largestScoreDifference: z.number(),
  fields: comparedFields,
  before: circumstances,
  after: circumstances,
});
export type Reproduction = z.infer<typeof reproduction>;
