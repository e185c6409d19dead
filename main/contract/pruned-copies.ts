import { z } from 'zod';
import { pathHandle } from './model.ts';

/** Per MoE layer, for each expert of the pruned model, the corresponding expert of the source. */
const standsFor = z.array(z.array(z.number().int().nonnegative()));

/**
 * Models on the shelf related by pruning, found by the plan stored in an export: those made from the requested model,
 * and the one that it was made from. Expert numbers are those of the source.
 */
export const prunedCopies = z.object({
  copies: z.array(z.object({ model: pathHandle, standsFor })),
  source: z.object({ model: pathHandle, standsFor }).nullable(),
});
export type PrunedCopies = z.infer<typeof prunedCopies>;
