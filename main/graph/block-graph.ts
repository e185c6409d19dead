import { present } from '../contract/errors.ts';
import {
  type AttentionDescriptor,
  type BlockDescriptor,
  LATE_EXPERTS,
  OTHER_STREAMS,
  TOKEN_IDS,
  type CompressedAttention,
  type ModelDescriptor,
  type Norm,
  type StateDescriptor,
  TOKEN_INPUTS,
  type TokenInput,
  type TokenInputs,
  type TensorView,
} from '../checkpoint/descriptor.ts';
import {
  attention,
  type AttentionInputs,
  attentionInputs,
  givenParts,
  prefixInputs,
  rotationInputs,
} from './attention.ts';
import { cachedAttention, cacheInputs } from './cached-attention.ts';
import { type CarriedPart, carriedParts } from './carried.ts';
import { compressedAttention, compressedInputs, type CompressedInputs } from './compressed-attention.ts';
import { cut } from './heads.ts';
import { connectHalf, connectHead } from './hyper-connection.ts';
import { gelu, linear, multiplyRounded, normalise, normaliseBy, swiglu } from './linear.ts';
import { moe, type MoeLayer, type MoeOutputs } from './moe.ts';
import { type GraphTarget, OnnxGraph, type Value, type SerialisedGraph } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import { type StateInputs, stateInputs, stateOperator } from './state.ts';
import { putTogether, type StreamParts, streamWidth, takeApart } from './stream.ts';
import { storedTensor, tensor, toFloat } from './weights.ts';

/**
 * Inputs and outputs of a block beyond the common ones: `observed` outputs values for optional statistics (`tokens`,
 * `residual`, `routed`, `peaks`, `inner`); `prefixed` takes what tokens before every sequence carry on (`prefixKey` and
 * so on, see `CarriedPart`) and outputs that of its own tokens; `cached` takes what sequences and candidates carry on
 * (`CacheInputs` in attention), and outputs only that and hidden states.
 */
export type BlockForm = 'plain' | 'observed' | 'prefixed' | 'cached';

/**
 * One transformer block: stream [T, W] -> stream [T, W], in most families the hidden states [T, H]. In an MoE layer the
 * router mask of each token [T, rows] is an input, so that tokens of several candidates can run together, and the
 * routing (`logits`, `experts`, `weights`, `norms`) is always an output: one session serves every candidate that drops
 * experts, and every statistic. `layer` replaces the checkpoint's own MoE layer where experts are merged; null in a
 * dense layer. `target`: the device that runs it.
 */
export const blockGraph = (
  model: ModelDescriptor,
  block: BlockDescriptor,
  layer: MoeLayer | null,
  target?: GraphTarget,
  form: BlockForm = 'plain',
): SerialisedGraph => {
  const graph = new OnnxGraph(target);
  const { hidden } = model;
  const input = graph.input('hidden', DataType.FLOAT, ['T', streamWidth(model)]);
  const rows = layer?.router.shape[0] ?? 0;
  const mask = layer === null ? null : graph.input('mask', DataType.FLOAT, ['T', rows]);
  const { output, router, residual, tokens, carried } = blockNodes(graph, model, {
    block,
    layer,
    hidden: input,
    mix: mixOf(graph, model, block, form),
    mask,
  });
  graph.output('hiddenOut', output, DataType.FLOAT, ['T', streamWidth(model)]);
  if (form === 'prefixed' || form === 'cached')
    for (const { name, shape, perToken } of carriedParts(block)) {
      const value = present(carried[name], `a block without ${name}`);
      graph.output(name, value, DataType.FLOAT, perToken ? ['T', `${name}Heads`, `${name}Width`] : ['B', ...shape]);
    }
  if (layer === null || router === null || form === 'cached') return graph.serialise('block');
  graph.output('logits', router.logits, DataType.FLOAT, ['T', rows]);
  graph.output('experts', router.experts, DataType.INT64, ['T', layer.topK]);
  graph.output('weights', router.weights, DataType.FLOAT, ['T', layer.topK]);
  graph.output('norms', router.norms, DataType.FLOAT, ['T', layer.topK]);
  if (form !== 'observed') return graph.serialise('block');
  const { peaks, inner, routed } = router.observe();
  graph.output('tokens', tokens, DataType.FLOAT, ['T', hidden]);
  graph.output('residual', residual, DataType.FLOAT, ['T', hidden]);
  graph.output('routed', routed, DataType.FLOAT, ['T', hidden]);
  graph.output('peaks', peaks, DataType.FLOAT, ['T', layer.topK]);
  graph.output('inner', inner, DataType.FLOAT, ['T', layer.topK, 'I']);
  return graph.serialise('block');
};

