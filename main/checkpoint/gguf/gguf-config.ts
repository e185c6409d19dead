import { refuse } from '../../contract/errors.ts';
import type { Config } from '../config-reader.ts';
import type { Family, RotaryRecord } from '../families/family.ts';
import { gatings, type LlamaArchitecture, LLAMA4, patternHas } from './llama-architectures.ts';
import type { GgufContents, MetadataValue } from './read-gguf.ts';

export const refusal = (file: string, what: string): Error =>
  refuse('gguf-model-unknown', `${file}: ${what}.`, 'Open the model that the file was made of, in safetensors format.');

/** Reads metadata with one architecture's beginning of keys. */
export class Metadata {
  readonly #contents: GgufContents;
  readonly #architecture: string;

  constructor(contents: GgufContents, architecture: string) {
    this.#contents = contents;
    this.#architecture = architecture;
  }

  raw(key: string): MetadataValue | null {
    return this.#contents.metadata.get(`${this.#architecture}.${key}`)?.value ?? null;
  }

  /** A number, or a list of the same number for every layer; null if missing. */
  optional(key: string): number | null {
    const value = this.raw(key);
    if (value === null) return null;
    const [first, ...others] = [value].flat();
    if (typeof first !== 'number' || others.some((other) => other !== first))
      throw this.bad(key, value, 'the same number in every layer');
    return first;
  }

  /** A number or a list of numbers, as a list; the others than 0 must be the same. */
  numbers(key: string): readonly number[] {
    const value = this.raw(key);
    const all: readonly unknown[] = value === null ? [] : [value].flat();
    const counts = all.filter((each) => typeof each === 'number');
    if (counts.length !== all.length || new Set(counts.filter((each) => each !== 0)).size > 1)
      throw this.bad(key, value, 'the same number in every layer');
    return counts;
  }

  /** A number for each of the layers that are named, the same for all of them; a single number is that of every layer. */
  ofLayers(key: string, layers: readonly boolean[], named: boolean): number {
    const value = this.raw(key);
    const list: readonly unknown[] = value === null ? [] : Array.isArray(value) ? value : layers.map(() => value);
    const [first, ...others] = list.filter((_, layer) => layers[layer] === named);
    if (typeof first !== 'number' || list.length !== layers.length || others.some((other) => other !== first))
      throw this.bad(key, value, `a number for each of ${layers.length} layers, the same in those of a kind`);
    return first;
  }

  /** Whether each of the layers is of a kind; null if missing. */
  flags(key: string, layers: number): readonly boolean[] | null {
    const value = this.raw(key);
    if (value === null) return null;
    const list: readonly unknown[] = [value].flat();
    const flags = list.filter((each) => typeof each === 'boolean');
    if (flags.length !== layers || list.length !== layers) throw this.bad(key, value, `${layers} times true or false`);
    return flags;
  }

  /** A number for each layer; a single one is that of all. */
  ofEachLayer(key: string, layers: number): readonly number[] {
    const value = this.raw(key);
    const list: readonly unknown[] = Array.isArray(value) ? value : Array.from({ length: layers }, () => value);
    const numbers = list.filter((each) => typeof each === 'number');
    if (numbers.length !== layers || list.length !== layers)
      throw this.bad(key, value, `a number for each of ${layers} layers`);
    return numbers;
  }

  number(key: string): number {
    const value = this.optional(key);
    if (value === null) throw this.bad(key, null, 'a number');
    return value;
  }

