import type { Family } from './family.ts';
import { biasedAttention, commonNames, correctedSigmoid, firstOrListedDense, plain } from './shared-names.ts';

/**
 * Cohere's North: attention and experts run beside each other on the same normed tokens; layers with a window rotate
 * pairs of neighbours, and so does a dense one without a window.
 */
export const cohere2Moe: Family = {
  ...plain,
  modelType: 'cohere2_moe',
  keys: { experts: ['num_experts'], topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  defaults: {
    num_experts: 8,
    num_experts_per_tok: 2,
    num_shared_experts: 0,
    expert_selection_fn: 'softmax',
    norm_topk_prob: true,
    attention_bias: false,
    first_k_dense_replace: 0,
    prefix_dense_sliding_window_pattern: 1,
    head_dim: 128,
    logit_scale: 0.0625,
    rope_theta: 10000,
    tie_word_embeddings: true,
  },
  required: [
    ...plain.required,
    { key: 'expert_selection_fn', values: ['sigmoid'] },
    { key: 'num_shared_experts', values: [0] },
    { key: 'prefix_dense_sliding_window_pattern', values: [1] },
    { key: 'use_parallel_block', values: [true] },
  ],
  names: { ...commonNames, feedForwardNorm: null },
  isParallel: true,
  logitsScaleKey: 'logit_scale',
  routing: {
    ...correctedSigmoid,
    correction: null,
    groups: null,
    renormalise: { when: 'norm_topk_prob', epsilon: 0, as: 'addend' },
    scaleKey: null,
  },
  attention: biasedAttention,
  window: { kind: 'types', key: 'sliding_window', otherwise: { kind: 'unknown' } },
  // transformers 5.24 leaves `rope_scaling` unread: scaled angles are proven by nothing.
  rotary: { ...plain.rotary, interleaved: true, scalings: ['default', 'dynamic'], on: 'sliding or dense' },
  dense: { ...firstOrListedDense, widthKey: 'prefix_dense_intermediate_size' },
};