export interface BlockInputs {
  readonly block: BlockDescriptor;
  /** Null in a dense layer, and its mask too. */
  readonly layer: MoeLayer | null;
  readonly mask: Value | null;
  /** [T, W]: the stream. */
  readonly hidden: Value;
  /** Attention or the operator in place of it, on normed tokens [T, H]; null in a block with neither. */
  readonly mix: ((tokens: Value, parts: StreamParts) => MixedTokens) | null;
}

export interface MixedTokens {
  /** [T, H] before the residual. */
  readonly output: Value;
  /** State that the tokens pass on to the next ones. */
  readonly carried: Readonly<Partial<Record<CarriedPart['name'], Value>>>;
  /** Parts of the stream for later blocks. */
  readonly given: StreamParts;
}

export interface BlockValues {
  /** [T, W]: the stream after the block. */
  readonly output: Value;
  /** Routing; null in a dense layer. */
  readonly router: MoeOutputs | null;
  /** [T, H] the value that the experts' branch is added to, and the input of that branch. */
  readonly residual: Value;
  readonly tokens: Value;
  readonly carried: MixedTokens['carried'];
}

/** A block's attention, or the operator in place of it, with the inputs of a form. */
const mixOf = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  { attention: descriptor, compressed, state, rotary }: BlockDescriptor,
  form: BlockForm,
): BlockInputs['mix'] => {
  if (state !== null) {
    const inputs = stateInputs(graph, state, form === 'prefixed' || form === 'cached' ? form : 'trees');
    return (tokens) => mixByState(graph, state, tokens, inputs);
  }
  if (compressed !== null && rotary !== null) {
    const rotation = rotationInputs(graph, rotary);
    const inputs = compressedInputs(graph, compressed, rotation, form === 'observed' ? 'plain' : form);
    return (tokens) => mixByEntries(graph, model, compressed, tokens, inputs);
  }
  if (descriptor === null) return null;
  if (form === 'cached') {
    const inputs = attentionInputs(graph, rotary, descriptor, 'P+C+S');
    const cache = cacheInputs(graph, descriptor);
    return (tokens, parts) => {
      const { output, own } = cachedAttention(graph, model, descriptor, tokens, { ...inputs, parts }, cache);
      return { output, carried: own, given: givenParts(graph, descriptor, own) };
    };
  }
  const inputs =
    form === 'prefixed'
      ? { ...attentionInputs(graph, rotary, descriptor, 'P+S'), prefix: prefixInputs(graph, descriptor) }
      : attentionInputs(graph, rotary, descriptor, 'S');
  return (tokens, parts) => mixByAttention(graph, model, descriptor, tokens, { ...inputs, parts });
};

export const mixByState = (
  graph: OnnxGraph,
  state: StateDescriptor,
  tokens: Value,
  inputs: StateInputs,
): MixedTokens => {
  const { output, states } = stateOperator(graph, state, tokens, inputs);
  const carried = { window: states.window, ...(states.state === null ? {} : { state: states.state }) };
  return { output, carried, given: new Map() };
};

export const mixByEntries = (
  graph: OnnxGraph,
  { attentionScale }: ModelDescriptor,
  compressed: CompressedAttention,
  tokens: Value,
  inputs: CompressedInputs,
): MixedTokens => ({
  ...compressedAttention(graph, attentionScale, compressed, tokens, inputs),
  given: new Map(),
});

