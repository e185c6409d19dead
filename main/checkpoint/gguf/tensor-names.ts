/**
 * Names of the tensors of GGUF files, by the part of a model that each is and in the order in which files have them.
 * A writer takes the part from a descriptor; a reader puts the name into a family's record, which has the same parts.
 * Those of layers come after `blk.N.`; biases beside matrices have their matrix' name with another ending.
 */

/** Names by part. A pair: the second is the family's word, which its record does not have by part. */
export type Row = string | readonly [name: string, word: string];
export type Rows = Readonly<Record<string, Row>>;

/** Matrices of dense networks (without an ending), of shared experts, or of experts. */
const network = <Ending extends '' | '_shexp' | '_exps'>(ending: Ending) =>
  ({ gate: `ffn_gate${ending}.weight`, up: `ffn_up${ending}.weight`, down: `ffn_down${ending}.weight` }) as const;

/** What mixes streams. */
const hyper = <Start extends string>(start: Start, word: string) =>
  ({
    rows: [`${start}_fn.weight`, `${word}fn`],
    base: [`${start}_base.weight`, `${word}base`],
    scale: [`${start}_scale.weight`, `${word}scale`],
  }) as const satisfies Rows;

/** What makes entries of several tokens. */
const compressor = <Name extends string>(name: Name, word: string) =>
  ({
    values: [`${name}_kv.weight`, `${word}.kv_proj.weight`],
    gates: [`${name}_gate.weight`, `${word}.gate_proj.weight`],
    places: [`${name}_ape.weight`, `${word}.position_bias`],
    norm: [`${name}_norm.weight`, `${word}.kv_norm.weight`],
  }) as const satisfies Rows;

/** Names of the whole model; `tokens`: of what a token has for each layer. That of the last norm differs. */
export const modelNames = {
  embedding: 'token_embd.weight',
  tokens: {
    table: 'per_layer_token_embd.weight',
    projection: 'per_layer_model_proj.weight',
    norm: 'per_layer_proj_norm.weight',
  },
  rotaryFactors: 'rope_freqs.weight',
  hyper: hyper('output_hc', 'model.hc_head.hc_'),
  head: 'output.weight',
} as const;

/** Names of any layer; that of the norm before experts differs. */
export const layerNames = {
  attentionNorm: 'attn_norm.weight',
  hyper: { attention: hyper('hc_attn', 'attn_hc.'), feedForward: hyper('hc_ffn', 'ffn_hc.') },
  branchNorms: { attention: 'post_attention_norm.weight', feedForward: 'post_ffw_norm.weight' },
  dense: network(''),
  beside: {
    dense: 'post_ffw_norm_1.weight',
    expertsIn: 'pre_ffw_norm_2.weight',
    expertsOut: 'post_ffw_norm_2.weight',
    router: 'ffn_gate_inp.scale',
  },
  tokenInput: { gate: 'inp_gate.weight', back: 'proj.weight', backNorm: 'post_norm.weight' },
  outputScale: 'layer_output_scale.weight',
} as const;

/** Names of experts; that of the correction of scores differs. */
export const moeNames = {
  router: 'ffn_gate_inp.weight',
  table: 'ffn_gate_tid2eid.weight',
  experts: network('_exps'),
  expertScale: 'ffn_down_exps.scale',
  latent: { into: 'ffn_latent_down.weight', back: 'ffn_latent_up.weight' },
  shared: { ...network('_shexp'), scale: 'ffn_gate_inp_shexp.weight' },
} as const;

export const groupedNames = {
  query: 'attn_q.weight',
  key: 'attn_k.weight',
  value: 'attn_v.weight',
  joined: 'attn_qkv.weight',
  output: 'attn_output.weight',
  norms: { query: 'attn_q_norm.weight', key: 'attn_k_norm.weight' },
  gate: 'attn_gate.weight',
  sinks: 'attn_sinks.weight',
} as const;

/** `keyValueUp`: expands keys and values, apart or (in old files) in one matrix. */
export const latentNames = {
  query: { whole: 'attn_q.weight', down: 'attn_q_a.weight', norm: 'attn_q_a_norm.weight', up: 'attn_q_b.weight' },
  keyValueDown: 'attn_kv_a_mqa.weight',
  keyValueNorm: 'attn_kv_a_norm.weight',
  keyValueUp: { keys: 'attn_k_b.weight', values: 'attn_v_b.weight', whole: 'attn_kv_b.weight' },
  output: 'attn_output.weight',
  gate: 'attn_gate.weight',
  indexer: {
    query: ['indexer.attn_q_b.weight', 'indexer.wq_b.weight'],
    key: ['indexer.attn_k.weight', 'indexer.wk.weight'],
    keyNorm: ['indexer.k_norm.weight', 'indexer.k_norm.weight'],
    keyBias: ['indexer.k_norm.bias', 'indexer.k_norm.bias'],
    weights: ['indexer.proj.weight', 'indexer.weights_proj.weight'],
  },
} as const;

