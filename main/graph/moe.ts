import { present } from '../contract/errors.ts';
import type {
  ExpertActivation,
  ExpertTensors,
  MoeDescriptor,
  RoutingRule,
  TensorView,
  Weight,
} from '../checkpoint/descriptor.ts';
import { gatesInput, isPlainSoftmax } from '../checkpoint/routing.ts';
import {
  activate,
  biased,
  joinRows,
  limitedUp,
  multiply,
  project,
  splitRows,
  squaredRelu,
  swiglu,
  within,
} from './linear.ts';
import { OnnxGraph, type Value, type SerialisedGraph } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import { type Choice, largest, normalised, route } from './route.ts';
import { fromProducts, productType, scalar, tensor, tensorAs, toProducts, weight } from './weights.ts';

/** Smallest weight by which an output is divided. */
const LEAST_GATE = 1e-30;

/** Maps router rows to experts: row e is expert e, or several rows share one (merged) expert. */
export type RouterMap =
  | { readonly kind: 'direct' }
  /** Selection over all rows as before the merge; row r then runs expert `experts[r]`. */
  | { readonly kind: 'rows'; readonly experts: readonly number[] }
  /** Probabilities of the rows of one expert are summed, and experts are chosen by the sums. */
  | { readonly kind: 'sums'; readonly experts: readonly number[] }
  /** The same with any weights: row e of `rows` contains the weights of all rows' probabilities in that of expert e. */
  | { readonly kind: 'blend'; readonly rows: readonly (readonly number[])[] };

export interface MoeLayer {
  readonly topK: number;
  readonly routing: RoutingRule;
  /** [rows, H] and [rows]. */
  readonly router: TensorView;
  readonly routerBias: TensorView | null;
  readonly map: RouterMap;
  readonly experts: readonly ExpertTensors[];
  /** The mask decides the choice alone: weights are those of the unmasked router. Absent: it takes part in both. */
  readonly gates?: 'trained';
  /** Rows of the router after those of the experts, each for an expert that gives back its input. */
  readonly identities: number;
  readonly activation: ExpertActivation;
  readonly latent: MoeDescriptor['latent'];
  readonly shared: MoeDescriptor['shared'];
}

export interface MoeOutputs {
  /** [T, H], shared expert included. */
  readonly output: Value;
  /** [T, rows] before the mask. */
  readonly logits: Value;
  /** [T, K] numbers of the experts that ran, by decreasing weight. */
  readonly experts: Value;
  /** [T, K] combine weights. */
  readonly weights: Value;
  /** [T, K] L2 norm of each chosen expert's output before its weight. */
  readonly norms: Value;
  /** Adds the nodes for optional statistics; they cost nothing unless this is called. */
  readonly observe: () => MoeObservation;
}

export interface MoeObservation {
  /** [T, K] largest magnitude in each chosen expert's output before its weight. */
  readonly peaks: Value;
  /** [T, K, I] input of each chosen expert's down projection. */
  readonly inner: Value;
  /** [T, H] weighted sum of the chosen experts, without the shared one. */
  readonly routed: Value;
}

/**
 * Sparse Mixture-of-Experts layer: tokens are sorted by expert (an argsort by TopK over unique keys), split by counts,
 * run through one chain of products per expert on the checkpoint's own tensors, and put back in order. `mask` [rows],
 * or [T, rows] for tokens of several candidates: 0 keeps an expert, -1e9 removes it exactly as deleting its row would.
 * `forRouter`: what the router sees, if it is not what the experts see. `ids`: numbers of the tokens [T] int64.
 */
