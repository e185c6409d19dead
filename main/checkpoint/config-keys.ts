import type { Family } from './families/family.ts';
import { families } from './families/families.ts';

/** Keys of config.json that a family does not read: those that change nothing here, and those that would. */

/** Keys without an effect on what any model computes, by what they say. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  'names, types and versions': [
    ...['_name_or_path', 'architectures', 'auto_map', 'model_type', 'transformers_version', '_commit_hash'],
    ...[
      'torch_dtype',
      'dtype',
      'use_bfloat16',
      'id2label',
      'label2id',
      'num_labels',
      'problem_type',
      'finetuning_task',
    ],
    ...['tokenizer_class', 'name_or_path', 'unsloth_version', 'unsloth_fixed', '_attn_implementation_autoset'],
    ...['custom_pipelines', 'vlm_config', 'image_token_id', 'video_token_id', 'is_decoder', 'is_encoder_decoder'],
    ...['add_cross_attention', 'tie_encoder_decoder', 'cross_attention_hidden_size', 'decoder_start_token_id'],
    ...['sep_token_id', 'eod_token_id', 'bos_token_id', 'eos_token_id', 'pad_token_id', 'task_specific_params'],
  ],
  'training alone': [
    ...['attention_dropout', 'hidden_dropout', 'embedding_dropout', 'output_dropout', 'resid_pdrop', 'embd_pdrop'],
    ...['emb_pdrop', 'attn_pdrop', 'moe_jitter_eps', 'moe_loss_weight'],
    ...['initializer_range', 'aux_loss_alpha', 'router_aux_loss_coef', 'router_z_loss_coef', 'seq_aux', 'moe_capacity'],
    ...['router_jitter_noise', 'input_jitter_noise', 'rescale_prenorm_residual', 'time_step_floor', 'time_step_max'],
    ...['mtp_loss_scaling_factor', 'pretraining_tp', 'tf_legacy_loss', 'pruned_heads', 'gradient_checkpointing'],
  ],
  'what a program returns or samples': [
    ...['use_cache', 'output_attentions', 'output_hidden_states', 'output_router_logits', 'output_scores'],
    ...['return_dict', 'return_dict_in_generate', 'do_sample', 'early_stopping', 'num_beams', 'num_beam_groups'],
    ...['diversity_penalty', 'length_penalty', 'repetition_penalty', 'encoder_no_repeat_ngram_size', 'top_k', 'top_p'],
    ...['no_repeat_ngram_size', 'num_return_sequences', 'temperature', 'typical_p', 'max_length', 'min_length'],
    ...['remove_invalid_values', 'num_logits_to_keep', 'exponential_decay_length_penalty', 'begin_suppress_tokens'],
    ...['suppress_tokens', 'forced_bos_token_id', 'forced_eos_token_id', 'bad_words_ids', 'prefix'],
  ],
  'how kernels split the work': [
    ...['chunk_size', 'mamba_chunk_size', 'chunk_size_feed_forward', 'ep_size', 'torchscript', 'use_mamba_kernels'],
    ...['moe_shared_expert_overlap', '_attn_implementation', '_experts_implementation', 'block_size'],
  ],
  'the width of dense layers; a model without them does not read it': ['intermediate_size', 'intermediate_size_mlp'],
  'how MiniMax gates a shared expert; no model that is read has one': ['shared_moe_mode'],
  'what the tensors show, or max_position_embeddings says': ['use_moe', 'max_seq_len'],
  'extra prediction layers': [
    ...['mtp_hybrid_override_pattern', 'mtp_layers_block_type', 'mtp_num_hidden_layers', 'mtp_transformer_layers'],
    ...['mtp_use_dedicated_embeddings', 'num_mtp_modules', 'use_mtp', 'num_nextn_predict_layers'],
    ...['index_share_for_mtp_iteration'],
  ],
  'the precision of kernels; graphs compute in float32': [
    ...['mamba_ssm_cache_dtype', 'mamba_ssm_dtype', 'moe_router_dtype', 'router_dtype', 'need_fp32_gate'],
    ...['enable_moe_fp32_combine', 'residual_in_fp32'],
  ],
};

interface Beside {
  readonly key: string;
  readonly families: readonly string[];
  readonly why: string;
  /** Values with which it changes nothing; absent: all. */
  readonly values?: readonly unknown[];
}

const LATENT = [
  ...['deepseek_v2', 'deepseek_v3', 'deepseek_v32', 'glm_moe_dsa', 'kimi_k2', 'kimi_k25', 'kimi_linear'],
  ...['longcat_flash', 'glm4_moe_lite', 'bailing_hybrid', 'sarvam_mla', 'mistral4'],
];
const BY_LIST = 'a list by layer says it';