export const compressedNames = {
  attention: {
    sinks: ['attn_sinks.weight', 'sinks'],
    queryDown: ['attn_q_a.weight', 'q_a_proj.weight'],
    queryNorm: ['attn_q_a_norm.weight', 'q_a_norm.weight'],
    queryUp: ['attn_q_b.weight', 'q_b_proj.weight'],
    keyValue: ['attn_kv.weight', 'kv_proj.weight'],
    keyValueNorm: ['attn_kv_a_norm.weight', 'kv_norm.weight'],
    outputDown: ['attn_output_a.weight', 'o_a_proj.weight'],
    outputUp: ['attn_output_b.weight', 'o_b_proj.weight'],
  },
  compressor: compressor('attn_compressor', 'compressor'),
  indexer: {
    weights: ['indexer.proj.weight', 'compressor.indexer.scorer.weights_proj.weight'],
    query: ['indexer.attn_q_b.weight', 'compressor.indexer.q_b_proj.weight'],
  },
  indexerCompressor: compressor('indexer_compressor', 'compressor.indexer'),
} as const;

/** Names of operators in place of attention, by their kind. */
export const operatorNames = {
  convolution: {
    input: 'shortconv.in_proj.weight',
    convolution: 'shortconv.conv.weight',
    output: 'shortconv.out_proj.weight',
  },
  delta: {
    queryKeyValue: ['attn_qkv.weight', 'in_proj_qkv.weight'],
    gate: ['attn_gate.weight', 'in_proj_z.weight'],
    rateDecay: ['ssm_ba.weight', 'in_proj_ba.weight'],
    rate: ['ssm_beta.weight', 'in_proj_b.weight'],
    decay: ['ssm_alpha.weight', 'in_proj_a.weight'],
    convolution: ['ssm_conv1d.weight', 'conv1d.weight'],
    decayBias: ['ssm_dt.bias', 'dt_bias'],
    decayLog: ['ssm_a', 'A_log'],
    norm: ['ssm_norm.weight', 'norm.weight'],
    output: ['ssm_out.weight', 'out_proj.weight'],
  },
  'channel-delta': {
    queryKernel: ['ssm_conv1d_q.weight', 'q_conv1d.weight'],
    keyKernel: ['ssm_conv1d_k.weight', 'k_conv1d.weight'],
    valueKernel: ['ssm_conv1d_v.weight', 'v_conv1d.weight'],
    query: ['attn_q.weight', 'q_proj.weight'],
    key: ['attn_k.weight', 'k_proj.weight'],
    value: ['attn_v.weight', 'v_proj.weight'],
    wholeDecay: ['ssm_f_a.weight', 'forget_gate.f_proj.weight'],
    lowDecay: ['ssm_f_a.weight', 'forget_gate.f_a_proj.weight'],
    decay: ['ssm_f_b.weight', 'forget_gate.f_b_proj.weight'],
    rate: ['ssm_beta.weight', 'b_proj.weight'],
    decayLog: ['ssm_a', 'forget_gate.A_log'],
    decayBias: ['ssm_dt.bias', 'forget_gate.dt_bias'],
    wholeGate: ['ssm_g_a.weight', 'g_proj.weight'],
    lowGate: ['ssm_g_a.weight', 'g_a_proj.weight'],
    gate: ['ssm_g_b.weight', 'g_b_proj.weight'],
    norm: ['ssm_norm.weight', 'o_norm.weight'],
    output: ['attn_output.weight', 'o_proj.weight'],
  },
  mamba: {
    input: ['ssm_in.weight', 'in_proj.weight'],
    convolution: ['ssm_conv1d.weight', 'conv1d.weight'],
    stepBias: ['ssm_dt.bias', 'dt_bias'],
    decayLog: ['ssm_a', 'A_log'],
    skip: ['ssm_d', 'D'],
    norm: ['ssm_norm.weight', 'norm.weight'],
    output: ['ssm_out.weight', 'out_proj.weight'],
  },
  'mamba-1': {
    input: ['ssm_in.weight', 'in_proj.weight'],
    convolution: ['ssm_conv1d.weight', 'conv1d.weight'],
    selection: ['ssm_x.weight', 'x_proj.weight'],
    stepNorm: ['ssm_dt_norm.weight', 'dt_layernorm.weight'],
    inputNorm: ['ssm_b_norm.weight', 'b_layernorm.weight'],
    outputNorm: ['ssm_c_norm.weight', 'c_layernorm.weight'],
    step: ['ssm_dt.weight', 'dt_proj.weight'],
    decayLog: ['ssm_a', 'A_log'],
    skip: ['ssm_d', 'D'],
    output: ['ssm_out.weight', 'out_proj.weight'],
  },
  lightning: {
    queryKeyValue: ['attn_qkv.weight', 'qkv_proj.weight'],
    norm: ['attn_norm_2.weight', 'norm.weight'],
    gate: ['attn_gate.weight', 'output_gate.weight'],
    output: ['attn_output.weight', 'out_proj.weight'],
  },
} as const;

/** A name of a layer's tensors as a pattern of a family's record. */
export const inLayer = (name: string): string => `blk.{l}.${name}`;

/** A table of names as patterns. */
export const inLayers = <Part extends string>(names: Readonly<Record<Part, string>>): Readonly<Record<Part, string>> =>
  Object.fromEntries(Object.entries<string>(names).map(([part, name]) => [part, inLayer(name)])) as Record<
    Part,
    string
  >;