export const moe = (
  graph: OnnxGraph,
  layer: MoeLayer,
  tokens: Value,
  mask: Value,
  forRouter: Value = tokens,
  ids: Value | null = null,
): MoeOutputs => {
  const logits = multiply(graph, forRouter, layer.router, layer.routerBias);
  const choice = choose(graph, layer, logits, mask, ids);
  const { rows: experts, weights } = choice;

  const flat = graph.reshape(experts, [-1]);
  const count = graph.shape(flat);
  const position = graph.range(count);
  const keys = graph.add(graph.mul(flat, count), position);
  const [, order] = graph.nodes('TopK', [keys, count], 2, { largest: 0, sorted: 1 });
  const rows = graph.div(order, graph.integers(layer.topK));
  const taken = graph.gather(expertInputs(graph, layer, tokens), rows, 0);
  const counts = expertCounts(graph, layer, flat, count);
  const { output: outputs, inner } = gatesInput(layer.routing)
    ? runGated(graph, layer, taken, counts, gatesOfRows(graph, weights, order))
    : runExperts(graph, layer, taken, counts);
  const inverse = graph.node('ScatterElements', [position, order, position], { axis: 0 });
  const inOrder = graph.reshape(inverse, [-1, layer.topK]);
  // [T, 1, K] x [T, K, H]: the weighted sum over each token's experts.
  const { latent } = layer;
  const weighted = graph.matmul(graph.unsqueeze(weights, [1]), graph.gather(outputs, inOrder, 0));
  const routed = graph.squeeze(weighted, [1]);
  const ofChoices = (perRow: Value): Value => graph.gather(perRow, inOrder, 0);
  return {
    output: withShared(
      graph,
      layer,
      tokens,
      latent?.back.bias == null ? routed : graph.add(routed, tensor(graph, latent.back.bias)),
    ),
    logits,
    experts,
    weights,
    norms: ofChoices(graph.node('ReduceL2', [outputs, graph.integers([1])], { keepdims: 0 })),
    observe: () => ({
      peaks: ofChoices(graph.node('ReduceMax', [graph.node('Abs', [outputs]), graph.integers([1])], { keepdims: 0 })),
      inner: ofChoices(inner),
      routed,
    }),
  };
};

/** Chosen experts and their weights; under a map, rows of the router are not experts. */
const choose = (graph: OnnxGraph, layer: MoeLayer, logits: Value, mask: Value, ids: Value | null): Choice => {
  const { topK, routing, map } = layer;
  if (map.kind === 'sums' || map.kind === 'blend') {
    if (!isPlainSoftmax(routing)) throw new Error('sums of probabilities need a softmax router without groups');
    const probabilities = graph.node('Softmax', [graph.add(logits, mask)], { axis: -1 });
    const rowCount = map.kind === 'sums' ? map.experts.length : (map.rows[0]?.length ?? 0);
    const shareOf = (row: number, expert: number): number =>
      map.kind === 'blend' ? (map.rows[expert]?.[row] ?? 0) : map.experts[row] === expert ? 1 : 0;
    const shares = Array.from({ length: rowCount }, (_, row) =>
      layer.experts.map((_expert, expert) => shareOf(row, expert)),
    ).flat();
    const sums = graph.matmul(probabilities, graph.floats([rowCount, layer.experts.length], shares));
    const { values, rows } = largest(graph, sums, topK);
    return { rows, weights: routing.renormalise === null ? values : normalised(graph, values, routing.renormalise) };
  }
  const choice = route(graph, routing, topK, logits, mask, ids, layer.gates);
  return map.kind === 'direct'
    ? choice
    : { rows: graph.node('Gather', [graph.integers(map.experts), choice.rows]), weights: choice.weights };
};

/**
 * Rows of each expert among the flat choices [T * K], which may be identities too: [experts] int64. Ones are added up
 * by expert: a comparison of every choice with every expert would take more memory than the choices' hidden states
 * where experts are many and narrow.
 */
const expertCounts = (graph: OnnxGraph, { experts, identities }: MoeLayer, flat: Value, count: Value): Value => {
  const none = graph.integers(Array.from({ length: experts.length + identities }, () => 0));
  const ones = graph.node('Expand', [graph.integers([1]), count]);
  const counts = graph.node('ScatterElements', [none, flat, ones], { axis: 0, reduction: 'add' });
  return identities === 0 ? counts : graph.slice(counts, 0, experts.length, 0);
};

/** [n, 1] weights of rows sorted by expert, kept from zero so that they can divide. */
const gatesOfRows = (graph: OnnxGraph, weights: Value, order: Value): Value => {
  const flat = graph.reshape(weights, [-1, 1]);
  return graph.node('Max', [graph.gather(flat, order, 0), graph.float(LEAST_GATE)]);
};

/** Outputs of experts before their weights, [n, H], and inputs of their down projections, [n, I]. */
interface ExpertValues {
  readonly output: Value;
  readonly inner: Value;
}

