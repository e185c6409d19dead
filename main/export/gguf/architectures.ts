import type { AttentionDescriptor, BlockDescriptor, ModelDescriptor } from '../../checkpoint/descriptor.ts';
import {
  attentionInterval,
  firstAttention,
  leadingDenseLayers,
  LLAMA4,
  type LlamaArchitecture,
  llamaArchitectures,
  patternHas,
} from '../../checkpoint/gguf/llama-architectures.ts';
import { compressedRotaryProblems, rotaryProblems, writtenRotary } from '../../checkpoint/gguf/llama-rotary.ts';
import { correctionOf } from '../../checkpoint/routing.ts';
import { refuse } from '../../contract/errors.ts';

type Config = Readonly<Record<string, unknown>>;

/** Constants of llama.cpp's clamped activation. */
const CLAMP = { limit: 7, alpha: 1.702 } as const;
const MAX_EXPERTS = 1024;
/** The least sum by which llama.cpp divides weights: the smallest normal number of float16. */
const LEAST_SUM = 2 ** -14;

/** Architectures that require shared experts. */
const needShared: readonly string[] = [
  'deepseek2',
  'deepseek32',
  'glm-dsa',
  'bailingmoe3',
  'nemotron_h_moe',
  'qwen3next',
  'exaone-moe',
  'llama4',
  'hy_v3',
  'deepseek',
  'bailingmoe',
  'bailingmoe2',
];

/** Architectures with dense layers at any place. */
const denseAnywhere: readonly string[] = ['llama4', 'jamba'];

/** Families without an entry, each with the reason. */
export const familyReasons: ReadonlyMap<string, string> = new Map([
  [
    'phimoe',
    'llama.cpp weights the experts of PhiMoE by a plain softmax and norms without means, while the model has ' +
      'SparseMixer and layer norms: log-probabilities differed by 4',
  ],
  ['longcat_flash', 'llama.cpp has no architecture for LongCat-Flash'],
  ['flex_olmo', 'llama.cpp has no architecture for FlexOlmo'],
]);

/**
 * The architecture as which llama.cpp runs a model. Refuses models that it would compute differently, with one sentence
 * per reason.
 *
 * @throws WorkbenchError `not-for-llama-cpp`.
 */
export const llamaArchitecture = (model: ModelDescriptor, config: Config): LlamaArchitecture => {
  const architecture = llamaArchitectures.get(model.family);
  if (architecture === undefined)
    throw refusal([familyReasons.get(model.family) ?? `llama.cpp has no architecture for ${model.family}`]);
  if (model.blocks.every(({ attention, compressed }) => attention === null && compressed === null))
    throw refusal(['none of its layers has attention']);
  const problems = [
    ...layerProblems(model, architecture),
    ...routingProblems(model, architecture),
    ...attentionProblems(model, architecture),
    ...stateProblems(model, architecture),
    ...(ownProblems.get(architecture.name)?.(model, config) ?? []),
    ...(architecture.name === 'deepseek4' ? [] : rotaryProblems(model, config, architecture)),
    ...storageProblems(model),
  ];
  if (problems.length > 0) throw refusal([...new Set(problems)]);
  return architecture;
};

/** Sentences about what a file has not, or what llama.cpp computes a little differently on a processor. */
export const architectureWarnings = (model: ModelDescriptor, { name }: LlamaArchitecture): readonly string[] => {
  const { blocks, moeLayers, carriedTensors, finalNorm } = model;
  const inner = latentEpsilons(model).filter((epsilon) => epsilon !== finalNorm.epsilon);
  const limits = blocks.flatMap(({ state }) =>
    state?.kind === 'mamba' && state.stepLimits[0] > 0 ? state.stepLimits : [],
  );
  return [
    ...(carriedTensors.length === 0 ? [] : ['The file has the text model alone, without its vision tower.']),
    ...inner.map(
      (epsilon) =>
        `llama.cpp norms the latents of attention with epsilon ${String(finalNorm.epsilon)} instead of ` +
        `${String(epsilon)}: log-probabilities differ by some hundred-thousandths.`,
    ),
    ...(moeLayers.some(({ moe }) => moe.activation.kind === 'gelu')
      ? [
          `llama.cpp's ${name} rounds inputs and results of GELU to float16 on a processor: log-probabilities differ ` +
            'by a few thousandths.',
        ]
      : []),
    ...(limits[0] === undefined
      ? []
      : [
          `Steps of the state are at least ${String(limits[0])} in the model, but not in llama.cpp: tokens with ` +
            'smaller ones differ.',
        ]),
  ];
};

