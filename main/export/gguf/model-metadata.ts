import type {
  BlockDescriptor,
  ExpertActivation,
  IndexerDescriptor,
  ModelDescriptor,
  MoeDescriptor,
} from '../../checkpoint/descriptor.ts';
import { gatings, type LlamaArchitecture } from '../../checkpoint/gguf/llama-architectures.ts';
import { type GgufType, ggufTypes } from '../../contract/export.ts';
import { attentionInterval, firstAttention, leadingDenseLayers } from './architectures.ts';
import type { GgufValue } from './gguf-header.ts';
import { compressedRotaryMetadata, rotaryMetadata } from './llama-rotary.ts';

/** `general.file_type` (llama.h, `enum llama_ftype`). */
const fileTypes: Readonly<Record<GgufType, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q4_1: 3,
  q8_0: 7,
  q5_0: 8,
  q5_1: 9,
  q4_k: 14,
  q6_k: 18,
  bf16: 32,
  mxfp4: 38,
  nvfp4: 39,
};
const QUANTISATION_VERSION = 2;

const whole = (value: number): GgufValue => ({ kind: 'uint32', value });
const real = (value: number): GgufValue => ({ kind: 'float32', value });
const words = (value: string): GgufValue => ({ kind: 'string', value });

/** Type of a file's weights according to its metadata; null: not a type of our exports. */
export const fileType = (value: GgufValue | undefined): GgufType | null =>
  ggufTypes.find((type) => value?.value === fileTypes[type]) ?? null;

/** Metadata of a pruned model without its tokenizer. */
export const modelMetadata = (
  model: ModelDescriptor,
  config: Readonly<Record<string, unknown>>,
  architecture: LlamaArchitecture,
  type: GgufType,
  name: string,
): readonly (readonly [string, GgufValue])[] => {
  const own: readonly (readonly [string, GgufValue])[] = [
    ['context_length', whole(model.maxPositions)],
    ['embedding_length', whole(model.hidden)],
    ['block_count', whole(model.blocks.length)],
    ['vocab_size', whole(model.vocabulary)],
    ['attention.layer_norm_rms_epsilon', real(model.finalNorm.epsilon)],
    ...(architecture.name === 'deepseek4'
      ? [...compressedMetadata(model), ...compressedRotaryMetadata(model, config)]
      : [...attentionMetadata(model, architecture), ...rotaryMetadata(model, config, architecture)]),
    ...stateMetadata(model),
    ...expertMetadata(model, architecture),
    ...multiplierMetadata(model, architecture),
    ...(ownMetadata.get(architecture.name)?.(model) ?? []),
  ];
  return [
    ['general.architecture', words(architecture.name)],
    ['general.type', words('model')],
    ['general.name', words(name)],
    ['general.file_type', whole(fileTypes[type])],
    ['general.quantization_version', whole(QUANTISATION_VERSION)],
    ...own.map(([key, value]) => [`${architecture.name}.${key}`, value] as const),
  ];
};

/** One number, or a list with a number for each layer where they are not the same. */
const perLayer = (values: readonly number[]): GgufValue => {
  const [first = 0] = values;
  return values.every((value) => value === first) ? whole(first) : { kind: 'int32s', value: values };
};

