import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { valuesIn } from '../../arithmetic/vectors.ts';
import { z } from 'zod';
import { boundedList, boundedText } from '../../contract/bounds.ts';
import type { SerialisedGraph } from '../../graph/onnx-graph.ts';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import type { ProbeMeasurement, ProviderName } from '../../contract/device.ts';
import { keyValueShape } from '../../graph/attention.ts';
import { blockGraph, scoreGraph } from '../../graph/block-graph.ts';
import { streamWidth } from '../../graph/stream.ts';
import { externalDataRoot } from '../../graph/weights.ts';
import { maxOf } from '../../statistics/extremes.ts';
import { seededRandom } from '../../statistics/random.ts';
import { blockFeeds, makeBatch } from '../batch.ts';
import { maskedVariant, unprunedVariant } from '../layer-variant.ts';
import { maskOfTokens } from '../run-block.ts';
import { booleansOf, type Feeds, floatsOf, floatTensor, integersOf, integerTensor, Session } from '../session.ts';
import { differingRows, largestDeviation, type ProbeOutputs } from './judge-probe.ts';
import { deviceName, providers } from './provider.ts';
import { fromFloat32 } from '../../checkpoint/read-tensor.ts';
import { type TensorToWrite, writeSafetensors } from '../../checkpoint/write-safetensors.ts';

type Placement = Pick<ProbeMeasurement, 'nodes' | 'operatorsOnCpu'>;

/** Events of onnxruntime's profile: one per node and run, with the provider whose kernel ran. */
const profileEvents = boundedList(
  z.object({
    cat: boundedText.optional(),
    args: z.object({ op_name: boundedText, provider: boundedText, node_index: boundedText }).partial().optional(),
  }),
);

/** Copies between the two memories: the runtime adds them; they are not nodes of the graph. */
const COPIES: ReadonlySet<string> = new Set(['MemcpyFromHost', 'MemcpyToHost']);

const CPU = 'CPUExecutionProvider';

/** Where the nodes of a graph ran, from the profile of its session; a node that ran several times counts once. */
export const readPlacement = (profile: string): Placement => {
  const ran = new Map<string, { readonly operator: string; readonly isOnCpu: boolean }>();
  for (const { cat, args } of profileEvents.parse(JSON.parse(profile))) {
    if (cat !== 'Node' || args?.op_name === undefined || args.provider === undefined || args.node_index === undefined)
      continue;
    if (!COPIES.has(args.op_name)) ran.set(args.node_index, { operator: args.op_name, isOnCpu: args.provider === CPU });
  }
  const onCpu = [...ran.values()].filter(({ isOnCpu }) => isOnCpu).map(({ operator }) => ({ operator, nodes: 1 }));
  return { nodes: { total: ran.size, onCpu: onCpu.length }, operatorsOnCpu: countOperators(onCpu) };
};

/** The sum of several graphs' placements. */
export const addPlacements = (placements: readonly Placement[]): Placement => ({
  nodes: {
    total: placements.reduce((sum, { nodes }) => sum + nodes.total, 0),
    onCpu: placements.reduce((sum, { nodes }) => sum + nodes.onCpu, 0),
  },
  operatorsOnCpu: countOperators(placements.flatMap(({ operatorsOnCpu }) => operatorsOnCpu)),
});

/** By decreasing count, then by name. */
const countOperators = (list: Placement['operatorsOnCpu']): Placement['operatorsOnCpu'] => {
  const counts = new Map<string, number>();
  for (const { operator, nodes } of list) counts.set(operator, (counts.get(operator) ?? 0) + nodes);
  return [...counts]
    .map(([operator, nodes]) => ({ operator, nodes }))
    .sort((a, b) => b.nodes - a.nodes || (a.operator < b.operator ? -1 : 1));
};

/** Two sequences of unlike length, so that padding is part of the probe. */
const LENGTHS = [100, 64] as const;
const TOKENS = LENGTHS[0] + LENGTHS[1];
/** Warm runs; their median is reported. */
const TIMED_RUNS = 5;
/** Experts kept under the probe's mask: ranges of experts without tokens, at the beginning, inside and at the end. */
const KEPT = [9, 10, 16];

/** Tokens of the prefix before both sequences where the block takes one. */
const PREFIX = 40;

const BLOCK_FLOATS = ['hiddenOut', 'logits', 'weights', 'norms'] as const;

/**
 * Runs a small seeded model's block and scoring head on a provider and on the processor, with all files in an empty
 * `folder` that the caller removes. Call it in a process of its own: a driver may crash. Rejects where the provider
 * cannot be loaded or a node fails on it.
 */
