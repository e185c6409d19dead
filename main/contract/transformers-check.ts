import { z } from 'zod';
import { boundedText } from './bounds.ts';

/** Random tokens of the text that both compute. */
export const CHECKED_TOKENS = 64;

/**
 * Largest difference of a position's logits that counts as equal, relative to the largest logit of all. Both compute in
 * float32 in other orders; models in the tests differ by up to 1e-5.
 */
export const CHECK_TOLERANCE = 1e-3;

/**
 * Positions that may differ by more. Where two experts tie for the last place within rounding, either is right, and the
 * token that chose differently, and a few that look at it, have other logits.
 */
export const MOST_DIFFERING = 4;

/** Whether our logits of a model are those of transformers, before anything is measured. */
export const transformersCheck = z.discriminatedUnion('word', [
  z.object({
    word: z.literal('equal'),
    transformers: boundedText,
    tokens: z.number().int().positive(),
    /** Positions with a larger difference than the tolerance. */
    differing: z.number().int().nonnegative(),
    /** Largest difference of the other positions, relative to the largest logit. */
    difference: z.number().nonnegative(),
    tolerance: z.number().positive(),
  }),
  z.object({ word: z.literal('not compared'), why: boundedText }),
]);
export type TransformersCheck = z.infer<typeof transformersCheck>;
