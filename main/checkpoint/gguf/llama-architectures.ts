import type { AttentionDescriptor, ModelDescriptor, StateDescriptor } from '../descriptor.ts';

/** How llama.cpp computes one of its architectures, in the points where families differ. */
export interface LlamaArchitecture {
  /** `general.architecture`. */
  readonly name: string;
  /** Whether the weights of chosen experts are divided by their sum; null: a metadata key decides. */
  readonly normalises: boolean | null;
  /**
   * Whether queries and keys are rotated in pairs (2i, 2i + 1) of rows: stored rows are reordered if the family rotates
   * halves.
   */
  readonly rotatesPairs: boolean;
  /** Attention biases that it supports, and whether it requires them. */
  readonly biases: 'none' | 'query-key-value' | 'optional-query-key-value' | 'all';
  /** Whether dense layers may precede the first one with experts. */
  readonly leadingDense: boolean;
  /** Whether all heads together must be as wide as the residual stream. */
  readonly squareAttention: boolean;
  /** Whether there must be as many heads of keys and values as of queries. */
  readonly ungroupedHeads: boolean;
  /** Whether it uses the embedding as the head if there is none. */
  readonly sharesEmbedding: boolean;
  /** Whether queries, keys and values are one matrix. */
  readonly joinsHeads: boolean;
  /** Whether it clamps queries, keys and values. */
  readonly clips: boolean;
  /** Name of the correction of scores for the choice of experts. */
  readonly correction: 'exp_probs_b.bias' | 'exp_probs_b';
  /** Groups of experts, ranked by the sum of their best two. */
  readonly groups: boolean;
  /** Whether yarn was proven equal. */
  readonly yarn: boolean;
  /** Whether it divides the plain angles of layers without a window by factors in the file, of any scaling. */
  readonly frequencyFactors: boolean;
  /** Layers with a sliding window. */
  readonly windows: LayerPattern;
  /** Layers whose queries and keys are rotated; `stated`: all or none, as a metadata key says. */
  readonly rotates: LayerPattern;
  /** The operator with a state that it has in place of attention, in the layers that `stateful` names. */
  readonly state: StateDescriptor['kind'] | null;
  /** Names of the norms before the experts and after the last layer. */
  readonly feedForwardNorm: 'ffn_norm' | 'post_attention_norm' | 'attn_norm' | 'attn_output_norm';
  readonly finalNorm: 'output_norm' | 'token_embd_norm';
  /** Whether it takes the width of the shared experts, and the distance of layers with experts, beside dense layers. */
  readonly sharedWidth: boolean;
  /** Whether `feed_forward_length` is the width of an expert; else of a dense layer. */
  readonly widthIsExpert: boolean;
}

/** Layers of an architecture: all but every fourth one, for instance; `stated`: as metadata say. */
export type LayerPattern = 'none' | 'all' | 'every-other' | 'three-of-four' | 'windows' | 'windows-or-dense' | 'stated';

/** Whether a pattern has a layer; null: it depends on the file. */
export const patternHas = (pattern: LayerPattern, layer: number, hasWindow: boolean): boolean | null => {
  switch (pattern) {
    case 'none':
      return false;
    case 'all':
      return true;
    case 'every-other':
      return layer % 2 === 0;
    case 'three-of-four':
      return layer % 4 !== 3;
    case 'windows':
      return hasWindow;
    case 'windows-or-dense':
    case 'stated':
      return null;
  }
};

/** `expert_gating_func` (llama-hparams.h). */
export const gatings = { softmax: 1, logit: 1, sigmoid: 2, 'sqrt-softplus': 4 } as const;

/** Values that llama.cpp fixes for Llama 4: length of chunks, growth of queries in layers without rotation. */
export const LLAMA4 = { chunk: 8192, scale: 0.1, every: 8192, experts: 128, rotates: 4 } as const;

/** Most of them; also the points that place tensors, for models that llama.cpp does not run. */
export const plain = {
  normalises: true,
  rotatesPairs: false,
  biases: 'none',
  leadingDense: false,
  squareAttention: false,
  ungroupedHeads: false,
  sharesEmbedding: true,
  joinsHeads: false,
  clips: false,
  correction: 'exp_probs_b.bias',
  groups: false,
  yarn: false,
  frequencyFactors: false,
  windows: 'none',
  rotates: 'all',
  state: null,
  feedForwardNorm: 'ffn_norm',
  finalNorm: 'output_norm',
  sharedWidth: false,
  widthIsExpert: false,
} as const satisfies Partial<LlamaArchitecture>;

