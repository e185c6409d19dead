import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from './bounds.ts';
import { budgetName, methodName, methodOptions, superExpertProtection } from './plan.ts';

/** A matrix [L, E] over MoE layers and experts, row by row. */
export const layerExpertMatrix = boundedList(boundedList(z.number()));

/**
 * Optional statistics of a profile beyond routing: `peaks` and `routed-outputs` measure the outputs of chosen experts,
 * `residual` the effect of each layer on its tokens, `every-output` runs every expert on every token, `elimination`
 * does too and then tries the layer's output with experts left out, and `choices` keeps the choices for a bounded
 * sample of tokens.
 */
export const extraStatistic = z.enum(['peaks', 'routed-outputs', 'residual', 'every-output', 'elimination', 'choices']);

/**
 * Routing statistics of a model on a task's calibration split, over every real token of context + right answer (or
 * text), at every MoE layer. All [L, E]. g is the combine weight by the model's own routing rule.
 */
export const taskProfile = z.object({
  task: boundedText,
  taskHash: boundedText,
  items: z.number(),
  tokens: z.number(),
  /** n_e: tokens whose top-k contains the expert. */
  counts: layerExpertMatrix,
  /** Sum of g over those tokens. */
  gateMass: layerExpertMatrix,
  /** Sum of g * ||f_e(x)||_2 (REAP's sum; divide by counts for its mean). */
  reapSum: layerExpertMatrix,
  /** Sum of ||f_e(x)||_2 (EAN). */
  eanSum: layerExpertMatrix,
});
export type TaskProfile = z.infer<typeof taskProfile>;

/** Most tokens that a profile keeps without being asked for them. */
export const FEW_SAMPLED = 512;

/** Another expert of the layer that is chosen for the same tokens. */
const companion = z.object({
  expert: z.number(),
  /** Tokens whose top-k contains both. */
  both: z.number(),
  /** Share of this expert's tokens; `base`: the other's share of all tokens, expected if independent. */
  share: z.number(),
  base: z.number(),
});

/** Another expert of the layer and its similarity to this one, a cosine. */
const likeness = z.object({ expert: z.number(), cosine: z.number() });
export type Likeness = z.infer<typeof likeness>;

/** A token (its id and text) that an expert takes. */
export const takenToken = z.object({
  token: z.number(),
  text: boundedText,
  /** Sampled occurrences that the expert was chosen for, of all sampled occurrences of the token. */
  taken: z.number(),
  of: z.number(),
  /** Sum of combine weights over the taken ones. */
  gate: z.number(),
  /** Signed log-likelihood ratio against the expert's share of all tokens, nats. */
  surprise: z.number(),
  /** Occurrences with the largest weights. */
  contexts: boundedList(z.object({ before: boundedText, token: boundedText, behind: boundedText, gate: z.number() })),
});
export type TakenToken = z.infer<typeof takenToken>;

/** How often the expert was chosen among sampled tokens of a kind. */
const chosenAmong = { of: z.number(), taken: z.number() };

export const expertTokens = z.object({
  /** Sampled tokens, and those that the expert was chosen for. */
  sampled: z.number(),
  taken: z.number(),
  byCount: boundedList(takenToken),
  byGate: boundedList(takenToken),
  bySurprise: boundedList(takenToken),
  classes: boundedList(z.object({ name: boundedText, ...chosenAmong })),
  /** By position in the sequence, from 0; `to` inclusive. */
  positions: boundedList(z.object({ from: z.number(), to: z.number(), ...chosenAmong })),
});
export type ExpertTokens = z.infer<typeof expertTokens>;

/** Profile of one expert beyond its sums. */
export const expertDocument = z.object({
  /** Tokens of the profile, and those that chose the expert. */
  tokens: z.number(),
  chosen: z.number(),
  /** The most frequent companions. */
  together: boundedList(companion),
  /** By router logits over all tokens, with each token's mean subtracted. */
  likeByRouter: boundedList(likeness),
  /** By outputs, mean cosine over all tokens; null where the profile did not run every expert on every token. */
  likeByOutput: boundedList(likeness).nullable(),
  /** Null where the profile has no sample of choices. */
  takes: expertTokens.nullable(),
});
export type ExpertDocument = z.infer<typeof expertDocument>;

/** How often experts of a layer are chosen together. */
export const layerTogether = z.object({
  tokens: z.number(),
  /** [E, E] tokens whose top-k contains both; the diagonal: tokens that chose the expert. */
  both: boundedList(boundedList(z.number())),
});

export const weightLikeness = z.object({ like: boundedList(likeness) });

/** Measurements of a profile beyond routing. */
export const profilePurpose = z.object({
  methods: boundedList(methodName).default([]),
  options: boundedRecord(methodName, methodOptions).default({}),
  budget: budgetName.default('uniform'),
  protect: superExpertProtection.default('none'),
  /** Ask the tasks through the model's own chat template. */
  chat: z.boolean().optional(),
  /** Measured whatever the methods need, for inspection or for plans to come. */
  inspect: boundedList(extraStatistic).optional(),
});
export type ProfilePurpose = z.infer<typeof profilePurpose>;
