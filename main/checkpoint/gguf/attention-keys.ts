import { given } from '../../contract/errors.ts';
import type { Config } from '../config-reader.ts';
import type { AttentionDescriptor, BlockDescriptor, CompressedAttention, ExpertActivation } from '../descriptor.ts';
import type { AttentionRecord, RotaryRecord } from '../families/family.ts';
import type { GgufValue, Metadata } from './gguf-metadata.ts';
import {
  flag,
  integers,
  type Key,
  keyed,
  type Opened,
  perLayer,
  readKeys,
  real,
  to,
  whole,
  writeKeys,
  type Written,
} from './key-table.ts';
import { firstAttention, type LlamaArchitecture, LLAMA4, patternHas } from './llama-architectures.ts';
import { type WrittenRotary, writtenRotary } from './llama-rotary.ts';

type Grouped = Extract<AttentionDescriptor, { kind: 'grouped' }>;
type Latent = Extract<AttentionDescriptor, { kind: 'latent' }>;
type GroupedRecord = Extract<AttentionRecord, { kind: 'grouped' }>;
type LatentRecord = Extract<AttentionRecord, { kind: 'latent' }>;
type CompressedRecord = Extract<AttentionRecord, { kind: 'compressed' }>;

/** The attention of the first layer with a window, or without one. */
const ofWindow = (isWindowed: boolean, otherwise: Grouped, { model }: Written): Grouped =>
  model.blocks.flatMap(({ attention, window }) =>
    attention?.kind === 'grouped' && (window !== null) === isWindowed ? [attention] : [],
  )[0] ?? otherwise;

/** A key of files whose layers with a window are stated. */
const ifStated = ({ architecture }: Written, write: () => GgufValue): GgufValue | null =>
  architecture.windows === 'stated' ? write() : null;

const headCount = ({ metadata, windowed }: Opened, { slidingHeads }: GroupedRecord): number =>
  slidingHeads === undefined
    ? metadata.number('attention.head_count')
    : metadata.ofLayers('attention.head_count', windowed, false);

/** Size of the keys' heads in layers without a window. */
const keyLength = (file: Opened, record: GroupedRecord): number =>
  file.metadata.optional('attention.key_length') ?? file.metadata.number('embedding_length') / headCount(file, record);

const grouped: readonly Key<Grouped, GroupedRecord>[] = [
  [
    'attention.head_count',
    ({ heads }, { model }) => perLayer(model.blocks.map(({ attention }) => attention?.heads ?? heads)),
    (file, record) => ({
      num_attention_heads: headCount(file, record),
      ...keyed(record.slidingHeads?.key, () => file.metadata.ofLayers('attention.head_count', file.windowed, true)),
    }),
  ],
  [
    'attention.head_count_kv',
    ({ keyValueHeads }, { model, architecture }) => {
      // Layers without heads of keys are those with a state, but for operators whose layers follow a pattern or a list.
      const isApart = architecture.state === 'delta' || architecture.state === 'lightning';
      const others = isApart ? keyValueHeads : 0;
      return perLayer(
        model.blocks.map(({ attention }) => (attention?.kind === 'grouped' ? attention.keyValueHeads : others)),
      );
    },
    (file, record) => {
      const { metadata, windowed } = file;
      const { slidingKeyValueHeadsKey, global } = record;
      const ofKind = (isWindowed: boolean): number =>
        metadata.ofLayers('attention.head_count_kv', windowed, isWindowed);
      const heads =
        slidingKeyValueHeadsKey === undefined && global === undefined
          ? metadata.numbers('attention.head_count_kv')
          : [ofKind(global !== undefined)];
      return {
        num_key_value_heads: heads.find((count) => count > 0) ?? headCount(file, record),
        ...keyed(slidingKeyValueHeadsKey, () => ofKind(true)),
        ...keyed(global?.keyValueHeadsKey, () => ofKind(false)),
      };
    },
  ],
  [
    'attention.key_length',
    (attention, written) => whole(ofWindow(false, attention, written).headDimension),
    (file, record) => ({
      head_dim:
        record.global === undefined ? keyLength(file, record) : file.metadata.number('attention.key_length_swa'),
      ...keyed(record.global?.dimensionKey, () => keyLength(file, record)),
    }),
  ],
  [
    'attention.value_length',
    (attention, written) => whole(ofWindow(false, attention, written).valueDimension),
    to(({ valueDimensionKey }) => valueDimensionKey),
  ],
  [
    'attention.clamp_kqv',
    ({ clip }, { architecture }) => (architecture.clips ? real(clip ?? 0) : null),
    ({ metadata, architecture }, { clipKey }, name) =>
      architecture.clips ? keyed(clipKey, () => metadata.number(name) || null) : {},
  ],
  [
    'attention.sliding_window',
    (_, { model }) => given(model.blocks.find(({ window }) => window !== null)?.window, whole),
  ],
  ['attention.key_length_swa', (own, file) => ifStated(file, () => whole(ofWindow(true, own, file).headDimension))],
  ['attention.value_length_swa', (own, file) => ifStated(file, () => whole(ofWindow(true, own, file).valueDimension))],
  [
    'attention.sliding_window_pattern',
    (_, written) =>
      ifStated(written, () => ({ kind: 'bools', value: written.model.blocks.map(({ window }) => window !== null) })),
  ],
  [
    'rope.scaling.finetuned',
    (_, { model, architecture }) =>
      architecture.rotates === 'stated' ? flag(model.blocks.some(({ rotary }) => rotary !== null)) : null,
  ],
];