export const mixByAttention = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  descriptor: AttentionDescriptor,
  tokens: Value,
  inputs: AttentionInputs,
): MixedTokens => {
  const { output, own } = attention(graph, model, descriptor, tokens, inputs);
  return { output, carried: own, given: givenParts(graph, descriptor, own) };
};

const normed = (graph: OnnxGraph, tokens: Value, norm: Norm | null): Value =>
  norm === null ? tokens : normalise(graph, tokens, norm);

/** The nodes of one block. */
export const blockNodes = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  { block, layer, mask, hidden: stream, mix }: BlockInputs,
): BlockValues => {
  if (block.hyper !== null) return hyperNodes(graph, model, { block, layer, mask, hidden: stream, mix }, block.hyper);
  const { hidden, parts } = takeApart(graph, model, stream);
  const before = mix === null ? hidden : normed(graph, hidden, block.attentionNorm);
  const mixed = mix === null ? null : mix(before, parts);
  const carried = mixed?.carried ?? {};
  const norms = block.branchNorms;
  const branch = (output: Value, norm: Norm | undefined): Value =>
    norm === undefined ? output : normalise(graph, output, norm);
  const { keepsNormed } = block;
  const kept = keepsNormed === null ? hidden : graph.mul(before, graph.float(keepsNormed.attention));
  const whole = mixed === null ? hidden : addBranch(graph, model, kept, branch(mixed.output, norms?.attention));
  const tokens = block.isParallel ? before : normed(graph, whole, block.feedForwardNorm);
  const residual = keepsNormed === null ? whole : graph.mul(tokens, graph.float(keepsNormed.feedForward));
  const later = new Map([...parts, ...(mixed?.given ?? [])]);
  if (layer === null && block.dense === null)
    return { output: putTogether(graph, model, residual, later), router: null, residual, tokens: residual, carried };
  const finished = (sum: Value, given: StreamParts = new Map()): Value => {
    const added = addBranch(graph, model, residual, branch(sum, norms?.feedForward));
    const output = block.tokenInput === null ? added : addTokenInput(graph, added, block.tokenInput, parts);
    const scaled = block.outputScale === null ? output : graph.mul(output, tensor(graph, block.outputScale));
    return putTogether(graph, model, scaled, new Map([...later, ...given]));
  };
  if (layer !== null && mask !== null && block.beside !== null && block.dense !== null) {
    const { beside } = block;
    const dense = normalise(graph, swiglu(graph, tokens, block.dense), beside.dense);
    const forExperts = normalise(graph, residual, beside.expertsIn);
    const router = moe(graph, layer, forExperts, mask, routerTokens(graph, model, residual, block.beside));
    const output = finished(graph.add(dense, normalise(graph, router.output, beside.expertsOut)));
    return { output, router, residual, tokens: forExperts, carried };
  }
  if (layer !== null && mask !== null && block.late === 'gives' && block.dense !== null) {
    const router = moe(graph, layer, tokens, mask);
    const output = finished(swiglu(graph, tokens, block.dense), new Map([[LATE_EXPERTS, router.output]]));
    return { output, router, residual, tokens, carried };
  }
  if (layer !== null && mask !== null) {
    const router = moe(graph, layer, tokens, mask);
    return { output: finished(router.output), router, residual, tokens, carried };
  }
  if (block.dense === null) throw new Error('a block is dense or has experts');
  const dense = swiglu(graph, tokens, block.dense);
  const late = block.late === 'takes' ? parts.get(LATE_EXPERTS) : undefined;
  return {
    output: finished(late === undefined ? dense : graph.add(dense, late)),
    router: null,
    residual,
    tokens,
    carried,
  };
};

