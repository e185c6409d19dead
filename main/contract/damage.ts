import { z } from 'zod';
import { boundedList, boundedText } from './bounds.ts';
import { pairedNumbers } from './paired-numbers.ts';
import { metricName } from './task.ts';

/** Which experts to remove, one at a time, from one MoE layer of a model. */
export const damageSettings = z.object({
  /** Counts MoE layers only. */
  layer: z.number().int().nonnegative(),
  /** Absent: every expert of the layer. */
  experts: boundedList(z.number().int().nonnegative()).min(1).optional(),
  /** Ask the task through the model's own chat template. */
  chat: z.boolean().optional(),
});
export type DamageSettings = z.infer<typeof damageSettings>;

/** The task without one expert; `difference` is to the unpruned model on the same test items. */
export const expertDamage = z.object({
  expert: z.number(),
  value: z.number(),
  ...pairedNumbers.shape,
});
export type ExpertDamage = z.infer<typeof expertDamage>;

/** Contribution of each expert of a layer: the task's metric with only that expert removed. */
export const damageDocument = z.object({
  model: boundedText,
  task: boundedText,
  layer: z.number(),
  /** E; `results` has only the experts that were removed, by their number. */
  experts: z.number(),
  metric: metricName,
  n: z.number(),
  unpruned: z.number(),
  /** Share of the unpruned model's texts that ran out of tokens, where it is so large that truncation was measured. */
  ranOut: z.number().min(0).max(1).optional(),
  results: boundedList(expertDamage),
});
export type DamageDocument = z.infer<typeof damageDocument>;