/** Layers with a window: by the architecture, or as the file says. */
export const windowedLayers = (
  { windows }: LlamaArchitecture,
  metadata: Metadata,
  layers: number,
): readonly boolean[] => {
  const key = 'attention.sliding_window_pattern';
  const stated = windows === 'stated' ? metadata.flags(key, layers) : null;
  if (windows === 'stated' && stated === null) throw metadata.bad(key, null, 'a list');
  return stated ?? Array.from({ length: layers }, (_, layer) => patternHas(windows, layer, false) === true);
};

type IndexerSize = 'heads' | 'dimension' | 'most';
/** Keys of an indexer's sizes. */
const indexerKeys = <Own, OwnRecord>(
  sizesOf: (own: Own, written: Written) => Readonly<Record<IndexerSize, number>> | null,
  isThere: (file: Opened, record: OwnRecord) => boolean,
): readonly Key<Own, OwnRecord>[] => {
  const size = (key: string, of: IndexerSize, name: string): Key<Own, OwnRecord> => [
    `attention.indexer.${key}`,
    (own, written) => given(sizesOf(own, written)?.[of], whole),
    (file, record, key) => (isThere(file, record) ? { [name]: file.metadata.number(key) } : {}),
  ];
  return [
    size('head_count', 'heads', 'index_n_heads'),
    size('key_length', 'dimension', 'index_head_dim'),
    size('top_k', 'most', 'index_topk'),
  ];
};