const attentionMetadata = (
  model: ModelDescriptor,
  { windows, rotates, state }: LlamaArchitecture,
): readonly (readonly [string, GgufValue])[] => {
  const attention = firstAttention(model);
  const window = model.blocks.map((block) => block.window).find((each) => each !== null);
  if (attention.kind !== 'latent') {
    const heads = model.blocks.map(({ attention: own }) => own?.heads ?? attention.heads);
    // Layers without heads of keys are those with a state, but for delta nets, which follow a pattern.
    const others = state === 'delta' ? attention.keyValueHeads : 0;
    const keyHeads = model.blocks.map(({ attention: own }) => (own?.kind === 'grouped' ? own.keyValueHeads : others));
    const ofKind = (isWindowed: boolean): typeof attention =>
      model.blocks.flatMap(({ attention: own, window: ownWindow }) =>
        own?.kind === 'grouped' && (ownWindow !== null) === isWindowed ? [own] : [],
      )[0] ?? attention;
    const [plain, windowed] = [ofKind(false), ofKind(true)];
    return [
      ['attention.head_count', perLayer(heads)],
      ['attention.head_count_kv', perLayer(keyHeads)],
      ['attention.key_length', whole(plain.headDimension)],
      ['attention.value_length', whole(plain.valueDimension)],
      ...(window === undefined ? [] : [['attention.sliding_window', whole(window)] as const]),
      ...(windows !== 'stated'
        ? []
        : ([
            ['attention.key_length_swa', whole(windowed.headDimension)],
            ['attention.value_length_swa', whole(windowed.valueDimension)],
            [
              'attention.sliding_window_pattern',
              { kind: 'bools', value: model.blocks.map((block) => block.window !== null) },
            ],
          ] as const)),
      ...(rotates === 'stated'
        ? [
            [
              'rope.scaling.finetuned',
              { kind: 'bool', value: model.blocks.some(({ rotary }) => rotary !== null) },
            ] as const,
          ]
        : []),
    ];
  }
  const { latent, rotatedDimension, plainDimension, valueDimension, query, indexer } = attention;
  const queryRank = 'down' in query ? (query.down.weight.shape[0] ?? 0) : 0;
  // One latent vector represents the keys and values of all heads, which are expanded inside the products.
  return [
    ['attention.head_count', whole(attention.heads)],
    // Layers with a state have none.
    ['attention.head_count_kv', perLayer(model.blocks.map(({ state }) => (state === null ? 1 : 0)))],
    ['attention.q_lora_rank', whole(queryRank)],
    ['attention.kv_lora_rank', whole(latent)],
    ['attention.key_length', whole(latent + rotatedDimension)],
    ['attention.value_length', whole(latent)],
    ['attention.key_length_mla', whole(plainDimension + rotatedDimension)],
    ['attention.value_length_mla', whole(valueDimension)],
    ...(indexer === null ? [] : indexerMetadata(model, indexer)),
  ];
};

/** Sizes of compressed attention and of hyper-connections, and the layers that choose experts by a table of tokens. */
const compressedMetadata = ({
  blocks,
  moeLayers,
  hyperHead,
}: ModelDescriptor): readonly (readonly [string, GgufValue])[] => {
  const all = blocks.flatMap(({ compressed }) => compressed ?? []);
  const [first] = all;
  const indexer = all.map(({ compressor }) => compressor?.indexer ?? null).find((each) => each !== null);
  if (first === undefined || hyperHead === null) throw new Error('a model without compressed attention');
  const { heads, headDimension, query, output } = first;
  const limits = (of: 'moe' | 'shared'): GgufValue => ({
    kind: 'float32s',
    value: blocks.map(({ moe }) => limitOf(of === 'moe' ? moe?.activation : moe?.shared?.activation)),
  });
  return [
    ['attention.head_count', whole(heads)],
    ['attention.head_count_kv', whole(1)],
    ['attention.key_length', whole(headDimension)],
    ['attention.value_length', whole(headDimension)],
    ['attention.q_lora_rank', whole(query.down.weight.shape[0] ?? 0)],
    ['attention.sliding_window', whole(blocks[0]?.window ?? 0)],
    ['attention.output_group_count', whole(output.groups)],
    ['attention.output_lora_rank', whole((output.down.shape[0] ?? 0) / output.groups)],
    [
      'attention.compress_ratios',
      { kind: 'int32s', value: blocks.map((each) => each.compressed?.compressor?.every ?? 0) },
    ],
    ['attention.indexer.head_count', whole(indexer?.heads ?? 0)],
    ['attention.indexer.key_length', whole(indexer?.dimension ?? 0)],
    ['attention.indexer.top_k', whole(indexer?.most ?? 0)],
    ['hyper_connection.count', whole(hyperHead.count)],
    ['hyper_connection.sinkhorn_iterations', whole(blocks[0]?.hyper?.attention.iterations ?? 0)],
    ['hyper_connection.epsilon', real(hyperHead.added)],
    [
      'hash_layer_count',
      whole(moeLayers.filter(({ moe }) => moe.routing.kind === 'scores' && moe.routing.table !== null).length),
    ],
    ['swiglu_clamp_exp', limits('moe')],
    ['swiglu_clamp_shexp', limits('shared')],
    ['expert_shared_count', whole(moeLayers[0]?.moe.shared?.experts ?? 0)],
  ];
};

