import type { ExpertGroups, ScoreRule, TensorView } from '../../../main/checkpoint/descriptor.ts';

/** Routers of the families as rules. */

const plain: ScoreRule = {
  kind: 'scores',
  score: 'softmax',
  correction: null,
  groups: null,
  after: 'none',
  renormalise: null,
  scale: 1,
  table: null,
  expertScale: null,
  gate: 'output',
};

const least = (groups: Omit<ExpertGroups, 'least'> | null, of: 1 | 2): ExpertGroups | null =>
  groups === null ? null : { ...groups, least: of };

/** Softmax over all experts; groups by their best expert. */
export const softmaxRule = (
  normalise: boolean,
  scale = 1,
  groups: Omit<ExpertGroups, 'least'> | null = null,
): ScoreRule => ({
  ...plain,
  renormalise: normalise ? { epsilon: 0, as: 'addend' } : null,
  scale,
  groups: least(groups, 1),
});

/** The largest logits, and a softmax over them. */
export const chosenRule: ScoreRule = { ...plain, score: 'logit', after: 'softmax' };

/** Sigmoids with a correction; groups by their best two. */
export const sigmoidRule = (
  normalise: boolean,
  scale: number,
  groups: Omit<ExpertGroups, 'least'> | null,
  correction: TensorView | null,
): ScoreRule => ({
  ...plain,
  score: 'sigmoid',
  renormalise: normalise ? { epsilon: 1e-20, as: 'addend' } : null,
  scale,
  groups: least(groups, 2),
  correction,
});

/** Rules of families that none of the others covers: corrected probabilities with a floor, and other scores. */
export const otherRules = (correction: TensorView): Readonly<Record<string, ScoreRule>> => ({
  'corrected softmax with a floor': { ...plain, correction, renormalise: { epsilon: 0.5, as: 'floor' } },
  'raw corrected softmax': { ...plain, correction, scale: 6 },
  'sigmoid without correction': { ...plain, score: 'sigmoid', renormalise: { epsilon: 1e-6, as: 'addend' } },
  'sigmoid of the chosen logits': { ...plain, score: 'logit', after: 'sigmoid' },
  'square root of a softplus': {
    ...plain,
    score: 'sqrt-softplus',
    correction,
    renormalise: { epsilon: 1e-20, as: 'addend' },
    scale: 1.5,
  },
});