const latent: readonly Key<Latent, LatentRecord>[] = [
  ['attention.head_count', ({ heads }) => whole(heads), 'num_attention_heads'],
  // One latent vector represents the keys and values of all heads, which are expanded inside the products. Layers with
  // a state have none.
  ['attention.head_count_kv', (_, { model }) => perLayer(model.blocks.map(({ state }) => (state === null ? 1 : 0)))],
  [
    'attention.q_lora_rank',
    ({ query }) => whole('down' in query ? (query.down.weight.shape[0] ?? 0) : 0),
    ({ metadata }) => {
      const rank = metadata.optional('attention.q_lora_rank');
      return { q_lora_rank: rank === 0 ? null : rank };
    },
  ],
  ['attention.kv_lora_rank', (attention) => whole(attention.latent), 'kv_lora_rank'],
  ['attention.key_length', (attention) => whole(attention.latent + attention.rotatedDimension)],
  ['attention.value_length', (attention) => whole(attention.latent)],
  [
    'attention.key_length_mla',
    ({ plainDimension, rotatedDimension }) => whole(plainDimension + rotatedDimension),
    ({ metadata }) => {
      const rotated = metadata.number('rope.dimension_count');
      return {
        qk_rope_head_dim: rotated,
        qk_nope_head_dim: metadata.number('attention.key_length_mla') - rotated,
      };
    },
  ],
  ['attention.value_length_mla', ({ valueDimension }) => whole(valueDimension), 'v_head_dim'],
  // The width of what is not rotated in the end.
  [
    'rope.dimension_count',
    ({ rotatedDimension }, written) => (writtenRotary(written) === null ? whole(rotatedDimension) : null),
  ],
  ['attention.temperature_scale', ({ temperature }) => given(temperature, ({ scale }) => real(scale))],
  ['attention.temperature_length', ({ temperature }) => given(temperature, ({ every }) => whole(every))],
  ...indexerKeys<Latent, LatentRecord>(
    ({ indexer }) => indexer,
    (_, { indexer }) => indexer !== undefined,
  ),
  // 1 for layers with an indexer of their own, or 0 for those that take the choice of another.
  [
    'attention.indexer.types',
    ({ indexer }, { model }) => given(indexer, () => integers(model.blocks.map((block) => Number(hasIndexer(block))))),
    ({ metadata, layers }, { indexer }, name) => {
      const types = indexer?.shared === undefined ? null : metadata.raw(name);
      if (types === null || indexer?.shared === undefined) return {};
      if (!Array.isArray(types) || types.length !== layers) throw metadata.bad(name, types, 'a number for each layer');
      return { [indexer.shared.typesKey]: types.map((type) => (type === 1 ? 'full' : 'shared')) };
    },
  ],
];

const hasIndexer = ({ attention }: BlockDescriptor): boolean =>
  attention?.kind === 'latent' && attention.indexer?.own != null;

/** The first indexer of compressed attention. */
const compressedIndexer = ({ model }: Written): Readonly<Record<IndexerSize, number>> =>
  model.blocks.map(({ compressed }) => compressed?.compressor?.indexer ?? null).find((each) => each !== null) ?? {
    heads: 0,
    dimension: 0,
    most: 0,
  };

/** Limit of an activation; 0: none. */
const limitOf = (activation: ExpertActivation | undefined): number =>
  activation?.kind === 'limited' || activation?.kind === 'bounded' ? activation.limit : 0;
export const limits = (
  { model }: Written,
  of: (block: BlockDescriptor) => ExpertActivation | undefined,
): GgufValue => ({
  kind: 'float32s',
  value: model.blocks.map((block) => limitOf(of(block))),
});

