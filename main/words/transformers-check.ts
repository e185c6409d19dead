import type { TransformersCheck } from '../contract/transformers-check.ts';

/** Whether a model was compared with transformers, in words; null: nobody has asked. */
export const transformersWords = (check: TransformersCheck | null): string => {
  if (check === null) return 'not compared with transformers (uncurl info MODEL --referee compares it)';
  if (check.word === 'not compared') return `not compared with transformers: ${check.why}`;
  const { transformers, tokens, differing, difference, tolerance } = check;
  const ties =
    differing === 0 ? '' : `, but for ${String(differing)} positions, where experts tie or the difference is larger`;
  return (
    `equal to transformers ${transformers} in ${String(tokens)} tokens of logits (largest difference ` +
    `${difference.toExponential(1)} of the largest logit, ${String(tolerance)} is allowed)${ties}`
  );
};
