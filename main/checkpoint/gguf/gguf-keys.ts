import { at, given, present } from '../../contract/errors.ts';
import type { Config } from '../config-reader.ts';
import type { BlockDescriptor, ModelDescriptor, MoeDescriptor, ScoreRule, StateDescriptor } from '../descriptor.ts';
import type { Family, OperatorRecord, ScoreRecord } from '../families/family.ts';
import { attentionConfig, attentionKeys, limits, windowedLayers } from './attention-keys.ts';
import { type GgufValue, type Metadata, refusal } from './gguf-metadata.ts';
import {
  flag,
  hasTensor,
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
import {
  attentionInterval,
  firstAttention,
  gatings,
  leadingDenseLayers,
  type LlamaArchitecture,
  LLAMA4,
} from './llama-architectures.ts';
import { deepstackLayers, imageSections } from './llama-rotary.ts';
import type { GgufContents } from './read-gguf.ts';
import { groupedNames, layerNames, modelNames, moeNames } from './tensor-names.ts';

/** A tensor of a layer. */
const ofLayer = (layer: number, name: string): string => `blk.${layer}.${name}`;

/** The epsilon of norms of a kind. */
const epsilonKey = (name: string, kind: ModelDescriptor['finalNorm']['kind']): Key<ModelDescriptor> => [
  name,
  ({ finalNorm }) => (finalNorm.kind === kind ? real(finalNorm.epsilon) : null),
  to((_, { norm }) => (norm.startsWith(kind) ? 'rms_norm_eps' : null)),
];

const general: readonly Key<ModelDescriptor>[] = [
  ['context_length', ({ maxPositions }) => whole(maxPositions), 'max_position_embeddings'],
  ['embedding_length', ({ hidden }) => whole(hidden), 'hidden_size'],
  ['block_count', ({ blocks }) => whole(blocks.length), 'num_hidden_layers'],
  [
    'vocab_size',
    ({ vocabulary }) => whole(vocabulary),
    ({ contents: { tensors, file } }) => {
      // Not all files have the key.
      const { embedding } = modelNames;
      const rows = tensors.find(({ name }) => name === embedding)?.shape[0];
      if (rows === undefined) throw refusal(file, `tensor "${embedding}" is missing`);
      return { vocab_size: rows };
    },
  ],
  epsilonKey('attention.layer_norm_rms_epsilon', 'rms'),
  epsilonKey('attention.layer_norm_epsilon', 'layer'),
];

type StateOf<Kind> = Extract<StateDescriptor, { kind: Kind }>;
type RecordOf<Kind> = Extract<OperatorRecord, { kind: Kind }>;

/** Operators with a state by their kind, all alike in a model. */
const operators: {
  readonly [Kind in StateDescriptor['kind']]: readonly Key<StateOf<Kind>, RecordOf<Kind>>[];
} = {
  convolution: [
    ['shortconv.l_cache', ({ convolution }) => whole(convolution.kernel), to(({ kernelKey }) => kernelKey)],
  ],
  delta: [
    ['ssm.conv_kernel', ({ convolution }) => whole(convolution.kernel), 'linear_conv_kernel_dim'],
    [
      'ssm.inner_size',
      ({ valueHeads, valueDimension }) => whole(valueHeads * valueDimension),
      ({ metadata }, _, name) => ({
        linear_value_head_dim: metadata.number(name) / metadata.number('ssm.time_step_rank'),
      }),
    ],
    ['ssm.state_size', ({ keyDimension }) => whole(keyDimension), 'linear_key_head_dim'],
    ['ssm.time_step_rank', ({ valueHeads }) => whole(valueHeads), 'linear_num_value_heads'],
    ['ssm.group_count', ({ keyHeads }) => whole(keyHeads), 'linear_num_key_heads'],
    [
      'full_attention_interval',
      (_, { model }) => whole(attentionInterval(model) ?? 0),
      to((_, { state }) => state?.everyKey),
    ],
  ],
  'channel-delta': [
    ['ssm.conv_kernel', ({ convolution }) => whole(convolution.kernel), to(({ keys }) => keys.kernel)],
    ['kda.head_dim', ({ dimension }) => whole(dimension), to(({ keys }) => keys.dimension)],
    [
      'kda.safe_gate',
      ({ decayBound }) => flag(decayBound !== null),
      ({ metadata }, { keys, isLowRank }, name) => ({ [keys.bounded]: metadata.raw(name) ?? isLowRank !== true }),
    ],
    ['kda.gate_lower_bound', ({ decayBound }) => given(decayBound, real), to(({ keys }) => keys.bound, null)],
  ],
  mamba: [
    ['ssm.conv_kernel', ({ convolution }) => whole(convolution.kernel), to(({ keys }) => keys.kernel)],
    [
      'ssm.inner_size',
      ({ heads, headDimension }) => whole(heads * headDimension),
      ({ metadata }, { keys }, name) => ({
        [keys.headDimension]: metadata.number(name) / metadata.number('ssm.time_step_rank'),
      }),
    ],
    ['ssm.state_size', ({ stateDimension }) => whole(stateDimension), to(({ keys }) => keys.stateDimension)],
    ['ssm.time_step_rank', ({ heads }) => whole(heads), to(({ keys }) => keys.heads)],
    ['ssm.group_count', ({ groups }) => whole(groups), to(({ keys }) => keys.groups)],
  ],
  'mamba-1': [
    ['ssm.conv_kernel', ({ convolution }) => whole(convolution.kernel), to(({ keys }) => keys.kernel)],
    [
      'ssm.inner_size',
      ({ channels }) => whole(channels),
      ({ metadata }, { keys }, name) => ({
        [keys.expand]: metadata.number(name) / metadata.number('embedding_length'),
      }),
    ],
    ['ssm.state_size', ({ stateDimension }) => whole(stateDimension), to(({ keys }) => keys.stateDimension)],
    ['ssm.time_step_rank', ({ step }) => whole(at(step.weight.shape, 1)), to(({ keys }) => keys.rank)],
  ],
  lightning: [
    [
      'attention.recurrent_layers',
      (_, { model }) => ({ kind: 'bools', value: model.blocks.map(({ state }) => state !== null) }),
    ],
  ],
};

/** The kind of each layer: layers without heads of keys have a state; and what files have in any case. */
const stateConfig = (file: Opened): Config => {
  const { family, metadata, layers } = file;
  const { state, halves } = family;
  if (state === undefined) return {};
  const { operator, words, attentionWords } = state;
  if (operator.kind === 'delta') return {};
  if (operator.kind === 'lightning') {
    const key = 'attention.recurrent_layers';
    const recurrent = metadata.flags(key, layers);
    if (recurrent === null) throw metadata.bad(key, null, 'a list');
    return { layer_types: recurrent.map((isRecurrent) => (isRecurrent ? words[0] : attentionWords[0])) };
  }
  const types = metadata.ofEachLayer('attention.head_count_kv', layers).map((count, layer) => {
    if (halves !== undefined && hasTensor(file, ofLayer(layer, moeNames.experts.up))) return halves.experts[0];
    if (halves !== undefined && hasTensor(file, ofLayer(layer, layerNames.dense.up))) return halves.dense[0];
    return count === 0 ? words[0] : attentionWords[0];
  });
  return {
    [halves?.listKey ?? 'layer_types']: types,
    ...(operator.kind === 'channel-delta' ? { [operator.keys.heads]: metadata.number('attention.head_count') } : {}),
    // Files have a bias of Mamba's convolution in any case, and none of projections.
    ...(operator.kind === 'mamba' || operator.kind === 'mamba-1'
      ? { [operator.keys.convolutionBias]: true, [operator.keys.bias]: false }
      : {}),
  };
};

/** The family's rule of routing: other routers are refused before their keys are read. */
const scoreRecord = ({ routing }: Family): ScoreRecord => {
  if (routing.kind !== 'scores') throw new Error('a router that is not read');
  return routing;
};

const scoresOf = ({ routing }: MoeDescriptor): ScoreRule | null => (routing.kind === 'scores' ? routing : null);

/** The rule of routing, where a file states its scale, its norm and its groups. */
const statedRule = (moe: MoeDescriptor, { architecture }: Written): ScoreRule | null => {
  const rule = scoresOf(moe);
  return rule !== null && (architecture.normalises === null || rule.score === 'sigmoid') ? rule : null;
};

/** Groups of experts. If all of them are kept, the choice is free, and llama.cpp refuses that setting. */
const limitedGroups = (moe: MoeDescriptor, written: Written): ScoreRule['groups'] => {
  const groups = statedRule(moe, written)?.groups ?? null;
  return groups !== null && groups.kept < groups.count ? groups : null;
};

const denseWidth = (block: BlockDescriptor): number => block.dense?.up.shape[0] ?? 0;

const experts: readonly Key<MoeDescriptor>[] = [
  ['expert_count', (moe) => whole(moe.experts), to((_, { keys }) => keys.experts[0])],
  ['expert_used_count', ({ topK }) => whole(topK), to((_, { keys }) => keys.topK)],
  // Width of the dense networks, or of experts where there are none; in halves of blocks, 0 where there is neither.
  [
    'feed_forward_length',
    (moe, { model: { blocks }, architecture }) => {
      if (blocks.some(({ moe: layerMoe, dense }) => layerMoe === null && dense === null))
        return perLayer(blocks.map((block) => block.moe?.width ?? denseWidth(block)));
      const widths = blocks.map(denseWidth).filter((width) => width > 0);
      return architecture.widthIsExpert || widths.length === 0 ? whole(moe.width) : perLayer(widths);
    },
    (file) => denseConfig(file),
  ],
  [
    'expert_feed_forward_length',
    ({ width }, { architecture }) => (architecture.widthIsExpert ? null : whole(width)),
    ({ family, architecture, metadata }) => ({
      [family.keys.expertWidth]:
        (architecture.widthIsExpert ? null : metadata.optional('expert_feed_forward_length')) ??
        metadata.number('feed_forward_length'),
    }),
  ],
  [
    'leading_dense_block_count',
    (_, { model, architecture }) => (architecture.leadingDense ? whole(leadingDenseLayers(model)) : null),
  ],
  [
    'expert_shared_count',
    ({ shared }, { architecture }) => (architecture.leadingDense ? whole(shared?.experts ?? 0) : null),
    ({ family: { shared }, contents: { tensors }, metadata }) => {
      if (shared === null) return {};
      const rows = tensors.find(({ name }) => name.endsWith(`.${moeNames.shared.up}`))?.shape[0] ?? 0;
      return shared.countKey === null
        ? { [shared.widthKey]: rows }
        : { [shared.countKey]: rows === 0 ? 0 : rows / metadata.number('expert_feed_forward_length') };
    },
  ],
  [
    'expert_shared_feed_forward_length',
    ({ shared }, { architecture: { leadingDense, sharedWidth } }) =>
      leadingDense && !sharedWidth ? null : given(shared, ({ up }) => whole(up.shape[0] ?? 0)),
  ],
  ['interleave_moe_layer_step', (_, { architecture }) => (architecture.sharedWidth ? whole(1) : null)],
  [
    'expert_weights_scale',
    (moe, written) => given(statedRule(moe, written), ({ scale }) => real(scale)),
    to((_, family) => scoreRecord(family).scaleKey, 1),
  ],
  [
    'expert_weights_norm',
    (moe, written) => given(statedRule(moe, written), ({ renormalise }) => flag(renormalise !== null)),
    ({ family, architecture, metadata }, _, name) => {
      const norm = architecture.normalises ?? metadata.raw(name) ?? false;
      return { norm_topk_prob: norm, ...keyed(scoreRecord(family).renormalise?.when, () => norm) };
    },
  ],
  [
    'moe_latent_size',
    (moe, written) =>
      statedRule(moe, written) === null ? null : given(moe.latent, ({ into }) => whole(into.weight.shape[0] ?? 0)),
    to((_, { latent: record }) => record?.sizeKey, null),
  ],
  [
    'expert_gating_func',
    (moe, written) => given(statedRule(moe, written), ({ score }) => whole(gatings[score])),
    ({ family, architecture, metadata }, _, name) => {
      const gating = metadata.optional(name) ?? 0;
      const wanted = gatings[scoreRecord(family).score];
      if (gating !== 0 && gating !== wanted && architecture.normalises === null)
        throw metadata.bad(name, gating, `${wanted}, that of the family`);
      return {};
    },
  ],
  [
    'expert_group_count',
    (moe, written) => given(limitedGroups(moe, written), ({ count }) => whole(count)),
    to((_, family) => scoreRecord(family).groups?.countKey, 1),
  ],
  [
    'expert_group_used_count',
    (moe, written) => given(limitedGroups(moe, written), ({ kept }) => whole(kept)),
    ({ family, metadata }, _, name) =>
      keyed(
        scoreRecord(family).groups?.keptKey,
        () => metadata.optional(name) ?? metadata.optional('expert_group_count') ?? 1,
      ),
  ],
];

const denseConfig = (file: Opened): Config => {
  const {
    family: { dense },
    metadata,
    layers,
  } = file;
  // Layers that are dense alone, in a family of halves, are not written.
  if (dense === null || dense.rule.kind === 'half') return {};
  const { rule } = dense;
  const leading = metadata.optional('leading_dense_block_count') ?? 0;
  const widths = metadata.ofEachLayer('feed_forward_length', layers);
  const isDoubled = new Set(widths).size === 2;
  const width = {
    [dense.widthKey]: widths[0],
    ...keyed(dense.doubled, () => isDoubled),
  };
  if (isDoubled && dense.doubled === undefined) metadata.number('feed_forward_length');
  switch (rule.kind) {
    case 'enumerated':
      return {
        ...width,
        [rule.key]: Array.from({ length: layers - leading }, (_, layer) => String(leading + layer)).join(','),
      };
    case 'unlisted':
      return { ...width, [rule.everyKey]: metadata.number('interleave_moe_layer_step') };
    case 'first':
      return { ...width, [rule.key]: leading };
    case 'interval':
      return { ...width, [rule.fromKey]: leading, [rule.everyKey]: 1 };
    case 'all-but': {
      const [first = 0, second = layers] = Array.from({ length: layers }, (_, layer) => layer).filter((layer) =>
        hasTensor(file, ofLayer(layer, moeNames.router)),
      );
      return { ...width, [rule.firstKey]: first, [rule.everyKey]: second - first };
    }
    case 'beside':
      // The experts are there.
      return { ...width, enable_moe_block: true };
    case 'pairs':
    case 'sparse-step':
      return width;
  }
};

/** A key that single architectures have. */
const only =
  (names: readonly string[], write: (written: Written) => GgufValue | null): Key[1] =>
  (_, written) =>
    names.includes(written.architecture.name) ? write(written) : null;

/** Granite's factors; llama.cpp divides logits by the last. */
const multiplier = (
  key: string,
  of: keyof NonNullable<Family['multipliers']>,
  value: (model: ModelDescriptor) => number,
): Key => [
  key,
  only(['granitemoe', 'granitehybrid'], ({ model }) => real(value(model))),
  to((_, { multipliers }) => multipliers?.[of]),
];

const single: readonly Key[] = [
  multiplier('attention.scale', 'attention', ({ attentionScale }) => attentionScale),
  multiplier('embedding_scale', 'embedding', ({ embeddingMultiplier }) => embeddingMultiplier),
  multiplier('residual_scale', 'residual', ({ residualMultiplier }) => residualMultiplier),
  multiplier('logit_scale', 'logits', ({ logitsDivisor }) => logitsDivisor),
  [
    'logit_scale',
    only(['cohere2moe'], ({ model }) => real(1 / model.logitsDivisor)),
    to((_, { logitsScaleKey }) => logitsScaleKey),
  ],
  [
    'residual_scale',
    only(['minimax-01'], ({ model }) => given(model.blocks[0]?.keepsNormed?.attention, real)),
    ({ family: { keepsNormed }, metadata }, _, name) =>
      keepsNormed === undefined
        ? {}
        : Object.fromEntries(Object.values(keepsNormed).map((key) => [key, metadata.number(name)])),
  ],
  // Epsilon of the layers that predict further tokens; a file need not have such layers.
  ['attention.layer_norm_epsilon', only(['nemotron_h_moe'], ({ model }) => real(model.finalNorm.epsilon))],
  ['interleave_moe_layer_step', only(['llama4'], ({ model }) => whole(leadingDenseLayers(model) + 1))],
  [
    'swiglu_clamp_exp',
    only(['step35'], (written) => limits(written, ({ moe }) => moe?.activation)),
    ({ family: { activation }, metadata }, _, name) =>
      activation.kind === 'bounded'
        ? { [activation.limitKey]: metadata.number(name) }
        : keyed(activation.kind === 'limited' ? activation.limitsKey : null, () => metadata.raw(name)),
  ],
  [
    'swiglu_clamp_shexp',
    only(['step35'], (written) => limits(written, ({ moe, dense }) => (moe?.shared ?? dense)?.activation)),
    ({ family: { activation }, metadata }, _, name) =>
      keyed(activation.kind === 'limited' ? activation.denseLimitsKey : null, () => metadata.raw(name)),
  ],
  [
    'expert_shared_feed_forward_length',
    only(['step35', 'exaone-moe', 'hy_v3'], ({ model }) => whole(model.moeLayers[0]?.moe.shared?.up.shape[0] ?? 0)),
  ],
  // Pairs of the three axes of positions of images, which are the same in texts.
  [
    'rope.dimension_sections',
    only(['qwen35moe', 'qwen3vlmoe', 'glm4moe'], ({ model, config, architecture }) => {
      const pairs = (model.blocks.find(({ rotary }) => rotary !== null)?.rotary?.dimensions ?? 0) / 2;
      const stated = imageSections(model, config);
      // Only sections of all pairs: llama.cpp ends with an error at others.
      if (stated?.reduce((sum, each) => sum + each, 0) === pairs) return integers(stated);
      if (architecture.name === 'glm4moe') return null;
      // Pairs take the axes in turn.
      return integers([...[0, 1, 2].map((axis) => Math.ceil((pairs - axis) / 3)), 0]);
    }),
  ],
  // How many layers take what a vision tower adds: of use to a file of that tower.
  ['n_deepstack_layers', only(['qwen3vlmoe'], ({ config }) => given(deepstackLayers(config), whole))],
  [
    'attention.value_scale',
    only(['mimo2'], ({ model }) => {
      const attention = firstAttention(model);
      return attention.kind === 'grouped' ? real(attention.valueScale) : null;
    }),
    to((_, { attention }) => (attention.kind === 'grouped' ? attention.valueScaleKey : null), 1),
  ],
  [
    'embedding_length_per_layer_input',
    only(['gemma4'], ({ model }) => whole(model.tokenInputs?.dimension ?? 0)),
    to((_, { names }) => names.tokenInputs?.sizeKey, 0),
  ],
  [
    'attention.shared_kv_layers',
    only(['gemma4'], ({ model: { blocks } }) =>
      whole(blocks.filter(({ attention }) => attention?.kind === 'grouped' && attention.key === null).length),
    ),
    (file) => {
      const { family, metadata, windowed } = file;
      if (family.attention.kind !== 'grouped') return {};
      const { sharedLayersKey, global } = family.attention;
      const sharing = sharedLayersKey === undefined ? 0 : (metadata.optional('attention.shared_kv_layers') ?? 0);
      return {
        ...keyed(sharedLayersKey, () => sharing),
        ...keyed(global?.keysAreValues, () =>
          windowed.some(
            (isWindowed, layer) =>
              !isWindowed && layer < windowed.length - sharing && !hasTensor(file, ofLayer(layer, groupedNames.value)),
          ),
        ),
      };
    },
  ],
  // Without this key llama.cpp takes 30; 0: no cap.
  [
    'final_logit_softcapping',
    only(['gemma4'], ({ model }) => real(model.logitsCap ?? 0)),
    to((_, { logitsCapKey }) => logitsCapKey, null),
  ],
];

/** What a family needs beyond keys: what llama.cpp fixes, and what follows from the tensors. */
const fixedConfig = (file: Opened): Config => {
  const { family, architecture, metadata, windowed } = file;
  const { attention, window } = family;
  const { plainNorm, temperature } = attention.kind === 'grouped' ? attention : {};
  return {
    model_type: family.modelType,
    tie_word_embeddings: !hasTensor(file, modelNames.head) && architecture.sharesEmbedding,
    ...(window.kind === 'types'
      ? {
          [window.key]: metadata.optional('attention.sliding_window'),
          layer_types: windowed.map((isWindowed) => (isWindowed ? 'sliding_attention' : 'full_attention')),
        }
      : {}),
    ...(window.kind === 'chunks' ? { [window.key]: LLAMA4.chunk } : {}),
    ...keyed(family.embeddingRoot, () => true),
    ...keyed(plainNorm?.when, () => metadata.number('expert_count') !== LLAMA4.experts),
    ...(temperature === undefined
      ? {}
      : {
          ...keyed(temperature.when, () => true),
          [temperature.scaleKey]: LLAMA4.scale,
          [temperature.everyKey]: LLAMA4.every,
        }),
  };
};

/** The keys of a model's file behind its architecture's name, in their order. */
export const modelKeys = (written: Written): readonly (readonly [string, GgufValue])[] => {
  const { model } = written;
  const moe = present(model.moeLayers[0]?.moe, 'a model without experts');
  const state = model.blocks.find((block) => block.state !== null)?.state ?? null;
  return [
    ...writeKeys(general, model, written),
    ...attentionKeys(written),
    ...(state === null
      ? []
      : writeKeys(operators[state.kind] as readonly Key<StateDescriptor, never>[], state, written)),
    ...writeKeys(experts, moe, written),
    ...writeKeys(single, null, written),
  ];
};

/**
 * The config that a file's metadata state, with the keys of the family.
 *
 * @throws WorkbenchError `gguf-model-unknown`.
 */
export const configOf = (
  family: Family,
  architecture: LlamaArchitecture,
  metadata: Metadata,
  contents: GgufContents,
  factors: readonly number[] | null,
): Config => {
  const layers = metadata.number('block_count');
  const windowed = windowedLayers(architecture, metadata, layers);
  const file: Opened = { family, architecture, metadata, contents, factors, layers, windowed };
  const operator = family.state?.operator;
  const config: Config = {
    ...readKeys(general, file, null),
    ...attentionConfig(file),
    ...fixedConfig(file),
    ...(operator === undefined
      ? {}
      : readKeys(operators[operator.kind] as readonly Key<never, OperatorRecord>[], file, operator)),
    ...stateConfig(file),
    ...readKeys(experts, file, null),
    ...readKeys(single, file, null),
  };
  return { ...agreeing(family, config), ...config, ...unstated(family) };
};

/** Keys that a file does not have: values that the family must have, and those that equal what the file states. */
const agreeing = ({ required, rotary }: Family, config: Config): Config =>
  Object.fromEntries(
    required.flatMap((each): readonly (readonly [string, unknown])[] => {
      // A list has its own default.
      if ('values' in each) return each.key === rotary.scaled?.listKey ? [] : [[each.key, each.values[0]]];
      if ('sum' in each) return [];
      if (each.key in config) return [[each.equals, config[each.key]]];
      return each.equals in config ? [[each.key, config[each.equals]]] : [];
    }),
  );

/** Where the family computes the width of heads, shapes show whether the file's is the same. */
const unstated = ({ required }: Family): Config =>
  required.some((each) => each.key === 'head_dim' && 'values' in each && each.values.includes(null))
    ? { head_dim: null }
    : {};