/** Sizes of indexers, and which layers have one of their own: 1, or 0 for those that take the choice of another. */
const indexerMetadata = (
  { blocks }: ModelDescriptor,
  { heads, dimension, most }: IndexerDescriptor,
): readonly (readonly [string, GgufValue])[] => [
  ['attention.indexer.head_count', whole(heads)],
  ['attention.indexer.key_length', whole(dimension)],
  ['attention.indexer.top_k', whole(most)],
  [
    'attention.indexer.types',
    {
      kind: 'int32s',
      value: blocks.map(({ attention }) => (attention?.kind === 'latent' && attention.indexer?.own != null ? 1 : 0)),
    },
  ],
];

/** Sizes of the operators with a state, all alike. */
const stateMetadata = (model: ModelDescriptor): readonly (readonly [string, GgufValue])[] => {
  const state = model.blocks.map((block) => block.state).find((each) => each !== null) ?? null;
  if (state === null) return [];
  const { kernel } = state.convolution;
  switch (state.kind) {
    case 'convolution':
      return [['shortconv.l_cache', whole(kernel)]];
    case 'delta':
      return [
        ['ssm.conv_kernel', whole(kernel)],
        ['ssm.inner_size', whole(state.valueHeads * state.valueDimension)],
        ['ssm.state_size', whole(state.keyDimension)],
        ['ssm.time_step_rank', whole(state.valueHeads)],
        ['ssm.group_count', whole(state.keyHeads)],
        ['full_attention_interval', whole(attentionInterval(model) ?? 0)],
      ];
    case 'mamba':
      return [
        ['ssm.conv_kernel', whole(kernel)],
        ['ssm.inner_size', whole(state.heads * state.headDimension)],
        ['ssm.state_size', whole(state.stateDimension)],
        ['ssm.time_step_rank', whole(state.heads)],
        ['ssm.group_count', whole(state.groups)],
      ];
    case 'channel-delta':
      return [
        ['ssm.conv_kernel', whole(kernel)],
        ['kda.head_dim', whole(state.dimension)],
        ['kda.safe_gate', { kind: 'bool', value: state.decayBound !== null }],
        ['kda.gate_lower_bound', real(state.decayBound ?? 0)],
      ];
  }
};

const denseWidth = (block: BlockDescriptor | undefined): number => block?.dense?.up.shape[0] ?? 0;

/** Width of the dense networks, or of experts where there are none; in halves of blocks, 0 where there is neither. */
const feedForwardLength = (
  model: ModelDescriptor,
  moe: MoeDescriptor,
  { widthIsExpert }: LlamaArchitecture,
): GgufValue => {
  if (model.blocks.some(({ feedForwardNorm }) => feedForwardNorm === null))
    return perLayer(model.blocks.map((block) => block.moe?.width ?? denseWidth(block)));
  const widths = model.blocks.map(denseWidth).filter((width) => width > 0);
  return widthIsExpert || widths.length === 0 ? whole(moe.width) : perLayer(widths);
};

const expertMetadata = (
  model: ModelDescriptor,
  architecture: LlamaArchitecture,
): readonly (readonly [string, GgufValue])[] => {
  const moe = model.moeLayers[0]?.moe;
  if (moe === undefined) throw new Error('a model without experts');
  return [
    ['expert_count', whole(moe.experts)],
    ['expert_used_count', whole(moe.topK)],
    ['feed_forward_length', feedForwardLength(model, moe, architecture)],
    ...(architecture.widthIsExpert ? [] : [['expert_feed_forward_length', whole(moe.width)] as const]),
    ...(architecture.leadingDense ? [['leading_dense_block_count', whole(leadingDenseLayers(model))] as const] : []),
    ...sharedMetadata(moe, architecture),
    ...routingMetadata(moe, architecture),
  ];
};

const sharedMetadata = (
  { shared }: MoeDescriptor,
  { leadingDense, sharedWidth }: LlamaArchitecture,
): readonly (readonly [string, GgufValue])[] => [
  ...(leadingDense ? [['expert_shared_count', whole(shared?.experts ?? 0)] as const] : []),
  ...(shared === null || (leadingDense && !sharedWidth)
    ? []
    : [['expert_shared_feed_forward_length', whole(shared.up.shape[0] ?? 0)] as const]),
  ...(sharedWidth ? [['interleave_moe_layer_step', whole(1)] as const] : []),
];