export const measureProvider = async (provider: ProviderName, folder: string): Promise<ProbeMeasurement> => {
  await writeProbeCheckpoint(folder);
  const checkpoint = await openCheckpoint(folder);
  const reference = await runOn('cpu', 'reference', checkpoint);
  const measured = await runOn(provider, 'own', checkpoint);
  const choices = reference.outputs.map(({ experts = [] }, index) =>
    differingRows(measured.outputs[index]?.['experts'] ?? [], experts, probeShape.topK),
  );
  const deviations = reference.outputs.map((wanted, index) =>
    largestDeviation(measured.outputs[index] ?? {}, wanted, { rows: choices[index] ?? new Set(), of: TOKENS }),
  );
  return {
    deviation: deviations.includes(null) ? null : maxOf(deviations.map((each) => each ?? 0)),
    tokens: TOKENS,
    otherChoices: maxOf(choices.map(({ size }) => size)),
    ...measured.placement,
    millisecondsPerBlock: measured.milliseconds,
    cpuMillisecondsPerBlock: reference.milliseconds,
    deviceName: deviceName(provider),
  };
};

interface ProviderRun {
  /** Outputs of the unpruned block, the masked block, the block with a prefix, and the head. */
  readonly outputs: readonly ProbeOutputs[];
  readonly placement: Placement;
  readonly milliseconds: number;
}

/** `role` separates the profiles of the two runs. */
const runOn = async (provider: ProviderName, role: string, checkpoint: Checkpoint): Promise<ProviderRun> => {
  const { descriptor } = checkpoint;
  const [block] = descriptor.blocks;
  const moe = block?.moe ?? null;
  if (block === undefined || moe === null) throw new Error('the probe has one MoE block');
  const all = unprunedVariant(moe);
  const feedsUnder = probeFeeds(checkpoint, 0);
  const target = providers[provider];
  const onBlock = await withSession(
    provider,
    `${role}-block`,
    checkpoint,
    blockGraph(descriptor, block, all.layer, target),
    async (session) => {
      const outputs: ProbeOutputs[] = [];
      for (const { mask } of [all, maskedVariant(moe, KEPT)])
        outputs.push(await blockOutputs(session, feedsUnder(mask)));
      return { outputs, milliseconds: await medianMilliseconds(session, feedsUnder(all.mask)) };
    },
  );
  const onPrefixed = await withSession(
    provider,
    `${role}-prefixed`,
    checkpoint,
    blockGraph(descriptor, block, all.layer, target, 'prefixed'),
    (session) =>
      blockOutputs(session, { ...probeFeeds(checkpoint, PREFIX)(all.mask), ...prefixFeeds(checkpoint) }, [
        'key',
        'value',
      ]),
  );
  const onHead = await withSession(provider, `${role}-head`, checkpoint, scoreGraph(descriptor, target), (session) =>
    headOutputs(session),
  );
  return {
    outputs: [...onBlock.answer.outputs, onPrefixed.answer, onHead.answer],
    placement: addPlacements([onBlock.placement, onPrefixed.placement, onHead.placement]),
    milliseconds: onBlock.answer.milliseconds,
  };
};

/** Opens a graph with profiling, runs `use`, and reads where its nodes ran. */
const withSession = async <T>(
  provider: ProviderName,
  name: string,
  { folder }: Checkpoint,
  graph: SerialisedGraph,
  use: (session: Session) => Promise<T>,
): Promise<{ readonly answer: T; readonly placement: Placement }> => {
  const session = await Session.open(`the probe's ${name}`, graph, {
    threads: 1,
    externalRoot: externalDataRoot(folder),
    weights: 'resident',
    provider,
    profilePrefix: path.join(folder, name),
  });
  let answer: T;
  try {
    answer = await use(session);
    session.endProfiling();
  } finally {
    await session.dispose();
  }
  const file = (await readdir(folder)).find((entry) => entry.startsWith(name) && entry.endsWith('.json'));
  if (file === undefined) throw new Error(`onnxruntime wrote no profile of the probe's ${name}`);
  return { answer, placement: readPlacement(await readFile(path.join(folder, file), 'utf8')) };
};

const seededFloats = (seed: number, shape: readonly number[]): ReturnType<typeof floatTensor> => {
  const random = seededRandom(seed);
  return floatTensor(
    Float32Array.from({ length: valuesIn(shape) }, () => 4 * random.float() - 2),
    shape,
  );
};

/** `start`: tokens of a prefix that both sequences continue. */
const probeFeeds = ({ descriptor }: Checkpoint, start: number): ((mask: Float32Array) => Feeds) => {
  const trees = LENGTHS.map((length) => ({ trunk: Array.from({ length }, (_, index) => index), branches: [], start }));
  const batch = makeBatch(descriptor, trees, [0, 1], start);
  const feeds = blockFeeds(descriptor, 0, batch);
  const hidden = seededFloats(1, [TOKENS, streamWidth(descriptor)]);
  return (mask) => ({ ...feeds, hidden, ...maskOfTokens([mask], new Int32Array(TOKENS)) });
};

