import type { AttentionDescriptor, BlockDescriptor, ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { type LlamaArchitecture, llamaArchitectures, plain } from '../../checkpoint/gguf/llama-architectures.ts';
import { refuse } from '../../contract/errors.ts';
import { rotaryProblems } from './llama-rotary.ts';

/** Constants of llama.cpp's clamped activation. */
const CLAMP = { limit: 7, alpha: 1.702 } as const;
const MAX_EXPERTS = 1024;
/** The least sum by which llama.cpp divides weights: the smallest normal number of float16. */
const LEAST_SUM = 2 ** -14;

const familyReasons: ReadonlyMap<string, string> = new Map([
  ['phimoe', 'llama.cpp weights the experts of PhiMoE by a plain softmax, while the model itself uses SparseMixer'],
]);

/**
 * The architecture as which llama.cpp runs a model. Refuses models that it would compute differently, with one sentence
 * per reason.
 *
 * @throws WorkbenchError `not-for-llama-cpp`.
 */
export const llamaArchitecture = (
  model: ModelDescriptor,
  config: Readonly<Record<string, unknown>>,
): LlamaArchitecture => {
  const architecture = llamaArchitectures.get(model.family);
  if (architecture === undefined)
    throw refusal([familyReasons.get(model.family) ?? `llama.cpp has not been proven equal for ${model.family}`]);
  const problems = [
    ...layerProblems(model, architecture),
    ...routingProblems(model, architecture),
    ...attentionProblems(model, architecture),
    ...rotaryProblems(model, config, architecture.yarn),
    ...storageProblems(model),
  ];
  if (problems.length > 0) throw refusal(problems);
  return architecture;
};

/** The points of an architecture that place tensors, for models that llama.cpp does not run. */
export const plainLayout = { ...plain, rotatesPairs: false } as const;

const refusal = (problems: readonly string[]): Error =>
  refuse(
    'not-for-llama-cpp',
    `A GGUF file of this model would not compute the same as the model: ${problems.join('; ')}.`,
    'Export it as hf or onnx, which are proven equal.',
  );

/** The attention of all blocks: every architecture here has the same heads everywhere. */
export const firstAttention = ({ blocks: [first] }: ModelDescriptor): AttentionDescriptor => {
  if (first?.attention == null) throw new Error('a model whose first block has no attention');
  return first.attention;
};

/** Number of dense layers before the first one with experts. */
export const leadingDenseLayers = ({ blocks }: ModelDescriptor): number => {
  const first = blocks.findIndex(({ moe }) => moe !== null);
  return first === -1 ? blocks.length : first;
};

const layerProblems = (model: ModelDescriptor, { name, leadingDense, windows }: LlamaArchitecture): string[] => {
  const problems: string[] = [];
  const dense = model.blocks.flatMap(({ moe }, block) => (moe === null ? [block] : []));
  const allowed = leadingDense ? leadingDenseLayers(model) : 0;
  if (dense.length > allowed)
    problems.push(
      `layer ${String(dense[allowed])} has no experts, but llama.cpp's ${name} requires them in every layer` +
        (leadingDense ? ' after the first ones' : ''),
    );
  const odd = model.blocks.findIndex(({ window }, block) => (window !== null) !== (windows && block % 2 === 0));
  if (odd !== -1)
    problems.push(
      `layer ${String(odd)} has ${windowWords(model.blocks[odd])}, which llama.cpp's ${name} does not compute`,
    );
  if (windows && new Set(model.blocks.flatMap(({ window }) => window ?? [])).size > 1)
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
    if (name === 'deepseek2' && moe.shared === null) problems.add('it has no shared experts');
  }
  return [...problems];
};

const attentionProblems = (model: ModelDescriptor, architecture: LlamaArchitecture): string[] => {
  const { name, biases, squareAttention } = architecture;
  const problems = new Set<string>();
  if (model.headBias !== null) problems.add('its head has a bias');
  const first = firstAttention(model);
  if (squareAttention && first.kind === 'grouped' && first.heads * first.headDimension !== model.hidden)
    problems.add(
      `${String(first.heads)} heads of ${String(first.headDimension)} are not hidden_size ` +
        `${String(model.hidden)}, as llama.cpp's ${name} requires`,
    );
  const epsilons = new Set([model.finalNorm.epsilon, ...model.blocks.flatMap(epsilonsOf)]);
  if (epsilons.size > 1)
    problems.add(`its norms have the epsilons ${[...epsilons].join(' and ')}, but llama.cpp supports only one`);
  for (const { attention } of model.blocks) {
    if (attention?.kind !== 'grouped') continue;
    if (attention.shared !== null) problems.add(`its blocks share keys, which llama.cpp's ${name} does not`);
    if (attention.clip !== null)
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

const epsilonsOf = ({ attentionNorm, feedForwardNorm, attention }: BlockDescriptor): readonly number[] => [
  ...[attentionNorm ?? [], feedForwardNorm ?? []].flat().map(({ epsilon }) => epsilon),
  ...(attention === null
    ? []
    : attention.kind === 'latent'
      ? [attention.keyValueNorm.epsilon, ...('norm' in attention.query ? [attention.query.norm.epsilon] : [])]
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
    ...(kinds.has('scaled') ? ['its weights are quantised with scales (compressed-tensors)'] : []),
    ...(kinds.has('mxfp4') ? ['its experts are MXFP4, which is not proven as GGUF'] : []),
  ];
};