const refusal = (problems: readonly string[]): Error =>
  refuse(
    'not-for-llama-cpp',
    `A GGUF file of this model would not compute the same as the model: ${problems.join('; ')}.`,
    'Export it as hf or onnx, which are proven equal.',
  );

const layerProblems = (model: ModelDescriptor, architecture: LlamaArchitecture): string[] => {
  const { name, leadingDense, windows, rotates } = architecture;
  const problems: string[] = [];
  const dense = model.blocks.flatMap(({ moe, dense: width }, block) => (moe === null && width !== null ? [block] : []));
  const allowed = leadingDense ? leadingDenseLayers(model) : 0;
  if (dense.length > allowed && !denseAnywhere.includes(name))
    problems.push(
      `layer ${String(dense[allowed])} has no experts, but llama.cpp's ${name} requires them in every layer` +
        (leadingDense ? ' after the first ones' : ''),
    );
  const odd = model.blocks.findIndex(({ window }, block) => {
    const has = patternHas(windows, block, window !== null);
    return has !== null && has !== (window !== null);
  });
  if (odd !== -1)
    problems.push(
      `layer ${String(odd)} has ${windowWords(model.blocks[odd])}, which llama.cpp's ${name} does not compute`,
    );
  const turned = model.blocks.findIndex(({ attention, rotary, window }, block) => {
    if (attention === null) return false;
    const has = patternHas(rotates, block, window !== null);
    return has !== null && has !== (rotary !== null);
  });
  if (turned !== -1) {
    const rotation = model.blocks[turned]?.rotary === null ? 'no rotary embedding' : 'a rotary embedding';
    problems.push(`layer ${String(turned)} has ${rotation}, which llama.cpp's ${name} does otherwise`);
  }
  if (windows !== 'none' && new Set(model.blocks.flatMap(({ window }) => window ?? [])).size > 1)
    problems.push('its layers have windows of different lengths');
  return problems;
};

const windowWords = (block: BlockDescriptor | undefined): string =>
  block?.window === null || block === undefined ? 'no sliding window' : `a sliding window of ${String(block.window)}`;

const routingProblems = (
  { moeLayers }: ModelDescriptor,
  { name, normalises, groups, leadingDense }: LlamaArchitecture,
): string[] => {
  const problems = new Set<string>();
  for (const { moe } of moeLayers) {
    const { routing, activation, experts, topK } = moe;
    if (experts > MAX_EXPERTS)
      problems.add(`it has ${String(experts)} experts, but llama.cpp supports at most ${String(MAX_EXPERTS)}`);
    if (topK > experts) problems.add(`top-${String(topK)} exceeds its ${String(experts)} experts`);
    const softmax = routing.kind === 'scores' && routing.score === 'softmax' ? routing : null;
    const isNormal = softmax !== null && softmax.renormalise !== null;
    if (softmax !== null && normalises !== null && isNormal !== normalises)
      problems.add(
        `norm_topk_prob is ${String(isNormal)}, but llama.cpp's ${name} always computes ${String(normalises)}`,
      );
    // Sigmoids are divided by their sum, too, unless a key of the architecture decides.
    if (routing.kind === 'scores' && routing.score === 'sigmoid' && normalises === true && routing.renormalise === null)
      problems.add(`norm_topk_prob is false, but llama.cpp's ${name} always computes true`);
    if (softmax !== null && !leadingDense && softmax.scale !== 1)
      problems.add(`chosen weights are scaled by ${String(softmax.scale)}`);
    const floor = routing.kind === 'scores' && routing.renormalise?.as === 'floor' ? routing.renormalise.epsilon : 0;
    if (floor > LEAST_SUM)
      problems.add(`weights are divided by at least ${String(floor)}, which llama.cpp does not do`);
    if (routing.kind === 'scores' && routing.groups !== null && !groups)
      problems.add(
        `experts are chosen within ${String(routing.groups.kept)} of ${String(routing.groups.count)} groups, ` +
          `which llama.cpp's ${name} does differently`,
      );
    if (activation.kind === 'clamped' && (activation.limit !== CLAMP.limit || activation.alpha !== CLAMP.alpha))
      problems.add(
        `swiglu_limit ${String(activation.limit)} and swiglu_alpha ${String(activation.alpha)} are not llama.cpp's ` +
          `${String(CLAMP.limit)} and ${String(CLAMP.alpha)}`,
      );
    if (needShared.includes(name) && moe.shared === null) problems.add('it has no shared experts');
  }
  return [...problems];
};

