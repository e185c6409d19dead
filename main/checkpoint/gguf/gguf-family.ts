import { refuse } from '../../contract/errors.ts';
import type { Config } from '../config-reader.ts';
import { familyOf } from '../families/families.ts';
import type { Family, RotaryRecord, ScoreRecord, StateRecord } from '../families/family.ts';
import { type LlamaArchitecture, llamaArchitectures, patternHas } from './llama-architectures.ts';
import type { GgufContents, MetadataValue } from './read-gguf.ts';

/**
 * A GGUF file as a model of a family: the family's record with the names of tensors in the file, and the config that
 * the file's metadata state. What llama.cpp fixes for an architecture comes from the table by which files are written.
 */
export interface GgufModel {
  readonly family: Family;
  readonly config: Config;
}

/** `expert_gating_func` (llama-hparams.h). */
export const gatings = { softmax: 1, sigmoid: 2 } as const;

const refusal = (file: string, what: string): Error =>
  refuse('gguf-model-unknown', `${file}: ${what}.`, 'Open the model that the file was made of, in safetensors format.');

/** Reads metadata with one architecture's beginning of keys. */
class Metadata {
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
      throw this.bad(key, value, `a number for each of ${String(layers.length)} layers, the same in those of a kind`);
    return first;
  }

  /** Whether each of the layers is of a kind; null if missing. */
  flags(key: string, layers: number): readonly boolean[] | null {
    const value = this.raw(key);
    if (value === null) return null;
    const list: readonly unknown[] = [value].flat();
    const flags = list.filter((each) => typeof each === 'boolean');
    if (flags.length !== layers || list.length !== layers)
      throw this.bad(key, value, `${String(layers)} times true or false`);
    return flags;
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

/**
 * The family and config of a GGUF file.
 *
 * @throws WorkbenchError `gguf-model-unknown`, with the key and its value.
 */
export const ggufModel = (contents: GgufContents): GgufModel => {
  const { file } = contents;
  const name = contents.metadata.get('general.architecture')?.value;
  const readable = [...llamaArchitectures].filter(([, architecture]) => architecture.readable);
  const named = readable.filter(([, architecture]) => architecture.name === name);
  const metadata = new Metadata(contents, String(name));
  const has = (tensor: string): boolean => contents.tensors.some(({ name: own }) => own.endsWith(`.${tensor}`));
  // Two families of one architecture differ here: with a shared expert, or without.
  const other = has('ffn_gate_shexp.weight') ? 'granitemoe' : 'granitemoeshared';
  const found = named.find(([family]) => family !== other);
  const family = found === undefined ? undefined : familyOf(found[0]);
  if (found === undefined || family === undefined) {
    const known = [...new Set(readable.map(([, each]) => each.name))].join(', ');
    throw refusal(file, `"general.architecture" is ${JSON.stringify(name ?? null)}; only ${known} are read`);
  }
  if (metadata.optional('expert_count') === null || metadata.optional('expert_count') === 0)
    throw refusal(file, `its model has no experts ("${String(name)}.expert_count" is missing or 0)`);
  if ((metadata.optional('nextn_predict_layers') ?? 0) > 0)
    throw refusal(file, `"${String(name)}.nextn_predict_layers" is not 0: extra prediction layers are not read yet`);
  const own = namedAsInFile(family, found[1], has, file);
  return { family: own, config: configOf(own, found[1], metadata, contents) };
};

const at = (name: string): string => `blk.{l}.${name}`;

/** A family's record with the names, layouts and rotation of llama.cpp's files. */
const namedAsInFile = (
  family: Family,
  { name, rotatesPairs, feedForwardNorm, finalNorm, biases }: LlamaArchitecture,
  has: (tensor: string) => boolean,
  file: string,
): Family => {
  const { attention, routing, dense, shared, rotary, names, renamed: _renamed, ...rest } = family;
  if (attention.kind !== 'grouped')
    throw refusal(file, `the attention of ${name}, whose matrices llama.cpp splits by head, is not read yet`);
  if (routing.kind !== 'scores') throw refusal(file, `the router of ${family.modelType} is not read`);
  const matrices = (ending: string): Readonly<Record<'gate' | 'up' | 'down', string>> => ({
    gate: at(`ffn_gate${ending}.weight`),
    up: at(`ffn_up${ending}.weight`),
    down: at(`ffn_down${ending}.weight`),
  });
  const [sharedNames, dense0] = [matrices('_shexp'), matrices('')];
  return {
    ...rest,
    names: {
      embedding: 'token_embd.weight',
      finalNorm: `${finalNorm}.weight`,
      head: 'output.weight',
      attentionNorm: at('attn_norm.weight'),
      feedForwardNorm: at(`${feedForwardNorm}.weight`),
      branchNorms:
        names.branchNorms === null
          ? null
          : { attention: at('post_attention_norm.weight'), feedForward: at('post_ffw_norm.weight') },
    },
    headBiasKey: null,
    attention: {
      ...attention,
      query: at('attn_q.weight'),
      key: at('attn_k.weight'),
      value: at('attn_v.weight'),
      output: at('attn_output.weight'),
      queryKeyValueBias: has('attn_q.bias'),
      outputBias: has('attn_output.bias'),
      norms:
        attention.norms === null || !has('attn_q_norm.weight')
          ? null
          : { ...attention.norms, query: at('attn_q_norm.weight'), key: at('attn_k_norm.weight'), when: true },
      ...(typeof attention.gate === 'object' ? { gate: { ...attention.gate, name: at('attn_gate.weight') } } : {}),
      sinks: attention.sinks === null ? null : { ...attention.sinks, names: [at('attn_sinks.weight')] },
    },
    ...(family.state === undefined ? {} : { state: stateInFile(family.state, name, file) }),
    routing: routingInFile(routing),
    // Rows that the writer has put in pairs are rotated in pairs: products of queries and keys are the same.
    rotary: rotatesPairs ? { ...rotary, interleaved: true } : rotary,
    dense: dense === null ? null : { ...dense, ...dense0, biased: false },
    shared:
      shared === null
        ? null
        : {
            widthKey: shared.widthKey,
            countKey: shared.countKey,
            gateUp: sharedNames,
            down: sharedNames.down,
            biased: false,
            scale: shared.scale === null ? null : at('ffn_gate_inp_shexp.weight'),
          },
    layouts: [
      {
        kind: 'stacked-apart',
        router: at('ffn_gate_inp.weight'),
        ...matrices('_exps'),
        ...(biases === 'all' ? { biased: true as const } : {}),
      },
    ],
    extraLayersKey: null,
    unused: [],
  };
};

/** Operators whose values a file changes (-e^A, other orders of heads) are not read. */
const stateInFile = (state: StateRecord, name: string, file: string): StateRecord => {
  if (state.operator.kind !== 'convolution') throw refusal(file, `the states of ${name} are not read yet`);
  return {
    ...state,
    operator: {
      ...state.operator,
      input: at('shortconv.in_proj.weight'),
      convolution: at('shortconv.conv.weight'),
      output: at('shortconv.out_proj.weight'),
      biased: false,
    },
  };
};

const routingInFile = ({ correction, correctionIsRow: _isRow, ...routing }: ScoreRecord): ScoreRecord => ({
  ...routing,
  correction: correction === null ? null : [at('exp_probs_b.bias')],
});

const configOf = (
  family: Family,
  architecture: LlamaArchitecture,
  metadata: Metadata,
  { tensors, file }: GgufContents,
): Config => {
  const hidden = metadata.number('embedding_length');
  const heads = metadata.number('attention.head_count');
  const layers = metadata.number('block_count');
  const headDimension = metadata.optional('attention.key_length') ?? hidden / heads;
  const windowed = windowedLayers(architecture, metadata, layers);
  const { attention } = family;
  const slidingHeadsKey = attention.kind === 'grouped' ? attention.slidingKeyValueHeadsKey : undefined;
  const keyHeads =
    slidingHeadsKey === undefined
      ? metadata.numbers('attention.head_count_kv')
      : [metadata.ofLayers('attention.head_count_kv', windowed, false)];
  const vocabulary = tensors.find(({ name }) => name === 'token_embd.weight')?.shape[0];
  if (vocabulary === undefined) throw refusal(file, 'tensor "token_embd.weight" is missing');
  const hasHead = tensors.some(({ name }) => name === 'output.weight');
  const window = metadata.optional('attention.sliding_window');
  const { experts, topK, expertWidth } = family.keys;
  const [expertsKey = ''] = experts;
  return {
    model_type: family.modelType,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyHeads.find((count) => count > 0) ?? heads,
    head_dim: headDimension,
    vocab_size: vocabulary,
    max_position_embeddings: metadata.number('context_length'),
    rms_norm_eps: metadata.number('attention.layer_norm_rms_epsilon'),
    tie_word_embeddings: !hasHead && architecture.sharesEmbedding,
    [expertsKey]: metadata.number('expert_count'),
    [topK]: metadata.number('expert_used_count'),
    ...denseConfig(family, metadata),
    ...sharedConfig(family, metadata, tensors),
    [expertWidth]: architecture.widthIsExpert
      ? metadata.number('feed_forward_length')
      : (metadata.optional('expert_feed_forward_length') ?? metadata.number('feed_forward_length')),
    ...routingConfig(family, architecture, metadata),
    ...rotaryConfig(family.rotary, metadata, headDimension),
    ...(family.window.kind === 'types'
      ? {
          [family.window.key]: window,
          layer_types: windowed.map((isWindowed) => (isWindowed ? 'sliding_attention' : 'full_attention')),
        }
      : {}),
    ...(slidingHeadsKey === undefined
      ? {}
      : { [slidingHeadsKey]: metadata.ofLayers('attention.head_count_kv', windowed, true) }),
    ...valueConfig(family, metadata),
    ...stateConfig(family, metadata, keyHeads),
    ...(typeof family.embeddingRoot === 'string' ? { [family.embeddingRoot]: true } : {}),
    ...multiplierConfig(family, metadata),
  };
};

/** Layers with a window: by the architecture, or as the file says. */
const windowedLayers = ({ windows }: LlamaArchitecture, metadata: Metadata, layers: number): readonly boolean[] => {
  const key = 'attention.sliding_window_pattern';
  const stated = windows === 'stated' ? metadata.flags(key, layers) : null;
  if (windows === 'stated' && stated === null) throw metadata.bad(key, null, 'a list');
  return stated ?? Array.from({ length: layers }, (_, layer) => patternHas(windows, layer, false) === true);
};

/** Values of another width than keys, and their factor. */
const valueConfig = ({ attention }: Family, metadata: Metadata): Config => {
  if (attention.kind !== 'grouped') return {};
  const { valueDimensionKey, valueScaleKey } = attention;
  return {
    ...(valueDimensionKey === undefined ? {} : { [valueDimensionKey]: metadata.number('attention.value_length') }),
    ...(valueScaleKey === undefined ? {} : { [valueScaleKey]: metadata.optional('attention.value_scale') ?? 1 }),
  };
};

/** Layers without heads of keys have a state. */
const stateConfig = ({ state }: Family, metadata: Metadata, keyHeads: readonly number[]): Config => {
  if (state?.operator.kind !== 'convolution') return {};
  const [operator = '', attention = ''] = [state.words[0], state.attentionWords[0]];
  return {
    layer_types: keyHeads.map((count) => (count === 0 ? operator : attention)),
    [state.operator.kernelKey]: metadata.number('shortconv.l_cache'),
  };
};

const denseConfig = ({ dense }: Family, metadata: Metadata): Config => {
  if (dense === null) return {};
  const leading = metadata.optional('leading_dense_block_count') ?? 0;
  const width = { [dense.widthKey]: metadata.number('feed_forward_length') };
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
  const own = routing.score === 'sigmoid' ? gatings.sigmoid : gatings.softmax;
  if (gating !== null && gating !== 0 && gating !== own && normalises === null)
    throw metadata.bad('expert_gating_func', gating, `${String(own)}, that of the family`);
  const groups = metadata.optional('expert_group_count');
  const norm = normalises ?? metadata.raw('expert_weights_norm') ?? false;
  return {
    norm_topk_prob: norm,
    ...(routing.scaleKey === null ? {} : { [routing.scaleKey]: metadata.optional('expert_weights_scale') ?? 1 }),
    ...(routing.groups === null
      ? {}
      : {
          [routing.groups.countKey]: groups ?? 1,
          [routing.groups.keptKey]: metadata.optional('expert_group_used_count') ?? groups ?? 1,
        }),
  };
};

const rotaryConfig = (
  { partialKey, dimensionsKey, slidingThetaKey }: RotaryRecord,
  metadata: Metadata,
  headDimension: number,
): Config => {
  const dimensions = metadata.optional('rope.dimension_count') ?? headDimension;
  const type = metadata.raw('rope.scaling.type');
  const scaling =
    type === null || type === 'none'
      ? null
      : {
          rope_type: type,
          factor: metadata.number('rope.scaling.factor'),
          original_max_position_embeddings: metadata.number('rope.scaling.original_context_length'),
        };
  if (dimensions !== headDimension && partialKey === null)
    throw metadata.bad('rope.dimension_count', dimensions, `${String(headDimension)}, the size of a head`);
  return {
    rope_theta: metadata.optional('rope.freq_base') ?? 10000,
    ...(slidingThetaKey === undefined ? {} : { [slidingThetaKey]: metadata.number('rope.freq_base_swa') }),
    ...(scaling === null ? {} : { rope_scaling: scaling }),
    ...(dimensionsKey === undefined ? {} : { [dimensionsKey]: dimensions }),
    // The product with the size of a head is rounded down, and d / h * h may be a little less than d.
    ...(partialKey === null
      ? {}
      : { [partialKey]: dimensions === headDimension ? 1 : (dimensions + 0.5) / headDimension }),
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