/** Compressed attention and hyper-connections, and the layers that choose experts by a table of tokens. */
const compressed: readonly Key<CompressedAttention, CompressedRecord>[] = [
  ['attention.head_count', ({ heads }) => whole(heads), 'num_attention_heads'],
  ['attention.head_count_kv', () => whole(1), () => ({ num_key_value_heads: 1 })],
  ['attention.key_length', ({ headDimension }) => whole(headDimension), 'head_dim'],
  ['attention.value_length', ({ headDimension }) => whole(headDimension)],
  ['attention.q_lora_rank', ({ query }) => whole(query.down.weight.shape[0] ?? 0), 'q_lora_rank'],
  ['attention.sliding_window', (_, { model }) => whole(model.blocks[0]?.window ?? 0), 'sliding_window'],
  ['attention.output_group_count', ({ output }) => whole(output.groups), 'o_groups'],
  ['attention.output_lora_rank', ({ output }) => whole((output.down.shape[0] ?? 0) / output.groups), 'o_lora_rank'],
  [
    'attention.compress_ratios',
    (_, { model }) => integers(model.blocks.map((block) => block.compressed?.compressor?.every ?? 0)),
    ({ metadata, layers }, { ratiosKey }) => ({
      [ratiosKey]: metadata.ofEachLayer('attention.compress_ratios', layers),
    }),
  ],
  // Files of models without an indexer have zeros.
  ...indexerKeys<CompressedAttention, CompressedRecord>(
    (_, written) => compressedIndexer(written),
    ({ metadata }) => metadata.number('attention.indexer.head_count') !== 0,
  ),
  ['hyper_connection.count', (_, { model }) => given(model.hyperHead, ({ count }) => whole(count)), 'hc_mult'],
  [
    'hyper_connection.sinkhorn_iterations',
    (_, { model }) => whole(model.blocks[0]?.hyper?.attention.iterations ?? 0),
    'hc_sinkhorn_iters',
  ],
  ['hyper_connection.epsilon', (_, { model }) => given(model.hyperHead, ({ added }) => real(added)), 'hc_eps'],
  [
    'hash_layer_count',
    (_, { model }) =>
      whole(model.moeLayers.filter(({ moe }) => moe.routing.kind === 'scores' && moe.routing.table !== null).length),
    to((_, { routing }) => (routing.kind === 'scores' ? routing.table?.countKey : null)),
  ],
  ['swiglu_clamp_exp', (_, written) => limits(written, ({ moe }) => moe?.activation)],
  ['swiglu_clamp_shexp', (_, written) => limits(written, ({ moe }) => moe?.shared?.activation)],
  ['expert_shared_count', (_, { model }) => whole(model.moeLayers[0]?.moe.shared?.experts ?? 0)],
];

const rotation: readonly Key<WrittenRotary>[] = [
  // llama.cpp's code for Step 3.7 halves the number for layers without a window.
  [
    'rope.dimension_count',
    ({ dimensions }, { architecture }) => whole((architecture.name === 'step35' ? 2 : 1) * dimensions),
  ],
  ['rope.freq_base', ({ theta }) => real(theta), (file) => rotaryConfig(file)],
  ['rope.dimension_count_swa', ({ windowed }) => given(windowed, ({ dimensions }) => whole(dimensions))],
  ['rope.freq_base_swa', ({ windowed }) => given(windowed, ({ theta }) => real(theta))],
  ['attention.compress_rope_freq_base', ({ compressTheta }) => given(compressTheta, real)],
  ['rope.scaling.type', ({ yarn }) => given(yarn, () => ({ kind: 'string', value: 'yarn' }))],
  ['rope.scaling.factor', ({ yarn }) => given(yarn, ({ factor }) => real(factor))],
  ['rope.scaling.original_context_length', ({ yarn }) => given(yarn, ({ original }) => whole(original))],
  // DeepSeek's architecture divides by the 0.1 again.
  [
    'rope.scaling.yarn_log_multiplier',
    ({ yarn }) => given(yarn?.allDimensions, (multiplier) => real(0.1 * multiplier)),
  ],
];

/** Scaling of angles by a file's keys; null: none. */
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