const hasBias = ({ query, keyValueDown, output }: Extract<AttentionDescriptor, { kind: 'latent' }>): boolean =>
  [...('down' in query ? [query.down] : []), keyValueDown, output].some(({ bias }) => bias !== null);

const attentionProblems = (model: ModelDescriptor, architecture: LlamaArchitecture): string[] => {
  const { name, biases, squareAttention, ungroupedHeads, clips } = architecture;
  const problems = new Set<string>();
  if (model.headBias !== null) problems.add('its head has a bias');
  const first = squareAttention ? firstAttention(model) : null;
  if (first?.kind === 'grouped' && first.heads * first.headDimension !== model.hidden)
    problems.add(
      `${String(first.heads)} heads of ${String(first.headDimension)} are not hidden_size ` +
        `${String(model.hidden)}, as llama.cpp's ${name} requires`,
    );
  const epsilons = new Set([model.finalNorm.epsilon, ...model.blocks.flatMap(epsilonsOf)]);
  const latents = latentEpsilons(model).filter((epsilon) => Math.abs(epsilon - model.finalNorm.epsilon) > LATENT_SLACK);
  for (const epsilon of latents) epsilons.add(epsilon);
  if (epsilons.size > 1)
    problems.add(`its norms have the epsilons ${[...epsilons].join(' and ')}, but llama.cpp supports only one`);
  for (const { attention, dense, moe } of model.blocks) {
    if (
      [dense, moe?.shared].some((network) => network?.upBias !== undefined) ||
      (moe?.latent ?? null)?.into.bias != null
    )
      problems.add(`its networks beside the experts have biases, which llama.cpp's ${name} ignores`);
    if (attention?.kind === 'latent' && hasBias(attention))
      problems.add(`its attention has biases, which llama.cpp's ${name} ignores`);
    if (attention?.kind !== 'grouped') continue;
    if (attention.shared !== null && name !== 'gemma4')
      problems.add(`its blocks share keys, which llama.cpp's ${name} does not`);
    if (ungroupedHeads && attention.keyValueHeads !== attention.heads)
      problems.add(
        `it has ${String(attention.keyValueHeads)} key/value heads for ${String(attention.heads)} heads, but ` +
          `llama.cpp's ${name} opens only files with as many`,
      );
    if (attention.clip !== null && !clips)
      problems.add(`clip_qkv is ${String(attention.clip)}, but llama.cpp's ${name} does not clip`);
    const inputs = attention.query.bias !== null;
    const output = attention.output.bias !== null;
    if (inputs && biases === 'none') problems.add(`its attention has biases, which llama.cpp's ${name} ignores`);
    if (!inputs && (biases === 'query-key-value' || biases === 'all'))
      problems.add(`its attention has no biases, but llama.cpp's ${name} is proven only with them`);
    if (output !== (biases === 'all')) problems.add(`its attention has ${output ? 'a' : 'no'} bias on its output`);
  }
  return [...problems];
};