/**
 * Experts f on rows x that are multiplied by their gates w first: f(w x) / w, the output before its weight, so that
 * weights, norms and refits mean the same as in other families.
 */
const runGated = (graph: OnnxGraph, layer: MoeLayer, rows: Value, counts: Value, gates: Value): ExpertValues => {
  const { output, inner } = runExperts(graph, layer, graph.mul(rows, gates), counts);
  return { output: graph.div(output, gates), inner: graph.div(inner, gates) };
};

/** Experts on float32 rows sorted by expert; an expert without rows costs nothing. */
const runExperts = (graph: OnnxGraph, layer: MoeLayer, rows: Value, counts: Value): ExpertValues => {
  const { experts, identities } = layer;
  const run = (part: Value, index: number): ExpertValues =>
    index < experts.length
      ? expertOnInputs(graph, layer, index, part)
      : { output: part, inner: zeros(graph, part, experts[0]?.down.shape[1] ?? 0) };
  const taken = toProducts(graph, rows);
  const open = opensByOtherProducts(graph, layer) ? withoutAxes(graph, taken) : taken;
  const results =
    identities === 0
      ? splitRows(graph, open, counts, experts.length).map(run)
      : splitRows(graph, open, withRest(graph, counts, rows), experts.length + 1).map(run);
  const joined = (parts: readonly Value[]): Value => fromProducts(graph, joinRows(graph, parts));
  return {
    output: joined(results.map(({ output }) => output)),
    inner: joined(results.map(({ inner }) => inner)),
  };
};

/** Layers with more experts than this take long to open: their graphs are made and optimised so that it is less. */
export const MANY_EXPERTS = 64;

/**
 * When a session opens, onnxruntime looks for a used buffer of the same shape for every value whose axes it knows,
 * among all values before it. Experts have unknown numbers of rows, so it never finds one, and opening takes time
 * quadratic in the number of experts: 512 of them took 4 to 7 s a layer. Values without known axes are not looked up. A
 * Gemm's output always has two known ones, that of a FusedMatMul only where its input has; both are the same product.
 * Providers that limit their nodes keep Gemm.
 */
const opensByOtherProducts = (graph: OnnxGraph, { experts }: Experts): boolean =>
  experts.length > MANY_EXPERTS && graph.target.nodeWidth === Number.POSITIVE_INFINITY;

/** Rows [n, H] unchanged, reshaped to their own sizes in a way from which onnxruntime cannot infer the axes. */
const withoutAxes = (graph: OnnxGraph, rows: Value): Value => {
  const sizes = graph.shape(rows);
  const atOrAfterTheEnd = graph.add(graph.shape(rows, 0, 1), graph.integers([2]));
  return graph.node('Reshape', [rows, graph.node('Slice', [sizes, graph.integers([0]), atOrAfterTheEnd])]);
};

/** x W^T + b of an expert. */
const expertProduct = (
  graph: OnnxGraph,
  layer: Experts,
  rows: Value,
  matrix: Weight,
  bias: Weight | undefined,
): Value =>
  bias === undefined && opensByOtherProducts(graph, layer)
    ? graph.node('FusedMatMul', [rows, weight(graph, matrix, productType(graph))], {
        transB: matrix.transposed === true ? 0 : 1,
      })
    : biased(graph, rows, matrix, bias);

/** Counts of experts, and of the rows after theirs. */
const withRest = (graph: OnnxGraph, counts: Value, rows: Value): Value => {
  const all = graph.shape(rows, 0, 1);
  const routed = graph.node('ReduceSum', [counts, graph.integers([0])], { keepdims: 1 });
  return graph.concat([counts, graph.sub(all, routed)], 0);
};

/** Tokens [n, H] as experts see them: [n, D] where they work in a latent space. */
const expertInputs = (graph: OnnxGraph, { latent }: Experts, tokens: Value): Value =>
  latent === null ? tokens : project(graph, tokens, latent.into);

/**
 * One expert on its inputs [n, H], or [n, D] in a latent space: its output [n, H], and `inner` [n, I], the input of its
 * down projection, all in the format of products. The projection out of a latent space is that of each output, so that
 * norms and constants are those of what is added to the hidden states; its bias is added to their sum.
 */
