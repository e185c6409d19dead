import type { Family } from './family.ts';
import { groupedAttention, mixtralKeys, mixtralLayout, plain, softmaxOver, stackedLayout } from './shared-names.ts';

/**
 * MiniMax-Text-01 (arXiv 2501.08313): lightning attention in most layers, and branches that are added to their normed
 * inputs times a factor.
 */
export const minimax: Family = {
  ...plain,
  modelType: 'minimax',
  keys: mixtralKeys,
  defaults: {
    num_local_experts: 8,
    num_experts_per_tok: 2,
    intermediate_size: 14336,
    full_attn_alpha_factor: 1,
    full_attn_beta_factor: 1,
    linear_attn_alpha_factor: 1,
    linear_attn_beta_factor: 1,
    mlp_alpha_factor: 1,
    mlp_beta_factor: 1,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
  },
  required: [
    ...plain.required,
    { key: 'full_attn_beta_factor', values: [1] },
    { key: 'linear_attn_beta_factor', values: [1] },
    { key: 'mlp_beta_factor', values: [1] },
    { key: 'postnorm', values: [true] },
    { key: 'shared_intermediate_size', values: [0] },
    { key: 'sliding_window', values: [null] },
  ],
  keepsNormed: {
    attentionKey: 'full_attn_alpha_factor',
    stateKey: 'linear_attn_alpha_factor',
    feedForwardKey: 'mlp_alpha_factor',
  },
  routing: softmaxOver(true),
  attention: groupedAttention,
  state: {
    words: ['linear_attention'],
    attentionWords: ['full_attention'],
    everyKey: null,
    operator: { kind: 'lightning', prefix: 'model.layers.{l}.self_attn.' },
  },
  // Released configs rotate a part of each head, which transformers 5.24 leaves unread.
  rotary: { ...plain.rotary, dimensionsKey: 'rotary_dim' },
  layouts: [mixtralLayout, stackedLayout],
};