/** Conditions on the operators with a state, where the architecture has them. */
const stateProblems = (model: ModelDescriptor, { name }: LlamaArchitecture): string[] => {
  const problems = new Set<string>();
  for (const { state } of model.blocks) {
    if (state === null) continue;
    const input = 'input' in state && 'weight' in state.input ? [state.input] : [];
    if ([...input, state.output].some(({ bias }) => bias !== null))
      problems.add(`the projections around its states have biases, which llama.cpp's ${name} ignores`);
    if (state.kind === 'convolution' && state.convolution.bias !== null)
      problems.add(`its convolutions have biases, which llama.cpp's ${name} ignores`);
    if (state.kind === 'channel-delta' && (state.decayBound === null) !== (name === 'kimi-linear'))
      problems.add(
        state.decayBound === null
          ? `the decay of its states has no bound, which llama.cpp's ${name} requires`
          : `the decay of its states has a bound, which llama.cpp's ${name} ignores`,
      );
    if (state.kind === 'delta' && state.keyDimension !== state.valueDimension)
      problems.add(
        `its delta nets have keys of ${String(state.keyDimension)} and values of ${String(state.valueDimension)} ` +
          `dimensions, which llama.cpp's ${name} does not tell apart`,
      );
    if (state.kind === 'delta' && attentionInterval(model) === null)
      problems.add(`its layers with attention do not follow at equal distances, as llama.cpp's ${name} requires`);
    if (state.kind === 'mamba' && name === 'granitehybrid') {
      const [least, most] = state.stepLimits;
      if (least > 0 || most !== Infinity)
        problems.add(`its steps are limited to ${String(least)} to ${String(most)}, which llama.cpp's ${name} ignores`);
      if (state.heads * state.headDimension !== 2 * model.hidden)
        problems.add(`its states are not twice as wide as hidden_size, as llama.cpp's ${name} requires`);
    }
  }
  return [...problems];
};

const unlessAll = (holds: boolean, problem: string): readonly string[] => (holds ? [] : [problem]);

const llama4Problems = (model: ModelDescriptor): readonly string[] => {
  const problems = new Set<string>();
  const first = leadingDenseLayers(model);
  const every = first + 1;
  const odd = model.blocks.findIndex(({ moe }, block) => (moe !== null) !== ((block + 1) % every === 0));
  if (odd !== -1) problems.add('its layers with experts do not follow at equal distances');
  for (const { attention, rotary, chunk, moe } of model.blocks) {
    if (attention?.kind !== 'grouped') continue;
    const { plainNorm, temperature } = attention;
    if (rotary !== null && chunk !== LLAMA4.chunk)
      problems.add(
        `its chunks have ${chunk === null ? 'no limit of' : String(chunk)} positions, but llama.cpp always takes ` +
          String(LLAMA4.chunk),
      );
    if (rotary === null && (temperature?.scale !== LLAMA4.scale || temperature.every !== LLAMA4.every))
      problems.add(
        `its queries without rotation do not grow by ${String(LLAMA4.scale)} every ${String(LLAMA4.every)} ` +
          'positions, as llama.cpp always computes',
      );
    // Whether queries and keys are normed follows from the number of experts there, not from a key.
    if (moe !== null && rotary !== null && (plainNorm !== null) !== (moe.experts !== LLAMA4.experts))
      problems.add(
        `llama.cpp norms queries and keys unless there are ${String(LLAMA4.experts)} experts, and this model ` +
          `${plainNorm === null ? 'does not, with' : 'does, with'} ${String(moe.experts)}`,
      );
  }
  return [...problems];
};

const gemma4Problems = ({ blocks }: ModelDescriptor): readonly string[] => {
  const problems = new Set<string>();
  const withKeys = blocks.filter(({ attention }) => attention?.kind === 'grouped' && attention.key !== null).length;
  blocks.forEach(({ attention, window }, block) => {
    if (attention?.kind !== 'grouped' || attention.shared === null || attention.shared.gives) return;
    // Layers without keys take them from one of the last two layers before them.
    const from = withKeys - (window === null ? 1 : 2);
    if (block < withKeys || attention.shared.keys !== `keys of block ${String(from)}`)
      problems.add(`layer ${String(block)} takes keys from another layer than llama.cpp does`);
  });
  if (!blocks.some(({ window }) => window !== null)) problems.add('it has no layer with a sliding window');
  return [...problems];
};

/** Values that llama.cpp fixes for compressed attention. */
const DEEPSEEK4 = { streams: 4, every: [4, 128] } as const;

