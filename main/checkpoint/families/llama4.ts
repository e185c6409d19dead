import type { Family } from './family.ts';
import {
  biasedAttention,
  inTextConfig,
  olderForm,
  plain,
  projections,
  sharedExpert,
  softmaxOfChosen,
  stackedRows,
} from './shared-names.ts';

const feedForward = 'model.layers.{l}.feed_forward';

/** The text model of Llama 4: weights multiply the experts' inputs; layers that rotate see chunks. */
export const llama4Text: Family = {
  ...plain,
  modelType: 'llama4_text',
  keys: { experts: ['num_local_experts'], topK: 'num_experts_per_tok', expertWidth: 'intermediate_size' },
  defaults: {
    num_local_experts: 16,
    num_experts_per_tok: 1,
    intermediate_size: 8192,
    intermediate_size_mlp: 16384,
    interleave_moe_layer_step: 1,
    no_rope_layer_interval: 4,
    attention_chunk_size: 8192,
    attention_bias: false,
    attn_temperature_tuning: true,
    attn_scale: 0.1,
    floor_scale: 8192,
    use_qk_norm: true,
    head_dim: 128,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
  },
  routing: { ...softmaxOfChosen, after: 'sigmoid', gate: 'input' },
  attention: {
    ...biasedAttention,
    plainNorm: { when: 'use_qk_norm' },
    temperature: { when: 'attn_temperature_tuning', scaleKey: 'attn_scale', everyKey: 'floor_scale' },
  },
  window: { kind: 'chunks', key: 'attention_chunk_size' },
  rotary: {
    ...plain.rotary,
    interleaved: true,
    on: { listKey: 'no_rope_layers', everyKey: 'no_rope_layer_interval' },
  },
  dense: {
    ...projections(feedForward),
    widthKey: 'intermediate_size_mlp',
    biased: false,
    rule: { kind: 'unlisted', listKey: 'moe_layers', everyKey: 'interleave_moe_layer_step' },
  },
  shared: sharedExpert('intermediate_size', `${feedForward}.shared_expert`),
  layouts: [{ ...stackedRows(`${feedForward}.router.weight`, `${feedForward}.experts`), kind: 'stacked-columns' }],
};

/** Llama 4: the text model within that of text and images. */
export const llama4: Family = {
  ...llama4Text,
  modelType: 'llama4',
  wrapper: {
    ...inTextConfig,
    modelTypes: ['llama4_text'],
    forms: [olderForm],
    loader: 'AutoModelForCausalLM',
    carried: ['vision_model.', 'multi_modal_projector.'],
  },
};
