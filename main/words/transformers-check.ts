import type { TransformersCheck } from '../contract/transformers-check.ts';

/** What compares a model, and an export. */
const MODEL_CHECK = 'uncurl info MODEL --referee';
export const EXPORT_CHECK = 'uncurl verify FOLDER --against MODEL --plan PLAN --referee';

/** Whether a model was compared with transformers, in words; null: nobody has asked. */
export const transformersWords = (check: TransformersCheck | null, asking = MODEL_CHECK): string => {
  if (check === null) return `not compared with transformers (${asking} compares it)`;
  if (check.word === 'not compared') return `not compared with transformers: ${check.why}`;
  const { transformers, tokens, differing, difference, tolerance } = check;
  const ties = differing === 0 ? '' : `, but for ${differing} positions, where experts tie or the difference is larger`;
  return (
    `equal to transformers ${transformers} in ${tokens} tokens of logits (largest difference ` +
    `${difference.toExponential(1)} of the largest logit, ${tolerance} is allowed)${ties}`
  );
};