const routingMetadata = (
  { routing, latent }: MoeDescriptor,
  { normalises }: LlamaArchitecture,
): readonly (readonly [string, GgufValue])[] => {
  if (routing.kind !== 'scores' || (normalises !== null && routing.score !== 'sigmoid')) return [];
  const { groups } = routing;
  // If all groups are kept, the choice is free, and llama.cpp refuses that setting.
  const limits = groups !== null && groups.kept < groups.count;
  return [
    ['expert_weights_scale', real(routing.scale)],
    ['expert_weights_norm', { kind: 'bool', value: routing.renormalise !== null }],
    ...(latent === null ? [] : [['moe_latent_size', whole(latent.into.weight.shape[0] ?? 0)] as const]),
    ['expert_gating_func', whole(gatings[routing.score])],
    ...(limits
      ? [['expert_group_count', whole(groups.count)] as const, ['expert_group_used_count', whole(groups.kept)] as const]
      : []),
  ];
};

const multiplierMetadata = (
  model: ModelDescriptor,
  { name }: LlamaArchitecture,
): readonly (readonly [string, GgufValue])[] =>
  name === 'granitemoe' || name === 'granitehybrid'
    ? [
        ['attention.scale', real(model.attentionScale)],
        ['embedding_scale', real(model.embeddingMultiplier)],
        ['residual_scale', real(model.residualMultiplier)],
        ['logit_scale', real(model.logitsDivisor)],
      ]
    : [];

/** Limit of an activation; 0: none. */
const limitOf = (activation: ExpertActivation | undefined): number =>
  activation?.kind === 'limited' || activation?.kind === 'bounded' ? activation.limit : 0;

/** Keys of single architectures. */
const ownMetadata: ReadonlyMap<string, (model: ModelDescriptor) => readonly (readonly [string, GgufValue])[]> = new Map(
  [
    // Epsilon of the layers that predict further tokens; a file need not have such layers.
    ['nemotron_h_moe', ({ finalNorm }) => [['attention.layer_norm_epsilon', real(finalNorm.epsilon)]]],
    ['llama4', (model) => [['interleave_moe_layer_step', whole(leadingDenseLayers(model) + 1)]]],
    [
      'step35',
      ({ blocks, moeLayers }) => [
        ['swiglu_clamp_exp', { kind: 'float32s', value: blocks.map(({ moe }) => limitOf(moe?.activation)) }],
        [
          'swiglu_clamp_shexp',
          { kind: 'float32s', value: blocks.map(({ moe, dense }) => limitOf((moe?.shared ?? dense)?.activation)) },
        ],
        ['expert_shared_feed_forward_length', whole(moeLayers[0]?.moe.shared?.up.shape[0] ?? 0)],
      ],
    ],
    [
      'exaone-moe',
      ({ moeLayers }) => [['expert_shared_feed_forward_length', whole(moeLayers[0]?.moe.shared?.up.shape[0] ?? 0)]],
    ],
    // Three axes of positions for images, which are the same in texts.
    [
      'qwen35moe',
      ({ blocks }) => {
        const pairs = (blocks.map(({ rotary }) => rotary).find((rotary) => rotary !== null)?.dimensions ?? 0) / 2;
        // Pairs take the axes in turn.
        const sections = [0, 1, 2].map((axis) => Math.ceil((pairs - axis) / 3));
        return [['rope.dimension_sections', { kind: 'int32s', value: [...sections, 0] }]];
      },
    ],
    [
      'mimo2',
      (model) => {
        const attention = firstAttention(model);
        return attention.kind === 'grouped' ? [['attention.value_scale', real(attention.valueScale)]] : [];
      },
    ],
    [
      'gemma4',
      ({ blocks, tokenInputs, logitsCap }) => [
        ['embedding_length_per_layer_input', whole(tokenInputs?.dimension ?? 0)],
        [
          'attention.shared_kv_layers',
          whole(blocks.filter(({ attention }) => attention?.kind === 'grouped' && attention.key === null).length),
        ],
        // Without this key llama.cpp takes 30; 0: no cap.
        ['final_logit_softcapping', real(logitsCap ?? 0)],
      ],
    ],
  ],
);
