import { z } from 'zod';
import { runProvenance } from './provenance.ts';
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
 * A model's answer to a multiple-choice item: the choice by sum, by sum per character, and the score of each choice.
 */
const itemAnswer = z.object({ chosen: z.number(), chosenNorm: z.number(), scores: z.array(z.number()) });

/** An item whose answer changed in the repetition. */
export const flippedItem = pointName.extend({
  item: z.string(),
  answer: z.number(),
  before: itemAnswer,
  after: itemAnswer,
});
export type FlippedItem = z.infer<typeof flippedItem>;

const writtenText = z.object({ text: z.string(), correct: z.boolean() });

/** An item whose generated text changed in the repetition. */
export const rewrittenItem = pointName.extend({ item: z.string(), before: writtenText, after: writtenText });
export type RewrittenItem = z.infer<typeof rewrittenItem>;

/** A kind of field in one of a run's files, and how often it differs. */
const countedField = z.object({ file: z.string(), field: z.string(), count: z.number().int().positive() });

/**
 * Both runs' files compared field by field. Every field is compared unless listed as allowed to differ, including
 * fields first written by this version of the workbench.
 */
export const comparedFields = z.object({
  /** Files that both runs have. */
  files: z.array(z.string()),
  /** Fields that differ by more than rounding. */
  changed: z.array(countedField),
  /** The first of them, with their values as text. */
  listed: z.array(z.object({ file: z.string(), where: z.string(), before: z.string(), after: z.string() })),
  /** Fields that differ by rounding, and the largest difference. */
  rounded: z.array(countedField.extend({ largest: z.number() })),
  /** Fields that are not compared, with the reason; in documents of earlier versions those of them that differ. */
  allowed: z.array(countedField.extend({ reason: z.string() })),
  /** Files of the first run that changed after it ended. */
  edited: z.array(z.string()),
  /** Whether the first run was measured here; absent in documents of earlier versions. */
  first: runProvenance.optional(),
});
export type ComparedFields = z.infer<typeof comparedFields>;

/** Two experts between which a token of a calibration item chose, and the distance of their router logits. */
const nearestChoice = z.object({
  item: z.string(),
  taken: z.number().int(),
  left: z.number().int(),
  distance: z.number().nonnegative(),
  /** Whether processors that round otherwise may choose otherwise here. */
  isRounding: z.boolean(),
});
export type NearestChoice = z.infer<typeof nearestChoice>;

/** Routed choices of a task's calibration items that went to other experts in the repetition: the profiles differ. */
export const reroutedChoices = z.object({
  model: z.string(),
  task: z.string(),
  /** Number of choices that differ, and of all routed choices, in all layers. */
  choices: z.number().int().positive(),
  of: z.number().int().positive(),
  /** The first MoE layer in which they differ, from 0, the number of MoE layers, and the experts chosen less and more. */
  layer: z.number().int().nonnegative(),
  layers: z.number().int().positive(),
  from: z.array(z.number().int()),
  to: z.array(z.number().int()),
  /** The closest choice of the repetition that can have been another; null where routing is not by logits alone. */
  nearest: nearestChoice.nullable(),
});
export type ReroutedChoices = z.infer<typeof reroutedChoices>;

const circumstances = runManifest.pick({ versions: true, device: true });

/** A sweep repeated without any of its stored steps, compared with its original measurements. */
export const reproduction = z.object({
  /** The run that computed again, and the one that it repeats. */
  run: z.string(),
  of: z.string(),
  /** Every value and every answer is the same, and no point is missing or new. */
  matches: z.boolean(),
  /** The verdict in words. */
  sentence: z.string(),
  /** Number of compared points and item outcomes. */
  points: z.number(),
  items: z.number(),
  /** Values (accuracy, perplexity) that differ. */
  changed: z.array(pointName.extend({ metric: metricName, before: z.number(), after: z.number() })),
  flipped: z.array(flippedItem),
  rewritten: z.array(rewrittenItem).optional(),
  thresholds: z.array(z.object({ before: threshold, after: threshold })),
  /** Points that only one of the two has: bisection depends on earlier measurements. */
  missing: z.array(pointName),
  added: z.array(pointName),
  /** Points whose plan keeps or merges other experts than before; null where the first run did not store its plans. */
  replanned: z.array(pointName).nullable(),
  /** Profiles with other routed choices, from which other plans follow; absent in old documents. */
  rerouted: z.array(reroutedChoices).optional(),
  /** Number of differences other than in these profiles and in points whose different plans were made from them. */
  unexplained: z.number().int().nonnegative().optional(),
  /** Largest difference of a score (log-probability): rounding, where no answer changed. */
  largestScoreDifference: z.number(),
  /** Absent in old documents. */
  fields: comparedFields.optional(),
  before: circumstances,
  after: circumstances,
});
export type Reproduction = z.infer<typeof reproduction>;
export type PointName = z.infer<typeof pointName>;