const expertOnInputs = (graph: OnnxGraph, layer: Experts, index: number, tokens: Value): ExpertValues => {
  const { activation, latent } = layer;
  const tensors = present(layer.experts[index], `expert ${index} has no tensors`);
  if (tensors.constant !== undefined)
    return constantOnTokens(graph, tensors.constant, tensors.down.shape[1] ?? 0, tokens);
  const product = (rows: Value, matrix: Weight, bias: Weight | undefined): Value =>
    expertProduct(graph, layer, rows, matrix, bias);
  const up = product(tokens, tensors.up, tensors.upBias);
  const inner =
    tensors.gate === null
      ? squaredRelu(graph, up)
      : activated(graph, activation, product(tokens, tensors.gate, tensors.gateBias), up);
  const output = product(inner, tensors.down, tensors.downBias);
  return { output: latent === null ? output : product(output, latent.back.weight, undefined), inner };
};

/** An expert with a constant output: [n, H] of it, and no input of a down projection. */
const constantOnTokens = (graph: OnnxGraph, vector: TensorView, width: number, tokens: Value): ExpertValues => {
  const nothing = zeros(graph, tokens, 1);
  const constant = tensorAs(graph, vector, productType(graph));
  return { output: graph.add(nothing, constant), inner: zeros(graph, tokens, width) };
};

/** [n, width] zeros for tokens [n, H], in the number format of products. */
const zeros = (graph: OnnxGraph, tokens: Value, width: number): Value => {
  const nothing = graph.mul(tokens, scalar(graph, 0, productType(graph)));
  const column = graph.node('ReduceSum', [nothing, graph.integers([1])], { keepdims: 1 });
  return graph.add(column, toProducts(graph, graph.floats([1, width], new Array<number>(width).fill(0))));
};

/** silu(gate) * up, or gpt-oss's clamped form: (up + 1) * gate * sigmoid(alpha gate). */
const activated = (graph: OnnxGraph, activation: ExpertActivation, gate: Value, up: Value): Value => {
  if (activation.kind !== 'clamped')
    return graph.mul(activate(graph, activation, gate), limitedUp(graph, activation, up));
  const { limit, alpha } = activation;
  const type = productType(graph);
  const bounded = graph.node('Min', [gate, scalar(graph, limit, type)]);
  const raised = graph.add(within(graph, up, limit), scalar(graph, 1, type));
  return graph.mul(graph.node('QuickGelu', [bounded], { alpha: { float: alpha } }), raised);
};

/** Adds the shared expert, which sees every token. */
const withShared = (graph: OnnxGraph, { shared }: MoeLayer, tokens: Value, routed: Value): Value => {
  if (shared === null) return routed;
  const output = swiglu(graph, tokens, shared);
  if (shared.scale === null) return graph.add(routed, output);
  const share = graph.node('Sigmoid', [graph.node('Gemm', [tokens, tensor(graph, shared.scale)], { transB: 1 })]);
  return graph.add(routed, graph.mul(output, share));
};

/** The part of a layer that runs on every token. */
export type Experts = Pick<MoeLayer, 'experts' | 'activation' | 'latent'>;

/**
 * Every expert of a layer on every token, regardless of the router: `tokens` [T, H] -> `outputs` [E, T, H], or the
 * inputs of the experts' down projections, [E, T, I].
 */
export const expertsGraph = (hidden: number, layer: Experts, part: keyof ExpertValues = 'output'): SerialisedGraph => {
  const graph = new OnnxGraph();
  const tokens = graph.input('tokens', DataType.FLOAT, ['T', hidden]);
  const width = part === 'output' ? hidden : (layer.experts[0]?.down.shape[1] ?? 0);
  const outputs = everyExpert(graph, layer, tokens, part);
  graph.output('outputs', outputs, DataType.FLOAT, [layer.experts.length, 'T', width]);
  return graph.serialise(part === 'output' ? 'experts' : 'inner activations of experts');
};

/** [E, T, H] outputs before any weight, or [E, T, I] inputs of down projections. */
export const everyExpert = (
  graph: OnnxGraph,
  layer: Experts,
  tokens: Value,
  part: keyof ExpertValues = 'output',
): Value => {
  const inputs = expertInputs(graph, layer, tokens);
  const values = layer.experts.map((_, index) =>
    graph.unsqueeze(expertOnInputs(graph, layer, index, inputs)[part], [0]),
  );
  return graph.concat(values, 0);
};