/** The nodes of a block whose halves read and write several streams. */
const hyperNodes = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  { block, layer, mask, hidden: stream, mix }: BlockInputs,
  hyper: NonNullable<BlockDescriptor['hyper']>,
): BlockValues => {
  const { attentionNorm, feedForwardNorm } = block;
  if (layer === null || mask === null || mix === null || attentionNorm === null || feedForwardNorm === null)
    throw new Error('a block with several streams has attention and experts');
  const { hidden, parts } = takeApart(graph, model, stream);
  const first = connectHalf(graph, allStreams(graph, hidden, parts), hyper.attention);
  const mixed = mix(normalise(graph, first.input, attentionNorm), parts);
  const second = connectHalf(graph, first.goOn(mixed.output), hyper.feedForward);
  const tokens = normalise(graph, second.input, feedForwardNorm);
  const ids = parts.get(TOKEN_IDS);
  const router = moe(graph, layer, tokens, mask, tokens, ids === undefined ? null : wholeIds(graph, ids));
  const { count } = hyper.attention;
  const [next, others] = cut(graph, second.goOn(router.output), [model.hidden, (count - 1) * model.hidden]);
  const output = putTogether(graph, model, next, new Map([...parts, [OTHER_STREAMS, others]]));
  return { output, router, residual: second.input, tokens, carried: mixed.carried };
};

/** [T, n H]. */
const allStreams = (graph: OnnxGraph, hidden: Value, parts: StreamParts): Value => {
  const others = present(parts.get(OTHER_STREAMS), 'a stream without its other streams');
  return graph.concat([hidden, others], -1);
};

/** [T, 1] numbers of tokens as floats, which hold them exactly -> [T] int64. */
const wholeIds = (graph: OnnxGraph, ids: Value): Value =>
  graph.node('Cast', [graph.squeeze(ids, [1])], { to: DataType.INT64 });

/** Input of a router beside a dense network: the normed hidden state times the router's own factors and H^-0.5. */
const routerTokens = (
  graph: OnnxGraph,
  { hidden }: ModelDescriptor,
  residual: Value,
  { router, expertsIn }: NonNullable<BlockDescriptor['beside']>,
): Value => {
  const factors = graph.mul(tensor(graph, router), graph.float(hidden ** -0.5));
  return normaliseBy(graph, residual, factors, expertsIn.epsilon);
};

/** A block's output [T, H] and what it adds of each token's own numbers. */
const addTokenInput = (
  graph: OnnxGraph,
  output: Value,
  { first, gate, projection, norm }: TokenInput,
  parts: StreamParts,
): Value => {
  const all = present(parts.get(TOKEN_INPUTS), 'a stream without inputs of tokens');
  const ofLayer = graph.slice(all, first, first + (gate.shape[0] ?? 0), -1);
  const gated = graph.mul(gelu(graph, linear(graph, output, gate), DataType.FLOAT), ofLayer);
  return graph.add(output, normalise(graph, linear(graph, gated, projection), norm));
};

const addBranch = (graph: OnnxGraph, { residualMultiplier }: ModelDescriptor, residual: Value, branch: Value): Value =>
  graph.add(residual, residualMultiplier === 1 ? branch : graph.mul(branch, graph.float(residualMultiplier)));

/** Token ids [T] -> stream [T, W]. 16-bit rows are cast after they are gathered, so that the table is never copied. */
export const embeddingGraph = (model: ModelDescriptor): SerialisedGraph => {
  const graph = new OnnxGraph();
  const tokens = graph.input('tokens', DataType.INT64, ['T']);
  graph.output('hiddenOut', embed(graph, model, tokens), DataType.FLOAT, ['T', streamWidth(model)]);
  return graph.serialise('embedding');
};

/** The stream [T, W] of token ids [T]: their rows times the model's multiplier, and what follows from them. */
export const embed = (graph: OnnxGraph, model: ModelDescriptor, tokens: Value): Value => {
  const rowsOf = (table: TensorView): Value =>
    toFloat(graph, graph.gather(storedTensor(graph, table), tokens, 0), table);
  const rows = rowsOf(model.embedding);
  const hidden = model.embeddingMultiplier === 1 ? rows : graph.mul(rows, graph.float(model.embeddingMultiplier));
  const parts = new Map<string, Value>();
  if (model.tokenInputs !== null)
    parts.set(TOKEN_INPUTS, tokenInputs(graph, model.tokenInputs, rowsOf(model.tokenInputs.table), hidden));
  if (model.hyperHead !== null)
    parts.set(OTHER_STREAMS, graph.node('Tile', [hidden, graph.integers([1, model.hyperHead.count - 1])]));
  if (model.stream.some(({ name }) => name === TOKEN_IDS)) {
    const ids = graph.node('Cast', [tokens], { to: DataType.FLOAT });
    parts.set(TOKEN_IDS, graph.unsqueeze(ids, [1]));
  }
  return putTogether(graph, model, hidden, parts);
};