const deepseek3 = {
  ...plain,
  name: 'deepseek2',
  normalises: null,
  rotatesPairs: true,
  leadingDense: true,
  groups: true,
  yarn: true,
} as const;
const glm4 = {
  ...plain,
  name: 'glm4moe',
  normalises: null,
  biases: 'optional-query-key-value',
  leadingDense: true,
  feedForwardNorm: 'post_attention_norm',
} as const;
const qwen35 = {
  ...plain,
  name: 'qwen35moe',
  state: 'delta',
  feedForwardNorm: 'post_attention_norm',
} as const;
const llama4 = {
  ...plain,
  name: 'llama4',
  rotatesPairs: true,
  rotates: 'three-of-four',
  frequencyFactors: true,
} as const;
const gemma4 = {
  ...plain,
  name: 'gemma4',
  windows: 'stated',
  frequencyFactors: true,
} as const;
const step = {
  ...plain,
  name: 'step35',
  normalises: null,
  leadingDense: true,
  sharesEmbedding: false,
  frequencyFactors: true,
  windows: 'stated',
} as const;
const granite = { ...plain, name: 'granitemoe', rotatesPairs: true, widthIsExpert: true } as const;

/** By family. Each entry was measured with llama.cpp itself: others are neither written nor read. */
const byFamily: Readonly<Record<string, LlamaArchitecture>> = {
  mixtral: { ...plain, name: 'llama', rotatesPairs: true, widthIsExpert: true },
  qwen2_moe: {
    ...plain,
    name: 'qwen2moe',
    normalises: false,
    biases: 'query-key-value',
    squareAttention: true,
    sharesEmbedding: false,
  },
  qwen3_moe: { ...plain, name: 'qwen3moe', yarn: true },
  olmoe: {
    ...plain,
    name: 'olmoe',
    normalises: false,
    squareAttention: true,
    ungroupedHeads: true,
    sharesEmbedding: false,
    widthIsExpert: true,
  },
  deepseek_v2: { ...plain, name: 'deepseek2', normalises: null, rotatesPairs: true, leadingDense: true },
  deepseek_v3: deepseek3,
  kimi_k2: deepseek3,
  glm4_moe_lite: deepseek3,
  deepseek_v32: { ...deepseek3, name: 'deepseek32' },
  glm_moe_dsa: { ...deepseek3, name: 'glm-dsa' },
  bailing_hybrid: { ...deepseek3, name: 'bailingmoe3', yarn: false, state: 'channel-delta' },
  deepseek_v4: {
    ...plain,
    name: 'deepseek4',
    normalises: null,
    rotatesPairs: true,
    sharesEmbedding: false,
    yarn: true,
    windows: 'all',
  },
  dots1: {
    ...plain,
    name: 'dots1',
    normalises: null,
    leadingDense: true,
    sharesEmbedding: false,
    ungroupedHeads: true,
  },
  minimax_m2: { ...plain, name: 'minimax-m2', normalises: null, sharesEmbedding: false },
  hunyuan_v1_moe: { ...plain, name: 'hunyuan-moe' },
  ernie4_5_moe: { ...plain, name: 'ernie4_5-moe', rotatesPairs: true, leadingDense: true, sharedWidth: true },
  glm4_moe: glm4,
  solar_open: glm4,
  qwen3_5_moe: qwen35,
  qwen3_5_moe_text: qwen35,
  llama4: llama4,
  llama4_text: llama4,
  gemma4: gemma4,
  gemma4_text: gemma4,
  kimi_k25: deepseek3,
  step3p7: step,
  step3p5: step,
  mimo_v2_flash: { ...plain, name: 'mimo2', leadingDense: true, sharesEmbedding: false, windows: 'stated' },
  granitemoe: granite,
  granitemoeshared: granite,
  granitemoehybrid: { ...granite, name: 'granitehybrid', state: 'mamba', rotates: 'stated' },
  lfm2_moe: {
    ...plain,
    name: 'lfm2moe',
    leadingDense: true,
    squareAttention: true,
    state: 'convolution',
    finalNorm: 'token_embd_norm',
  },
  nemotron_h: {
    ...plain,
    name: 'nemotron_h_moe',
    normalises: null,
    groups: true,
    rotates: 'none',
    state: 'mamba',
    feedForwardNorm: 'attn_norm',
  },
  qwen3_next: { ...plain, name: 'qwen3next', state: 'delta', feedForwardNorm: 'post_attention_norm' },
  afmoe: {
    ...plain,
    name: 'afmoe',
    normalises: null,
    leadingDense: true,
    windows: 'three-of-four',
    rotates: 'three-of-four',
  },
  exaone_moe: {
    ...plain,
    name: 'exaone-moe',
    normalises: null,
    leadingDense: true,
    sharesEmbedding: false,
    groups: true,
    windows: 'three-of-four',
    rotates: 'windows',
  },
  gpt_oss: {
    ...plain,
    name: 'gpt-oss',
    biases: 'all',
    sharesEmbedding: false,
    yarn: true,
    windows: 'every-other',
    feedForwardNorm: 'post_attention_norm',
  },
  sarvam_mla: deepseek3,
  glm4v_moe: glm4,
  qwen3_vl_moe: { ...plain, name: 'qwen3vlmoe' },
  mellum: { ...plain, name: 'mellum', sharesEmbedding: false, yarn: true, windows: 'stated' },
  hy_v3: { ...plain, name: 'hy_v3', normalises: null, leadingDense: true, correction: 'exp_probs_b' },
  deepseek: {
    ...plain,
    name: 'deepseek',
    normalises: false,
    rotatesPairs: true,
    leadingDense: true,
    squareAttention: true,
  },
  bailing_moe: {
    ...plain,
    name: 'bailingmoe',
    normalises: null,
    rotatesPairs: true,
    biases: 'optional-query-key-value',
    leadingDense: true,
    sharesEmbedding: false,
  },
  bailing_moe_v2: {
    ...plain,
    name: 'bailingmoe2',
    normalises: null,
    leadingDense: true,
    squareAttention: true,
    joinsHeads: true,
    sharesEmbedding: false,
    groups: true,
  },
  mistral4: { ...deepseek3, name: 'mistral4' },
  mistral3: { ...deepseek3, name: 'mistral4' },
  cohere2_moe: {
    ...plain,
    name: 'cohere2moe',
    normalises: null,
    rotatesPairs: true,
    leadingDense: true,
    windows: 'stated',
    rotates: 'windows-or-dense',
  },
  dbrx: {
    ...plain,
    name: 'dbrx',
    squareAttention: true,
    joinsHeads: true,
    clips: true,
    sharesEmbedding: false,
    feedForwardNorm: 'attn_output_norm',
    widthIsExpert: true,
  },
  jamba: {
    ...plain,
    name: 'jamba',
    normalises: false,
    squareAttention: true,
    rotates: 'none',
    state: 'mamba-1',
    widthIsExpert: true,
  },
  kimi_linear: {
    ...plain,
    name: 'kimi-linear',
    leadingDense: true,
    sharesEmbedding: false,
    groups: true,
    rotates: 'none',
    state: 'channel-delta',
  },
  minimax: { ...plain, name: 'minimax-01', state: 'lightning', widthIsExpert: true },
};

export const llamaArchitectures: ReadonlyMap<string, LlamaArchitecture> = new Map(Object.entries(byFamily));

/** The attention of the first block that has it; most architectures have the same heads everywhere. */
export const firstAttention = ({ blocks }: ModelDescriptor): AttentionDescriptor => {
  const first = blocks.map(({ attention }) => attention).find((attention) => attention !== null);
  if (first === undefined) throw new Error('a model without attention');
  return first;
};

/** Number of dense layers before the first one with experts. */
export const leadingDenseLayers = ({ blocks }: ModelDescriptor): number => {
  const first = blocks.findIndex(({ moe }) => moe !== null);
  return first === -1 ? blocks.length : first;
};

/** Every n-th layer has attention, and the others an operator with a state; null: there is no such n. */
export const attentionInterval = ({ blocks }: ModelDescriptor): number | null => {
  const first = blocks.findIndex(({ state }) => state === null);
  const every = first === -1 ? blocks.length + 1 : first + 1;
  return blocks.every(({ state }, block) => (state === null) === ((block + 1) % every === 0)) ? every : null;
};