/** Keys that some families do not read although others do. */
const BESIDE: readonly Beside[] = [
  {
    key: 'num_key_value_heads',
    families: LATENT,
    why: 'latent attention has one set of keys and values for all heads',
  },
  { key: 'head_dim', families: LATENT, why: 'the parts of a head have widths of their own' },
  { key: 'qk_head_dim', families: LATENT, why: 'the sum of the widths of the parts of a head' },
  { key: 'layernorm_epsilon', families: ['mimo_v2_flash'], why: 'its norms are RMS norms' },
  { key: 'norm_eps', families: ['nemotron_h'], why: 'its norms read layer_norm_epsilon' },
  { key: 'hidden_act', families: ['gpt_oss'], why: 'its experts have an activation of their own' },
  { key: 'experts_per_token', families: ['gpt_oss'], why: 'another name of num_experts_per_tok' },
  { key: 'initial_context_length', families: ['gpt_oss'], why: 'rope_scaling says it' },
  { key: 'original_max_position_embeddings', families: ['phimoe'], why: 'rope_scaling says it' },
  { key: 'rope_theta', families: ['bailing_hybrid'], why: 'rope_parameters says it' },
  { key: 'partial_rotary_factor', families: ['nemotron_h'], why: 'its attention has no positions' },
  { key: 'compress_rope_theta', families: ['deepseek_v4'], why: 'rope_parameters says it' },
  { key: 'expert_dtype', families: ['deepseek_v4'], why: 'the tensors say it' },
  { key: 'expand', families: ['nemotron_h'], why: 'the number of heads and their width say it' },
  { key: 'mamba_expand', families: ['granitemoehybrid'], why: 'the number of heads and their width say it' },
  { key: 'n_shared_experts', families: ['nemotron_h'], why: 'the width of the shared expert says it' },
  { key: 'time_step_limit', families: ['nemotron_h'], why: 'time_step_min is its lower bound, the upper is infinite' },
  { key: 'use_grouped_topk', families: ['kimi_linear'], why: 'groups are those of num_expert_group', values: [true] },
  { key: 'attention_bias', families: ['deepseek_v4', 'nemotron_h'], why: 'off', values: [false] },
  { key: 'mamba_proj_bias', families: ['nemotron_h'], why: 'off', values: [false] },
  { key: 'norm_topk_prob', families: ['deepseek_v2'], why: 'its gates are never renormalised', values: [false] },
  { key: 'n_group', families: ['deepseek_v2'], why: 'topk_method is greedy' },
  { key: 'topk_group', families: ['deepseek_v2'], why: 'topk_method is greedy' },
  { key: 'use_double_wide_mlp', families: ['gemma4_text', 'gemma4'], why: 'off', values: [false] },
  { key: 'use_qk_norm', families: ['cohere2_moe'], why: 'off', values: [false] },
  { key: 'use_qk_norm', families: ['step3p5'], why: 'its heads are normed', values: [true] },
  { key: 'zero_centered', families: ['step3p5'], why: 'its norms lack one', values: [true] },
  { key: 'att_impl_type', families: ['step3p5'], why: 'as here', values: ['GQA'] },
  { key: 'sink', families: ['step3p5'], why: 'off', values: [false] },
  { key: 'use_rope_layers', families: ['step3p5'], why: 'all', values: [[]] },
  { key: 'moe_layer_offset', families: ['step3p5'], why: BY_LIST },
  { key: 'moe_every_n_layer', families: ['step3p5'], why: BY_LIST },
  { key: 'layer_norm_eps', families: ['cohere2_moe'], why: 'its norms are RMS norms' },
  { key: 'sliding_window_pattern', families: ['cohere2_moe'], why: BY_LIST },
  { key: 'first_k_dense_replace', families: ['kimi_linear'], why: BY_LIST },
  { key: 'use_sliding_window', families: ['qwen3_moe', 'qwen3_next'], why: 'off', values: [false] },
  { key: 'use_sliding_window', families: ['mellum'], why: BY_LIST },
  {
    key: 'max_window_layers',
    families: ['dots1', 'qwen2_moe', 'qwen3_moe', 'mellum'],
    why: 'windows are off, or listed',
  },
  { key: 'mlp_only_layers', families: ['qwen3_5_moe', 'qwen3_5_moe_text'], why: 'none', values: [[]] },
  { key: 'attention_chunk_size', families: ['mimo_v2_flash'], why: 'its class does not read it' },
  { key: 'attn_scale', families: ['llama4_text', 'llama4'], why: 'attn_temperature_tuning is off' },
  { key: 'floor_scale', families: ['llama4_text', 'llama4'], why: 'attn_temperature_tuning is off' },
  { key: 'no_rope_layer_interval', families: ['llama4_text', 'llama4'], why: BY_LIST },
  { key: 'interleave_moe_layer_step', families: ['llama4_text', 'llama4'], why: BY_LIST },
  {
    key: 'first_k_dense_replace',
    families: ['deepseek_v32', 'exaone_moe', 'glm_moe_dsa', 'bailing_hybrid'],
    why: BY_LIST,
  },
  { key: 'full_attention_interval', families: ['qwen3_5_moe', 'qwen3_5_moe_text', 'qwen3_next'], why: BY_LIST },
  { key: 'global_attn_every_n_layers', families: ['afmoe'], why: BY_LIST },
  { key: 'index_skip_topk_offset', families: ['glm_moe_dsa'], why: BY_LIST },
  { key: 'index_topk_freq', families: ['glm_moe_dsa'], why: BY_LIST },
  { key: 'kda_lower_bound', families: ['bailing_hybrid'], why: 'its layers decay without a bound' },
  { key: 'layer_group_size', families: ['bailing_hybrid'], why: BY_LIST },
  { key: 'sliding_window_pattern', families: ['exaone_moe', 'gemma4_text', 'gemma4'], why: BY_LIST },
];