/** [T, blocks * D] numbers of the tokens for the blocks, from their rows of the table and their embeddings [T, H]. */
const tokenInputs = (
  graph: OnnxGraph,
  { dimension, projection, norm }: TokenInputs,
  rows: Value,
  hidden: Value,
): Value => {
  const [all = 0, width = 1] = projection.shape;
  const scaled = (value: Value, factor: number): Value => graph.mul(value, graph.float(factor));
  const projected = scaled(linear(graph, hidden, projection), width ** -0.5);
  const normed = normalise(graph, graph.reshape(projected, [-1, dimension]), norm);
  const flat = graph.reshape(normed, [-1, all]);
  return scaled(graph.add(scaled(rows, dimension ** 0.5), flat), 2 ** -0.5);
};

/** Stream [N, W] -> logits [N, V]. */
export const logitsGraph = (model: ModelDescriptor, target?: GraphTarget): SerialisedGraph => {
  const graph = new OnnxGraph(target);
  graph.output('logits', head(graph, model, lastHidden(graph, model)), DataType.FLOAT, ['N', model.vocabulary]);
  return graph.serialise('logits');
};

/** Stream [N, W] -> the token with the largest logit of each row [N] (ties: the lowest). */
export const greedyGraph = (model: ModelDescriptor, target?: GraphTarget): SerialisedGraph => {
  const graph = new OnnxGraph(target);
  const logits = head(graph, model, lastHidden(graph, model));
  graph.output('best', graph.node('ArgMax', [logits], { axis: -1, keepdims: 0 }), DataType.INT64, ['N']);
  return graph.serialise('greedy');
};

/**
 * Stream [N, W] and pairs [M, 2] of (row of hidden, target token) -> log-probability of each target, and whether it is
 * the argmax of its row. Several targets may share a row: the choices of an item share the end of their context.
 */
export const scoreGraph = (model: ModelDescriptor, target?: GraphTarget): SerialisedGraph => {
  const graph = new OnnxGraph(target);
  const logits = head(graph, model, lastHidden(graph, model));
  const pairs = graph.input('pairs', DataType.INT64, ['M', 2]);
  const logprobs = graph.node('GatherND', [graph.node('LogSoftmax', [logits], { axis: -1 }), pairs]);
  const column = (number: number): Value => graph.gather(pairs, graph.integers(number), 1);
  const [rows, targets] = [column(0), column(1)];
  const best = graph.node('ArgMax', [logits], { axis: -1, keepdims: 0 });
  graph.output('logprobs', logprobs, DataType.FLOAT, ['M']);
  graph.output('greedy', graph.node('Equal', [graph.node('Gather', [best, rows]), targets]), DataType.BOOL, ['M']);
  return graph.serialise('score');
};

const lastHidden = (graph: OnnxGraph, model: ModelDescriptor): Value =>
  graph.input('hidden', DataType.FLOAT, ['N', streamWidth(model)]);

/** Final norm and head: the stream [N, W] after the last block -> logits [N, V]. */
export const head = (graph: OnnxGraph, model: ModelDescriptor, stream: Value): Value => {
  const { hidden: first, parts } = takeApart(graph, model, stream);
  const { hyperHead } = model;
  const hidden = hyperHead === null ? first : connectHead(graph, allStreams(graph, first, parts), hyperHead);
  const normed = normalise(graph, hidden, model.finalNorm);
  const logits = multiplyRounded(graph, normed, model.head, model.headBias);
  const divided = model.logitsDivisor === 1 ? logits : graph.div(logits, graph.float(model.logitsDivisor));
  if (model.logitsCap === null) return divided;
  const cap = graph.float(model.logitsCap);
  return graph.mul(graph.node('Tanh', [graph.div(divided, cap)]), cap);
};
