import type { Family } from './family.ts';
import { denseNames, groupedAttention, plain, sharedExperts, softmaxOver } from './shared-names.ts';

/** ERNIE 4.5 (text models): the correction is added to the probabilities. */
export const ernieMoe: Family = {
  ...plain,
  modelType: 'ernie4_5_moe',
  keys: { experts: ['moe_num_experts'], topK: 'moe_k', expertWidth: 'moe_intermediate_size' },
  defaults: {
    moe_num_experts: 64,
    moe_k: 6,
    moe_intermediate_size: 1536,
    moe_num_shared_experts: 2,
    moe_layer_interval: 1,
    moe_layer_start_index: 1,
    moe_layer_end_index: -1,
    moe_norm_min: 1e-12,
    intermediate_size: 12288,
    use_bias: false,
    tie_word_embeddings: true,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
  },
  required: [...plain.required, { key: 'moe_gate', values: ['topk'] }, { key: 'moe_use_aux_free', values: [true] }],
  routing: {
    ...softmaxOver(true),
    correction: [
      'model.layers.{l}.mlp.moe_statics.e_score_correction_bias',
      'model.layers.{l}.mlp.gate.moe_statics.e_score_correction_bias',
    ],
    correctionIsRow: true,
    renormalise: { when: true, epsilon: 'moe_norm_min', as: 'floor' },
  },
  headBiasKey: 'use_bias',
  attention: { ...groupedAttention, queryKeyValueBias: 'use_bias', outputBias: 'use_bias' },
  rotary: { ...plain.rotary, interleaved: true },
  dense: {
    ...denseNames,
    biased: 'use_bias',
    rule: {
      kind: 'interval',
      everyKey: 'moe_layer_interval',
      fromKey: 'moe_layer_start_index',
      toKey: 'moe_layer_end_index',
    },
  },
  shared: { ...sharedExperts, countKey: 'moe_num_shared_experts', biased: 'use_bias' },
  unused: ['mtp.', 'model.mtp_'],
};
