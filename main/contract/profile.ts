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