  bad(key: string, value: MetadataValue | null, wanted: string): Error {
    const is = value === null ? 'missing' : JSON.stringify(value).slice(0, 100);
    return refusal(this.#contents.file, `"${this.#architecture}.${key}" is ${is}, not ${wanted}`);
  }
}

/** A key of the family's config with its value; nothing where the family has no such key. */
const keyed = (key: string | boolean | null | undefined, value: () => unknown): Config =>
  typeof key === 'string' ? { [key]: value() } : {};

/** The config that a file's metadata state, with the keys of the family. */
export const configOf = (
  family: Family,
  architecture: LlamaArchitecture,
  metadata: Metadata,
  { tensors, file }: GgufContents,
  factors: readonly number[] | null,
): Config => {
  const hidden = metadata.number('embedding_length');
  const layers = metadata.number('block_count');
  const windowed = windowedLayers(architecture, metadata, layers);
  const vocabulary = tensors.find(({ name }) => name === 'token_embd.weight')?.shape[0];
  if (vocabulary === undefined) throw refusal(file, 'tensor "token_embd.weight" is missing');
  const hasHead = tensors.some(({ name }) => name === 'output.weight');
  const { experts, topK, expertWidth } = family.keys;
  const [expertsKey = ''] = experts;
  const has = (name: string): boolean => tensors.some((each) => each.name === name);
  const attentionConfig = (): Config => {
    switch (family.attention.kind) {
      case 'grouped':
        return groupedConfig(family, metadata, { hidden, windowed, factors, has });
      case 'latent':
        return latentConfig(family.attention, family.rotary, metadata, layers);
      case 'compressed':
        return compressedConfig(family, metadata, layers);
    }
  };
  return {
    model_type: family.modelType,
    hidden_size: hidden,
    num_hidden_layers: layers,
    vocab_size: vocabulary,
    max_position_embeddings: metadata.number('context_length'),
    rms_norm_eps: metadata.number('attention.layer_norm_rms_epsilon'),
    tie_word_embeddings: !hasHead && architecture.sharesEmbedding,
    [expertsKey]: metadata.number('expert_count'),
    [topK]: metadata.number('expert_used_count'),
    ...denseConfig(family, metadata, layers),
    ...sharedConfig(family, metadata, tensors),
    [expertWidth]: architecture.widthIsExpert
      ? metadata.number('feed_forward_length')
      : (metadata.optional('expert_feed_forward_length') ?? metadata.number('feed_forward_length')),
    ...routingConfig(family, architecture, metadata),
    ...limitsConfig(family, metadata),
    // The experts are there.
    ...(family.dense?.rule.kind === 'beside' ? { enable_moe_block: true } : {}),
    ...attentionConfig(),
    ...(family.window.kind === 'types'
      ? {
          [family.window.key]: metadata.optional('attention.sliding_window'),
          layer_types: windowed.map((isWindowed) => (isWindowed ? 'sliding_attention' : 'full_attention')),
        }
      : {}),
    ...(family.window.kind === 'chunks' ? { [family.window.key]: LLAMA4.chunk } : {}),
    ...stateConfig(family, metadata, layers, has),
    ...keyed(family.latent?.sizeKey, () => metadata.optional('moe_latent_size')),
    ...keyed(family.embeddingRoot, () => true),
    ...keyed(family.logitsCapKey, () => metadata.optional('final_logit_softcapping')),
    ...keyed(family.names.tokenInputs?.sizeKey, () => metadata.optional('embedding_length_per_layer_input') ?? 0),
    ...multiplierConfig(family, metadata),
  };
};

type Grouped = Extract<Family['attention'], { kind: 'grouped' }>;

/** Sizes of heads, which layers with a window may have of their own, and the rotation. */
const groupedConfig = (
  family: Family,
  metadata: Metadata,
  {
    hidden,
    windowed,
    factors,
    has,
  }: {
    readonly hidden: number;
    readonly windowed: readonly boolean[];
    readonly factors: readonly number[] | null;
    readonly has: (name: string) => boolean;
  },
): Config => {
  const attention = family.attention as Grouped;
  const { slidingKeyValueHeadsKey, slidingHeads, global, plainNorm, temperature, sharedLayersKey } = attention;
  const ofKinds = (key: string, of: boolean): number => metadata.ofLayers(key, windowed, of);
  const heads =
    slidingHeads === undefined ? metadata.number('attention.head_count') : ofKinds('attention.head_count', false);
  const stated = metadata.optional('attention.key_length') ?? hidden / heads;
  const keyHeads =
    slidingKeyValueHeadsKey === undefined && global === undefined
      ? metadata.numbers('attention.head_count_kv')
      : [ofKinds('attention.head_count_kv', global !== undefined)];
  const headDimension = global === undefined ? stated : metadata.number('attention.key_length_swa');
  const sharing = sharedLayersKey === undefined ? 0 : (metadata.optional('attention.shared_kv_layers') ?? 0);
  const keysAreValues = windowed.some(
    (isWindowed, layer) => !isWindowed && layer < windowed.length - sharing && !has(`blk.${layer}.attn_v.weight`),
  );
  return {
    num_attention_heads: heads,
    num_key_value_heads: keyHeads.find((count) => count > 0) ?? heads,
    head_dim: headDimension,
    ...valueConfig(family, metadata),
    ...keyed(slidingKeyValueHeadsKey, () => ofKinds('attention.head_count_kv', true)),
    ...keyed(slidingHeads?.key, () => ofKinds('attention.head_count', true)),
    ...(global === undefined
      ? {}
      : {
          [global.dimensionKey]: stated,
          [global.keyValueHeadsKey]: ofKinds('attention.head_count_kv', false),
          [global.keysAreValues]: keysAreValues,
        }),
    ...keyed(sharedLayersKey, () => sharing),
    ...keyed(plainNorm?.when, () => metadata.number('expert_count') !== LLAMA4.experts),
    ...(temperature === undefined
      ? {}
      : {
          ...keyed(temperature.when, () => true),
          [temperature.scaleKey]: LLAMA4.scale,
          [temperature.everyKey]: LLAMA4.every,
        }),
    ...rotaryConfig(family.rotary, metadata, {
      headDimension: stated,
      windowed: global !== undefined || family.rotary.partialsKey !== undefined ? windowed : null,
      factors,
    }),
  };
};

/** Sizes of latent attention and of its indexer. */
const latentConfig = (
  { indexer }: Extract<Family['attention'], { kind: 'latent' }>,
  rotary: RotaryRecord,
  metadata: Metadata,
  layers: number,
): Config => {
  const rotated = metadata.number('rope.dimension_count');
  const rank = metadata.optional('attention.q_lora_rank') ?? 0;
  const types = indexer?.shared === undefined ? null : metadata.raw('attention.indexer.types');
  if (types !== null && (!Array.isArray(types) || types.length !== layers))
    throw metadata.bad('attention.indexer.types', types, 'a number for each layer');
  return {
    num_attention_heads: metadata.number('attention.head_count'),
    kv_lora_rank: metadata.number('attention.kv_lora_rank'),
    q_lora_rank: rank === 0 ? null : rank,
    qk_rope_head_dim: rotated,
    qk_nope_head_dim: metadata.number('attention.key_length_mla') - rotated,
    v_head_dim: metadata.number('attention.value_length_mla'),
    ...(indexer === undefined
      ? {}
      : {
          index_n_heads: metadata.number('attention.indexer.head_count'),
          index_head_dim: metadata.number('attention.indexer.key_length'),
          index_topk: metadata.number('attention.indexer.top_k'),
          ...(indexer.shared === undefined || types === null
            ? {}
            : { [indexer.shared.typesKey]: types.map((type) => (type === 1 ? 'full' : 'shared')) }),
        }),
    ...rotaryConfig(rotary, metadata, { headDimension: rotated, windowed: null, factors: null }),
  };
};

/** Sizes of compressed attention and of hyper-connections, and the layers that choose experts by a table of tokens. */
const compressedConfig = ({ attention, routing }: Family, metadata: Metadata, layers: number): Config => {
  if (attention.kind !== 'compressed' || routing.kind !== 'scores') throw new Error('another attention');
  const scaling = scalingConfig(metadata);
  // Files of models without an indexer have zeros.
  const indexers = metadata.number('attention.indexer.head_count');
  return {
    num_attention_heads: metadata.number('attention.head_count'),
    num_key_value_heads: 1,
    head_dim: metadata.number('attention.key_length'),
    q_lora_rank: metadata.number('attention.q_lora_rank'),
    o_lora_rank: metadata.number('attention.output_lora_rank'),
    o_groups: metadata.number('attention.output_group_count'),
    qk_rope_head_dim: metadata.number('rope.dimension_count'),
    sliding_window: metadata.number('attention.sliding_window'),
    ...(indexers === 0
      ? {}
      : {
          index_n_heads: indexers,
          index_head_dim: metadata.number('attention.indexer.key_length'),
          index_topk: metadata.number('attention.indexer.top_k'),
        }),
    [attention.ratiosKey]: metadata.ofEachLayer('attention.compress_ratios', layers),
    hc_mult: metadata.number('hyper_connection.count'),
    hc_sinkhorn_iters: metadata.number('hyper_connection.sinkhorn_iterations'),
    hc_eps: metadata.number('hyper_connection.epsilon'),
    ...keyed(routing.table?.countKey, () => metadata.number('hash_layer_count')),
    rope_theta: metadata.number('rope.freq_base'),
    compress_rope_theta: metadata.number('attention.compress_rope_freq_base'),
    ...(scaling === null ? {} : { rope_scaling: scaling }),
  };
};

/** Limits of activations, by layer or for all. */
const limitsConfig = ({ activation }: Family, metadata: Metadata): Config =>
  activation.kind === 'bounded'
    ? { [activation.limitKey]: metadata.number('swiglu_clamp_exp') }
    : activation.kind === 'limited'
      ? {
          [activation.limitsKey]: metadata.raw('swiglu_clamp_exp'),
          [activation.denseLimitsKey]: metadata.raw('swiglu_clamp_shexp'),
        }
      : {};

/** Layers with a window: by the architecture, or as the file says. */
const windowedLayers = ({ windows }: LlamaArchitecture, metadata: Metadata, layers: number): readonly boolean[] => {
  const key = 'attention.sliding_window_pattern';
  const stated = windows === 'stated' ? metadata.flags(key, layers) : null;
  if (windows === 'stated' && stated === null) throw metadata.bad(key, null, 'a list');
  return stated ?? Array.from({ length: layers }, (_, layer) => patternHas(windows, layer, false) === true);
};

/** Width of values where it differs from that of keys, and their factor. */
const valueConfig = ({ attention }: Family, metadata: Metadata): Config => {
  if (attention.kind !== 'grouped') return {};
  const { valueDimensionKey, valueScaleKey } = attention;
  return {
    ...keyed(valueDimensionKey, () => metadata.number('attention.value_length')),
    ...keyed(valueScaleKey, () => metadata.optional('attention.value_scale') ?? 1),
  };
};

/** Sizes of operators with a state, and the kind of each layer: layers without heads of keys have a state. */
const stateConfig = (
  { state, halves }: Family,
  metadata: Metadata,
  layers: number,
  has: (name: string) => boolean,
): Config => {
  if (state === undefined) return {};
  const { operator } = state;
  const [own = '', attention = ''] = [state.words[0], state.attentionWords[0]];
  const keyHeads = metadata.ofEachLayer('attention.head_count_kv', layers);
  const types = keyHeads.map((count, layer) => {
    if (halves !== undefined && has(`blk.${layer}.ffn_up_exps.weight`)) return halves.experts[0] ?? '';
    if (halves !== undefined && has(`blk.${layer}.ffn_up.weight`)) return halves.dense[0] ?? '';
    return count === 0 ? own : attention;
  });
  const kindsOfLayers = { [halves?.listKey ?? 'layer_types']: types };
  const inner = (): number => metadata.number('ssm.inner_size');
  const heads = (): number => metadata.number('ssm.time_step_rank');
  switch (operator.kind) {
    case 'convolution':
      return { ...kindsOfLayers, [operator.kernelKey]: metadata.number('shortconv.l_cache') };
    case 'channel-delta':
      return {
        ...kindsOfLayers,
        [operator.keys.heads]: metadata.number('attention.head_count'),
        [operator.keys.dimension]: metadata.number('kda.head_dim'),
        [operator.keys.kernel]: metadata.number('ssm.conv_kernel'),
        [operator.keys.bounded]: true,
        [operator.keys.bound]: metadata.number('kda.gate_lower_bound'),
      };
    case 'delta':
      return {
        [state.everyKey ?? '']: metadata.number('full_attention_interval'),
        linear_num_key_heads: metadata.number('ssm.group_count'),
        linear_num_value_heads: heads(),
        linear_key_head_dim: metadata.number('ssm.state_size'),
        linear_value_head_dim: inner() / heads(),
        linear_conv_kernel_dim: metadata.number('ssm.conv_kernel'),
      };
    case 'mamba': {
      const { keys } = operator;
      return {
        ...kindsOfLayers,
        [keys.heads]: heads(),
        [keys.headDimension]: inner() / heads(),
        [keys.stateDimension]: metadata.number('ssm.state_size'),
        [keys.groups]: metadata.number('ssm.group_count'),
        [keys.kernel]: metadata.number('ssm.conv_kernel'),
        // Files have a bias of the convolution in any case, and none of projections.
        [keys.convolutionBias]: true,
        [keys.bias]: false,
      };
    }
  }
};

const denseConfig = ({ dense }: Family, metadata: Metadata, layers: number): Config => {
  // Layers that are dense alone, in a family of halves, are not written.
  if (dense === null || dense.rule.kind === 'half') return {};
  const leading = metadata.optional('leading_dense_block_count') ?? 0;
  const widths = metadata.ofEachLayer('feed_forward_length', layers);
  const isDoubled = new Set(widths).size === 2;
  const width = {
    [dense.widthKey]: widths[0],
    ...keyed(dense.doubled, () => isDoubled),
  };
  if (isDoubled && dense.doubled === undefined) metadata.number('feed_forward_length');
  if (dense.rule.kind === 'enumerated')
    return {
      ...width,
      [dense.rule.key]: Array.from({ length: layers - leading }, (_, layer) => String(leading + layer)).join(','),
    };
  if (dense.rule.kind === 'unlisted')
    return { ...width, [dense.rule.everyKey]: metadata.number('interleave_moe_layer_step') };
  if (dense.rule.kind === 'first') return { ...width, [dense.rule.key]: leading };
  if (dense.rule.kind === 'interval') return { ...width, [dense.rule.fromKey]: leading, [dense.rule.everyKey]: 1 };
  return width;
};

const sharedConfig = ({ shared }: Family, metadata: Metadata, tensors: GgufContents['tensors']): Config => {
  if (shared === null) return {};
  const rows = tensors.find(({ name }) => name.endsWith('.ffn_up_shexp.weight'))?.shape[0] ?? 0;
  return shared.countKey === null
    ? { [shared.widthKey]: rows }
    : { [shared.countKey]: rows === 0 ? 0 : rows / metadata.number('expert_feed_forward_length') };
};

const routingConfig = ({ routing }: Family, { normalises }: LlamaArchitecture, metadata: Metadata): Config => {
  if (routing.kind !== 'scores') return {};
  const gating = metadata.optional('expert_gating_func');
  const own = gatings[routing.score];
  if (gating !== null && gating !== 0 && gating !== own && normalises === null)
    throw metadata.bad('expert_gating_func', gating, `${own}, that of the family`);
  const groups = metadata.optional('expert_group_count');
  const norm = normalises ?? metadata.raw('expert_weights_norm') ?? false;
  const normKey = routing.renormalise?.when;
  return {
    norm_topk_prob: norm,
    ...keyed(normKey, () => norm),
    ...keyed(routing.scaleKey, () => metadata.optional('expert_weights_scale') ?? 1),
    ...(routing.groups === null
      ? {}
      : {
          [routing.groups.countKey]: groups ?? 1,
          [routing.groups.keptKey]: metadata.optional('expert_group_used_count') ?? groups ?? 1,
        }),
  };
};

/** Keys of the rotation; `windowed`: layers with a window, where those rotate otherwise. */
const rotaryConfig = (
  { partialKey, dimensionsKey, slidingThetaKey, partialsKey, on }: RotaryRecord,
  metadata: Metadata,
  {
    headDimension,
    windowed,
    factors,
  }: {
    readonly headDimension: number;
    readonly windowed: readonly boolean[] | null;
    readonly factors: readonly number[] | null;
  },
): Config => {
  const theta = metadata.optional('rope.freq_base') ?? 10000;
  const dimensions = metadata.optional('rope.dimension_count') ?? headDimension;
  if (windowed !== null && partialsKey !== undefined) {
    // The number of layers without a window is twice as large in a file as llama.cpp uses it.
    const [whole, own] = [dimensions / 2, metadata.number('rope.dimension_count_swa')].map((each) =>
      partOf(each, headDimension),
    );
    const slidingTheta = metadata.number('rope.freq_base_swa');
    return {
      rope_theta: windowed.map((isWindowed) => (isWindowed ? slidingTheta : theta)),
      [partialsKey]: windowed.map((isWindowed) => (isWindowed ? own : whole)),
    };
  }
  const divided = factors === null ? {} : { rope_type: 'divided', factors };
  if (windowed !== null)
    return {
      rope_parameters: {
        full_attention: { rope_theta: theta, ...divided },
        sliding_attention: { rope_theta: metadata.number('rope.freq_base_swa'), rope_type: 'default' },
      },
    };
  if (dimensions !== headDimension && partialKey === null && dimensionsKey === undefined)
    throw metadata.bad('rope.dimension_count', dimensions, `${headDimension}, the size of a head`);
  const scaling = factors === null ? scalingConfig(metadata) : divided;
  return {
    rope_theta: theta,
    ...keyed(slidingThetaKey, () => metadata.number('rope.freq_base_swa')),
    ...(scaling === null ? {} : { rope_scaling: scaling }),
    ...keyed(dimensionsKey, () => dimensions),
    ...keyed(partialKey, () => partOf(dimensions, headDimension)),
    ...(typeof on === 'object' && 'key' in on
      ? { [on.key]: metadata.raw('rope.scaling.finetuned') === true ? on.value : null }
      : {}),
    ...(typeof on === 'object' && 'everyKey' in on ? { [on.everyKey]: LLAMA4.rotates } : {}),
  };
};

/** The product with the size of a head is rounded down, and d / h * h may be a little less than d. */
const partOf = (dimensions: number, headDimension: number): number =>
  dimensions === headDimension ? 1 : (dimensions + 0.5) / headDimension;

const scalingConfig = (metadata: Metadata): Config | null => {
  const type = metadata.raw('rope.scaling.type');
  if (type === null || type === 'none') return null;
  // A tenth of DeepSeek's multiplier, in float32.
  const tenth = metadata.optional('rope.scaling.yarn_log_multiplier');
  const multiplier = tenth === null ? null : Number((10 * tenth).toPrecision(6));
  return {
    rope_type: type,
    factor: metadata.number('rope.scaling.factor'),
    original_max_position_embeddings: metadata.number('rope.scaling.original_context_length'),
    ...(multiplier === null ? {} : { mscale: multiplier, mscale_all_dim: multiplier }),
  };
};

/** Granite's factors; llama.cpp divides logits by the last. */
const multiplierConfig = ({ multipliers }: Family, metadata: Metadata): Config =>
  multipliers === null
    ? {}
    : {
        [multipliers.attention]: metadata.number('attention.scale'),
        [multipliers.embedding]: metadata.number('embedding_scale'),
        [multipliers.residual]: metadata.number('residual_scale'),
        [multipliers.logits]: metadata.number('logit_scale'),
      };
