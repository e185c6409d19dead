import type { Family } from './family.ts';

/** Mixtral (arXiv 2401.04088); names as transformers 4 and 5 write them. */
export const mixtral: Family = {
  modelType: 'mixtral',
  config: {
    experts: ['num_local_experts', 'num_experts'],
    topK: 'num_experts_per_tok',
    expertWidth: 'intermediate_size',
    defaults: { num_local_experts: 8, num_experts_per_tok: 2, intermediate_size: 14336, rms_norm_eps: 1e-5, rope_theta: 1e6 },
  },
  routing: { kind: 'softmax-all', normalise: true },
  required: [
    { key: 'hidden_act', values: ['silu'] },
    { key: 'attention_bias', values: [false] },
    { key: 'quantization_config', values: [null] },
  ],
  embedding: 'model.embed_tokens.weight',
  finalNorm: 'model.norm.weight',
  head: 'lm_head.weight',
  attention: {
    norm: 'model.layers.{l}.input_layernorm.weight',
    query: 'model.layers.{l}.self_attn.q_proj.weight',
    key: 'model.layers.{l}.self_attn.k_proj.weight',
    value: 'model.layers.{l}.self_attn.v_proj.weight',
    output: 'model.layers.{l}.self_attn.o_proj.weight',
  },
  moeNorm: 'model.layers.{l}.post_attention_layernorm.weight',
  layouts: [
    {
      kind: 'per-expert',
      router: 'model.layers.{l}.block_sparse_moe.gate.weight',
      prefix: 'model.layers.{l}.block_sparse_moe.experts.',
      gate: 'w1.weight',
      up: 'w3.weight',
      down: 'w2.weight',
    },
    {
      kind: 'stacked-rows',
      router: 'model.layers.{l}.mlp.gate.weight',
      gateUp: 'model.layers.{l}.mlp.experts.gate_up_proj',
      down: 'model.layers.{l}.mlp.experts.down_proj',
    },
  ],
  ignored: [/\.rotary_emb\.inv_freq$/],
};