const deepseek4Problems = (model: ModelDescriptor, config: Config): readonly string[] => {
  const problems = new Set<string>();
  const { streams, every: allowed } = DEEPSEEK4;
  const hashed = model.moeLayers.map(({ moe: { routing } }) => routing.kind === 'scores' && routing.table !== null);
  if (hashed.lastIndexOf(true) >= hashed.filter(Boolean).length)
    problems.add('its layers with experts by token are not the first ones');
  if (model.hyperHead?.count !== streams)
    problems.add(`its streams are ${String(model.hyperHead?.count)}, but llama.cpp mixes ${String(streams)}`);
  for (const { compressor } of model.blocks.flatMap(({ compressed }) => compressed ?? [])) {
    if (compressor === null) continue;
    const wanted = compressor.indexer === null ? allowed[1] : allowed[0];
    if (compressor.every !== wanted)
      problems.add(`it compresses ${String(compressor.every)} tokens, but llama.cpp always takes ${String(wanted)}`);
    const { dimension = INDEXER_MULTIPLE } = compressor.indexer ?? {};
    if (dimension % INDEXER_MULTIPLE !== 0) problems.add(indexerWidth(dimension));
  }
  return [...problems, ...compressedRotaryProblems(model, config)];
};

/** llama.cpp rotates keys of indexers by a matrix of this size. */
const INDEXER_MULTIPLE = 64;
const indexerWidth = (dimension: number): string =>
  `heads of its indexer have ${String(dimension)} dimensions, but llama.cpp needs a multiple of ` +
  String(INDEXER_MULTIPLE);

const indexerProblems = ({ blocks }: ModelDescriptor): readonly string[] => {
  const indexers = blocks.flatMap(({ attention }) => (attention?.kind === 'latent' ? (attention.indexer ?? []) : []));
  const odd = indexers.find(({ dimension }) => dimension % INDEXER_MULTIPLE !== 0);
  return odd === undefined ? [] : [indexerWidth(odd.dimension)];
};

const mellumProblems = (model: ModelDescriptor, config: Config): readonly string[] => {
  const architecture = llamaArchitectures.get('mellum');
  const rotary = architecture === undefined ? null : writtenRotary({ model, config, architecture });
  const windowedTheta = rotary?.windowed?.theta ?? null;
  return unlessAll(
    windowedTheta === null || windowedTheta === rotary?.theta,
    `the angles of its windows have the base ${String(windowedTheta)}, but llama.cpp takes that of the other layers, ` +
      String(rotary?.theta),
  );
};

const cohere2Problems = ({ blocks }: ModelDescriptor): readonly string[] => {
  const odd = blocks.findIndex(({ rotary, window, moe }) => (rotary !== null) !== (window !== null || moe === null));
  return [
    ...unlessAll(
      odd === -1,
      `layer ${String(odd)} has ${blocks[odd]?.rotary === null ? 'no' : 'a'} rotary embedding, but llama.cpp rotates ` +
        'layers with a window and dense ones',
    ),
    ...unlessAll(
      blocks.some(({ window }) => window !== null),
      'it has no layer with a sliding window',
    ),
  ];
};

const jambaProblems = ({ blocks, hidden, moeLayers }: ModelDescriptor): readonly string[] => {
  const widths = new Set([
    ...moeLayers.map(({ moe }) => moe.width),
    ...blocks.flatMap(({ dense }) => dense?.up.shape[0] ?? []),
  ]);
  return [
    ...unlessAll(widths.size === 1, 'its dense layers are not as wide as an expert, as llama.cpp requires'),
    ...unlessAll(
      blocks.every(({ state }) => state?.kind !== 'mamba-1' || state.channels === 2 * hidden),
      'its states are not twice as wide as hidden_size, as llama.cpp requires',
    ),
  ];
};

const kimiLinearProblems = ({ blocks }: ModelDescriptor): readonly string[] => {
  const heads = new Set(
    blocks.flatMap(({ attention, state }) => attention?.heads ?? (state?.kind === 'channel-delta' ? state.heads : [])),
  );
  return [
    ...unlessAll(heads.size === 1, 'its states have another number of heads than its attention'),
    ...unlessAll(
      blocks.every(({ attention }) => attention?.kind !== 'latent' || 'whole' in attention.query),
      'its queries are made of vectors of low rank, which llama.cpp does not compute',
    ),
  ];
};