type Lacks = (family: Family) => boolean;

const lacksBiases: Lacks = ({ attention }) =>
  attention.kind === 'grouped'
    ? attention.queryKeyValueBias === false && attention.outputBias === false
    : attention.kind === 'compressed' || attention.biased === false;
const lacksDense: Lacks = ({ dense }) => dense === null;
const lacksShared: Lacks = ({ shared }) => shared === null;
const lacksWindows: Lacks = ({ window }) => window.kind === 'never';
const lacksGate: Lacks = ({ attention }) => attention.kind === 'compressed' || attention.gate === undefined;
const lacksSinks: Lacks = ({ attention }) =>
  attention.kind === 'latent' || (attention.kind === 'grouped' && attention.sinks === null);
const lacksScale: Lacks = ({ routing }) => routing.kind === 'scores' && routing.scaleKey === null;
const lacksCorrection: Lacks = ({ routing }) => routing.kind === 'scores' && routing.correction === null;
const lacksGroups: Lacks = ({ routing }) => routing.kind === 'scores' && routing.groups === null;
const lacksMultipliers: Lacks = ({ multipliers, logitsScaleKey }) =>
  multipliers === null && logitsScaleKey === undefined;

/** With these values a key says that there is none of what the family does not have anyway. */
const OFF: readonly { readonly keys: readonly string[]; readonly value: unknown; readonly lacks: Lacks }[] = [
  { keys: ['attention_bias', 'qkv_bias', 'use_qkv_bias'], value: false, lacks: lacksBiases },
  {
    keys: ['mlp_bias'],
    value: false,
    lacks: ({ dense, shared, layouts }) =>
      [dense, shared].every((network) => network === null || network.biased === false) &&
      layouts.every((layout) => !('gateUpBias' in layout)),
  },
  { keys: ['lm_head_bias'], value: false, lacks: ({ headBiasKey }) => headBiasKey === null },
  {
    keys: ['use_qk_norm'],
    value: false,
    lacks: ({ attention }) => attention.kind === 'grouped' && attention.norms === null,
  },
  { keys: ['use_sliding_window'], value: false, lacks: lacksWindows },
  {
    keys: ['add_full_attention_sink_bias', 'add_swa_attention_sink_bias', 'sink'],
    value: false,
    lacks: lacksSinks,
  },
  { keys: ['attn_output_gate', 'use_head_wise_attn_gate'], value: false, lacks: lacksGate },
  {
    keys: ['attn_temperature_tuning'],
    value: false,
    lacks: ({ attention }) => attention.kind === 'grouped' && attention.temperature === undefined,
  },
  {
    keys: ['attention_k_eq_v'],
    value: false,
    lacks: ({ attention }) => attention.kind === 'grouped' && attention.global === undefined,
  },
  {
    keys: ['attention_value_scale'],
    value: 1,
    lacks: ({ attention }) => attention.kind === 'grouped' && attention.valueScaleKey === undefined,
  },
  {
    keys: ['num_kv_shared_layers'],
    value: 0,
    lacks: ({ attention }) => attention.kind === 'grouped' && attention.sharedLayersKey === undefined,
  },
  {
    keys: ['rope_interleave'],
    value: false,
    lacks: ({ attention, rotary }) => attention.kind === 'grouped' && rotary.interleaved === false,
  },
  {
    keys: ['partial_rotary_factor'],
    value: 1,
    lacks: ({ attention, rotary }) =>
      attention.kind === 'grouped' &&
      rotary.partialKey === null &&
      rotary.dimensionsKey === undefined &&
      rotary.partialsKey === undefined,
  },
  { keys: ['mup_enabled'], value: false, lacks: ({ embeddingRoot }) => embeddingRoot === false },
  { keys: ['use_parallel_block'], value: false, lacks: ({ isParallel }) => isParallel === undefined },
  { keys: ['zero_centered'], value: false, lacks: ({ norm }) => norm !== 'rms-plus-one' },
  {
    keys: ['logit_scale', 'logits_scaling', 'embedding_multiplier', 'residual_multiplier'],
    value: 1,
    lacks: lacksMultipliers,
  },
  {
    keys: ['routed_scaling_factor', 'route_scale', 'router_scaling_factor', 'moe_router_scaling_factor'],
    value: 1,
    lacks: lacksScale,
  },
  { keys: ['n_group', 'topk_group', 'num_expert_group'], value: 1, lacks: lacksGroups },
  { keys: ['use_moe_router_bias', 'use_routing_bias', 'use_expert_bias'], value: false, lacks: lacksCorrection },
  {
    keys: ['num_hash_layers'],
    value: 0,
    lacks: ({ routing }) => routing.kind === 'scores' && routing.table === undefined,
  },
  { keys: ['zero_expert_num'], value: 0, lacks: ({ identitiesKey }) => identitiesKey === undefined },
  {
    keys: [
      ...['n_shared_experts', 'num_shared_experts', 'num_shared_expert', 'moe_num_shared_experts'],
      ...['shared_expert_intermediate_size', 'shared_intermediate_size', 'share_expert_dim'],
    ],
    value: 0,
    lacks: lacksShared,
  },
  { keys: ['first_k_dense_replace', 'num_dense_layers'], value: 0, lacks: lacksDense },
  {
    keys: ['decoder_sparse_step', 'moe_layer_freq', 'moe_layer_interval', 'interleave_moe_layer_step'],
    value: 1,
    lacks: lacksDense,
  },
  { keys: ['mlp_only_layers'], value: [], lacks: lacksDense },
  { keys: ['use_double_wide_mlp', 'block_auto_adjust_ff_dim', 'use_mixed_mlp_moe'], value: false, lacks: lacksDense },
  { keys: ['hidden_size_per_layer_input'], value: 0, lacks: ({ names }) => names.tokenInputs === undefined },
  { keys: ['norm_head', 'norm_softmax', 'use_cla', 'use_bidirectional_attention'], value: false, lacks: () => true },
];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Keys that a family need not read where they say "off", each with that value. */
export const offValues = (family: Family): ReadonlyMap<string, unknown> =>
  new Map(OFF.filter(({ lacks }) => lacks(family)).flatMap(({ keys, value }) => keys.map((key) => [key, value])));

