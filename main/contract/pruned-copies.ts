import { z } from 'zod';
import { pathHandle } from './model.ts';

/** Per MoE layer, for each expert of the pruned model the expert of the source that stands in its place. */
const standsFor = z.array(z.array(z.number().int().nonnegative()));

/**
 * Models on the shelf that were exported by a plan from one another, told by the plan that an export carries: those
 * made from the model that was asked for, and the one that it was made from. Numbers are those of the source.
 */
export const prunedCopies = z.object({
  copies: z.array(z.object({ model: pathHandle, standsFor })),
  source: z.object({ model: pathHandle, standsFor }).nullable(),
});
export type PrunedCopies = z.infer<typeof prunedCopies>;