const minimaxProblems = ({ blocks }: ModelDescriptor): readonly string[] => {
  const factors = new Set(
    blocks.flatMap(({ keepsNormed }) => (keepsNormed === null ? [] : Object.values(keepsNormed))),
  );
  return unlessAll(
    factors.size === 1,
    `its normed inputs are multiplied by ${[...factors].join(' and ')}, but llama.cpp has one factor`,
  );
};

/** Conditions of single architectures. */
const ownProblems: ReadonlyMap<string, (model: ModelDescriptor, config: Config) => readonly string[]> = new Map([
  [
    'afmoe',
    ({ embeddingMultiplier, hidden }) =>
      unlessAll(
        embeddingMultiplier === Math.sqrt(hidden),
        'mup_enabled is false, but llama.cpp always scales embeddings',
      ),
  ],
  ['llama4', llama4Problems],
  ['deepseek32', indexerProblems],
  ['glm-dsa', indexerProblems],
  ['deepseek4', deepseek4Problems],
  ['gemma4', gemma4Problems],
  [
    'bailingmoe',
    (model) => unlessAll(leadingDenseLayers(model) === 0, 'its first layers have no experts, as llama.cpp requires'),
  ],
  ['mellum', mellumProblems],
  ['cohere2moe', cohere2Problems],
  ['jamba', jambaProblems],
  ['kimi-linear', kimiLinearProblems],
  ['minimax-01', minimaxProblems],
  [
    'lfm2moe',
    ({ moeLayers }) =>
      moeLayers.flatMap(({ moe: { routing } }) => [
        ...unlessAll(correctionOf(routing) !== null, 'its experts have no bias, which llama.cpp requires'),
        ...unlessAll(
          routing.kind === 'scores' && routing.scale === 1 && routing.renormalise !== null,
          'its chosen weights are scaled or not divided by their sum, as llama.cpp always does',
        ),
      ]),
  ],
]);

/**
 * Norms of the latents have an epsilon of their own in the families' code (1e-6), and that of the others in llama.cpp:
 * 1e-5 moved log-probabilities of the reference checkpoints by at most 5.6e-5.
 */
const LATENT_SLACK = 1e-5;

const latentEpsilons = ({ blocks }: ModelDescriptor): readonly number[] => [
  ...new Set(
    blocks.flatMap(({ attention }) =>
      attention?.kind === 'latent'
        ? [attention.keyValueNorm.epsilon, ...('norm' in attention.query ? [attention.query.norm.epsilon] : [])]
        : [],
    ),
  ),
];

const epsilonsOf = ({ attentionNorm, feedForwardNorm, attention }: BlockDescriptor): readonly number[] => [
  ...[attentionNorm ?? [], feedForwardNorm ?? []].flat().map(({ epsilon }) => epsilon),
  ...(attention === null
    ? []
    : attention.kind === 'latent'
      ? []
      : attention.queryKeyNorm === null
        ? []
        : [attention.queryKeyNorm.query, attention.queryKeyNorm.key ?? []].flat().map(({ epsilon }) => epsilon)),
];

/** Why the stored weights themselves cannot be written as GGUF; none if they are plain. */
export const storageProblems = ({ moeLayers, blocks }: ModelDescriptor): string[] => {
  const kinds = new Set([
    ...moeLayers.flatMap(({ moe }) => moe.expertTensors.map(({ up }) => up.stored.kind)),
    ...blocks.flatMap(({ attention }) => attention?.output.weight.stored.kind ?? []),
  ]);
  return [
    ...(kinds.has('fp8') ? ['its weights are float8, which GGUF does not have'] : []),
    ...(kinds.has('scaled') || kinds.has('packed-columns') ? ['its weights are quantised with scales'] : []),
    ...(kinds.has('mxfp4') ? ['its experts are MXFP4, which is not proven as GGUF'] : []),
  ];
};