const reasons: ReadonlyMap<string, string> = new Map(
  Object.entries(WITHOUT_EFFECT).flatMap(([why, keys]) => keys.map((key) => [key, why] as const)),
);

/** Why a key that a family does not read changes nothing with this value; null: that is not known. */
export const whyUnread = (family: Family, key: string, value: unknown): string | null => {
  const types = [family.modelType, ...(family.wrapper?.modelTypes ?? [])];
  const known = BESIDE.find(
    (each) =>
      each.key === key &&
      each.families.some((type) => types.includes(type)) &&
      (each.values === undefined || each.values.some((entry) => same(entry, value))),
  );
  if (known !== undefined) return known.why;
  const off = offValues(family);
  return off.has(key) && same(off.get(key), value) ? 'off' : (reasons.get(key) ?? null);
};

/** Keys of which neither is known: those that no family reads either. */
export const unknownKeys = (unread: readonly string[]): readonly string[] =>
  unread.filter((key) => !reasons.has(key) && !changesSomething(key));

/** Names of keys within a record: the values of properties that end in "Key", and the keys of defaults. */
const keysIn = (part: unknown): readonly string[] => {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]: [string, unknown]) => {
    if (name === 'defaults' && typeof value === 'object' && value !== null) return Object.keys(value);
    if (/(^k|K)ey$|^when$/.test(name) && typeof value === 'string') return [value];
    return keysIn(value);
  });
};

let effective: ReadonlySet<string> | null = null;

/** Whether a key changes what some family computes. */
export const changesSomething = (key: string): boolean => {
  effective ??= new Set([...families.flatMap(keysIn), ...BESIDE.map((each) => each.key)]);
  return effective.has(key);
};
