import { z } from 'zod';

/** A matrix [L, E] over MoE layers and experts, row by row. */
export const layerExpertMatrix = z.array(z.array(z.number()));

/**
 * Routing statistics of a model on a task's calibration split, over every real token of context + right answer (or
 * text), at every MoE layer. All [L, E]. g is the combine weight by the model's own routing rule.
 */
export const taskProfile = z.object({
  task: z.string(),
  taskHash: z.string(),
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
  text: z.string(),
  /** Sampled occurrences that the expert was chosen for, of all sampled occurrences of the token. */
  taken: z.number(),
  of: z.number(),
  /** Sum of combine weights over the taken ones. */
  gate: z.number(),
  /** Signed log-likelihood ratio against the expert's share of all tokens, nats. */
  surprise: z.number(),
  /** Occurrences with the largest weights. */
  contexts: z.array(z.object({ before: z.string(), token: z.string(), behind: z.string(), gate: z.number() })),
});
export type TakenToken = z.infer<typeof takenToken>;

/** How often the expert was chosen among sampled tokens of a kind. */
const chosenAmong = { of: z.number(), taken: z.number() };

export const expertTokens = z.object({
  /** Sampled tokens, and those that the expert was chosen for. */
  sampled: z.number(),
  taken: z.number(),
  byCount: z.array(takenToken),
  byGate: z.array(takenToken),
  bySurprise: z.array(takenToken),
  classes: z.array(z.object({ name: z.string(), ...chosenAmong })),
  /** By position in the sequence, from 0; `to` inclusive. */
  positions: z.array(z.object({ from: z.number(), to: z.number(), ...chosenAmong })),
});
export type ExpertTokens = z.infer<typeof expertTokens>;

/** Profile of one expert beyond its sums. */
export const expertDocument = z.object({
  /** Tokens of the profile, and those that chose the expert. */
  tokens: z.number(),
  chosen: z.number(),
  /** The most frequent companions. */
  together: z.array(companion),
  /** By router logits over all tokens, with each token's mean subtracted. */
  likeByRouter: z.array(likeness),
  /** By outputs, mean cosine over all tokens; null where the profile did not run every expert on every token. */
  likeByOutput: z.array(likeness).nullable(),
  /** Null where the profile has no sample of choices. */
  takes: expertTokens.nullable(),
});
export type ExpertDocument = z.infer<typeof expertDocument>;

/** How often experts of a layer are chosen together. */
export const layerTogether = z.object({
  tokens: z.number(),
  /** [E, E] tokens whose top-k contains both; the diagonal: tokens that chose the expert. */
  both: z.array(z.array(z.number())),
});

export const weightLikeness = z.object({ like: z.array(likeness) });