const prefixFeeds = ({ descriptor }: Checkpoint): Feeds => {
  const [block] = descriptor.blocks;
  if (block?.attention == null) throw new Error('the probe has one block with attention');
  const { heads, keyDimension, valueDimension } = keyValueShape(block.attention);
  return {
    prefixKey: seededFloats(3, [PREFIX, heads, keyDimension]),
    prefixValue: seededFloats(4, [PREFIX, heads, valueDimension]),
  };
};

const blockOutputs = async (session: Session, feeds: Feeds, more: readonly string[] = []): Promise<ProbeOutputs> => {
  const results = await session.run(feeds, [...BLOCK_FLOATS, 'experts', ...more]);
  const outputs: Record<string, Float32Array | Int32Array> = {};
  for (const [name, tensor] of Object.entries(results))
    outputs[name] = name === 'experts' ? integersOf(tensor) : floatsOf(tensor);
  return outputs;
};

const headOutputs = async (session: Session): Promise<ProbeOutputs> => {
  const { hidden, vocabulary } = probeShape;
  const pairs = integerTensor(
    Array.from({ length: 2 * TOKENS }, (_, index) => (index % 2 === 0 ? index / 2 : (index * 7) % vocabulary)),
    [TOKENS, 2],
  );
  const { logprobs, greedy } = await session.run({ hidden: seededFloats(2, [TOKENS, hidden]), pairs }, [
    'logprobs',
    'greedy',
  ]);
  if (logprobs === undefined || greedy === undefined) throw new Error('the head gives log-probabilities');
  return { logprobs: floatsOf(logprobs), greedy: Float32Array.from(booleansOf(greedy)) };
};

const medianMilliseconds = async (session: Session, feeds: Feeds): Promise<number> => {
  const times: number[] = [];
  for (let run = 0; run < TIMED_RUNS; run += 1) {
    const before = performance.now();
    await session.run(feeds, ['hiddenOut']);
    times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b)[Math.floor(TIMED_RUNS / 2)] ?? Number.NaN;
};

/** Grouped heads and bfloat16 weights, as in most real models; small enough to be written in a tenth of a second. */
const probeShape = {
  hidden: 128,
  heads: 4,
  keyValueHeads: 2,
  experts: 24,
  topK: 2,
  width: 128,
  vocabulary: 256,
  positions: 128,
} as const;

const SEED = 20_240_901;

/** Writes a Mixtral of one block with seeded weights of a trained model's scale into an empty folder. */
export const writeProbeCheckpoint = async (folder: string): Promise<void> => {
  const { hidden, heads, keyValueHeads, experts, topK, width, vocabulary, positions } = probeShape;
  const random = seededRandom(SEED);
  const keyWidth = (hidden / heads) * keyValueHeads;
  /** Uniform numbers of standard deviation `scale` about `centre`. */
  const tensor = (name: string, shape: readonly number[], scale: number, centre = 0): TensorToWrite => {
    const length = valuesIn(shape);
    const bytes = (): Uint8Array =>
      fromFloat32(
        Float32Array.from({ length }, () => centre + (2 * random.float() - 1) * scale * Math.sqrt(3)),
        'BF16',
      );
    return { name, dtype: 'BF16', shape, byteLength: 2 * length, bytes };
  };
  const layer = 'model.layers.0';
  const inward = hidden ** -0.5;
  await writeSafetensors(path.join(folder, 'model.safetensors'), [
    tensor('model.embed_tokens.weight', [vocabulary, hidden], 1),
    tensor(`${layer}.input_layernorm.weight`, [hidden], 0.1, 1),
    tensor(`${layer}.self_attn.q_proj.weight`, [hidden, hidden], inward),
    tensor(`${layer}.self_attn.k_proj.weight`, [keyWidth, hidden], inward),
    tensor(`${layer}.self_attn.v_proj.weight`, [keyWidth, hidden], inward),
    tensor(`${layer}.self_attn.o_proj.weight`, [hidden, hidden], inward),
    tensor(`${layer}.post_attention_layernorm.weight`, [hidden], 0.1, 1),
    tensor(`${layer}.block_sparse_moe.gate.weight`, [experts, hidden], inward),
    ...Array.from({ length: experts }, (_, expert) => `${layer}.block_sparse_moe.experts.${expert}`).flatMap(
      (expert) => [
        tensor(`${expert}.w1.weight`, [width, hidden], inward),
        tensor(`${expert}.w2.weight`, [hidden, width], width ** -0.5),
        tensor(`${expert}.w3.weight`, [width, hidden], inward),
      ],
    ),
    tensor('model.norm.weight', [hidden], 0.1, 1),
    tensor('lm_head.weight', [vocabulary, hidden], inward),
  ]);
  const config = {
    model_type: 'mixtral',
    architectures: ['MixtralForCausalLM'],
    hidden_act: 'silu',
    hidden_size: hidden,
    intermediate_size: width,
    num_hidden_layers: 1,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    num_local_experts: experts,
    num_experts_per_tok: topK,
    vocab_size: vocabulary,
    max_position_embeddings: positions,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    sliding_window: null,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
};