const rotaryConfig = (file: Opened): Config => {
  const { family, metadata, windowed, factors } = file;
  const { attention, rotary } = family;
  if (attention.kind === 'compressed') {
    const scaling = scalingConfig(metadata);
    return {
      qk_rope_head_dim: metadata.number('rope.dimension_count'),
      rope_theta: metadata.number('rope.freq_base'),
      compress_rope_theta: metadata.number('attention.compress_rope_freq_base'),
      ...(scaling === null ? {} : { rope_scaling: scaling }),
    };
  }
  if (attention.kind === 'latent') {
    const latent = plainRotation(rotary, metadata, metadata.number('rope.dimension_count'), null);
    if (attention.temperature === undefined) return latent;
    const { rope_theta, rope_scaling: scaling } = latent;
    const { scaleKey, everyKey } = attention.temperature;
    return {
      rope_parameters: {
        rope_theta,
        [everyKey]: metadata.number('attention.temperature_length'),
        [scaleKey]: metadata.number('attention.temperature_scale'),
        ...(typeof scaling === 'object' ? scaling : {}),
      },
    };
  }
  const headDimension = keyLength(file, attention);
  const theta = metadata.optional('rope.freq_base') ?? 10000;
  if (rotary.partialsKey !== undefined) {
    // The number of layers without a window is twice as large in a file as llama.cpp uses it.
    const dimensions = metadata.optional('rope.dimension_count') ?? headDimension;
    const whole = partOf(dimensions / 2, headDimension);
    const sliding = partOf(metadata.number('rope.dimension_count_swa'), headDimension);
    const slidingTheta = metadata.number('rope.freq_base_swa');
    return {
      rope_theta: windowed.map((isWindowed) => (isWindowed ? slidingTheta : theta)),
      [rotary.partialsKey]: windowed.map((isWindowed) => (isWindowed ? sliding : whole)),
      ...(factors === null
        ? {}
        : { rope_scaling: { rope_type: 'divided', factors: factors.slice(0, dimensions / 4) } }),
      ...keyed(factors === null ? null : rotary.scaled?.listKey, () => ['full_attention']),
    };
  }
  if (attention.global !== undefined)
    return {
      rope_parameters: {
        full_attention: { rope_theta: theta, ...(factors === null ? {} : { rope_type: 'divided', factors }) },
        sliding_attention: { rope_theta: metadata.number('rope.freq_base_swa'), rope_type: 'default' },
      },
    };
  const plain = plainRotation(rotary, metadata, headDimension, factors);
  if (file.architecture.name !== 'mellum') return plain;
  const { rope_scaling: scaling, ...others } = plain;
  return {
    ...others,
    // Layers with a window are not scaled.
    rope_parameters: {
      full_attention: { rope_theta: theta, ...(typeof scaling === 'object' ? scaling : {}) },
      sliding_attention: { rope_theta: theta, rope_type: 'default' },
    },
  };
};

/** Keys of a rotation that is the same in all layers, but perhaps for its base. */
const plainRotation = (
  { partialKey, dimensionsKey, slidingThetaKey, on }: RotaryRecord,
  metadata: Metadata,
  headDimension: number,
  factors: readonly number[] | null,
): Config => {
  const dimensions = metadata.optional('rope.dimension_count') ?? headDimension;
  if (dimensions !== headDimension && partialKey === null && dimensionsKey === undefined)
    throw metadata.bad('rope.dimension_count', dimensions, `${headDimension}, the size of a head`);
  const scaling = factors === null ? scalingConfig(metadata) : { rope_type: 'divided', factors };
  return {
    rope_theta: metadata.optional('rope.freq_base') ?? 10000,
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

/** Keys of attention and of rotation that a model's file has. */
export const attentionKeys = (written: Written): readonly (readonly [string, GgufValue])[] => {
  const { model } = written;
  const rotary = writtenRotary(written);
  const first = model.blocks.find((block) => block.compressed !== null)?.compressed ?? firstAttention(model);
  return [
    ...(!('kind' in first)
      ? writeKeys(compressed, first, written)
      : first.kind === 'latent'
        ? writeKeys(latent, first, written)
        : writeKeys(grouped, first, written)),
    ...(rotary === null ? [] : writeKeys(rotation, rotary, written)),
  ];
};

/** The config of a file's attention and rotation. */
export const attentionConfig = (file: Opened): Config => {
  const { attention } = file.family;
  const rotary = readKeys(rotation, file, null);
  switch (attention.kind) {
    case 'grouped':
      return { ...readKeys(grouped, file, attention), ...rotary };
    case 'latent':
      return { ...readKeys(latent, file, attention), ...rotary };
    case 'compressed':
      return { ...readKeys(compressed, file, attention), ...rotary };
  }
};
