import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { ExpertTensors, RoutingRule, TensorView } from '../checkpoint/descriptor.ts';
import { project } from './attention.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** How router logits reach experts: row e is expert e, or several rows share one (merged) expert. */
export type RouterMap =
  | { readonly kind: 'direct' }
  /** Selection over all rows as before the merge; row r then runs expert `experts[r]` (METHODS 0.1, treatment c). */
  | { readonly kind: 'rows'; readonly experts: readonly number[] }
  /** Probabilities of the rows of one expert are added, and experts are chosen by the sums (treatment d). */
  | { readonly kind: 'sums'; readonly experts: readonly number[] };

export interface MoeLayer {
  readonly topK: number;
  readonly routing: RoutingRule;
  /** [rows, H]. */
  readonly router: TensorView;
  readonly map: RouterMap;
  readonly experts: readonly ExpertTensors[];
}

export interface MoeOutputs {
  /** [T, H]. */
  readonly output: Value;
  /** [T, rows] before the mask. */
  readonly logits: Value;
  /** [T, K] numbers of the experts that ran, by falling weight. */
  readonly experts: Value;
  /** [T, K] combine weights. */
  readonly weights: Value;
  /** [T, K] L2 norm of each chosen expert's output before its weight. */
  readonly norms: Value;
}

/**
 * Sparse Mixture-of-Experts layer: tokens are sorted by expert (an argsort by TopK over unique keys), split by counts,
 * run through one chain of products per expert on the checkpoint's own tensors, and put back in order. `mask` [rows] is
 * added to the logits before selection: 0 keeps an expert, -1e9 removes it exactly as deleting its row would.
 */
export const moe = (graph: OnnxGraph, layer: MoeLayer, tokens: Value, mask: Value): MoeOutputs => {
  const logits = project(graph, tokens, layer.router);
  const { experts, weights } = route(graph, layer, graph.node('Add', [logits, mask]));

  const flat = graph.node('Reshape', [experts, graph.integers([-1])]);
  const count = graph.node('Shape', [flat]);
  const position = graph.node('Range', [graph.integers(0), graph.node('Squeeze', [count]), graph.integers(1)]);
  const keys = graph.node('Add', [graph.node('Mul', [flat, count]), position]);
  const [, order] = graph.nodes('TopK', [keys, count], 2, { largest: 0, sorted: 1 });
  if (order === undefined) throw new Error('TopK gives two outputs');
  const rows = graph.node('Gather', [tokens, graph.node('Div', [order, graph.integers(layer.topK)])], { axis: 0 });

  const outputs = runExperts(graph, layer.experts, rows, expertCounts(graph, flat, layer.experts.length));
  const inverse = graph.node('ScatterElements', [position, order, position], { axis: 0 });
  const inOrder = graph.node('Reshape', [inverse, graph.integers([-1, layer.topK])]);
  // [T, 1, K] x [T, K, H]: the weighted sum over each token's experts.
  const weighted = graph.node('MatMul', [
    graph.node('Unsqueeze', [weights, graph.integers([1])]),
    graph.node('Gather', [outputs, inOrder], { axis: 0 }),
  ]);
  const norms = graph.node('ReduceL2', [outputs, graph.integers([1])], { keepdims: 0 });
  return {
    output: graph.node('Squeeze', [weighted, graph.integers([1])]),
    logits,
    experts,
    weights,
    norms: graph.node('Gather', [norms, inOrder], { axis: 0 }),
  };
};

/** Rows of each expert among the flat choices [T * K]: [experts] int64. */
const expertCounts = (graph: OnnxGraph, flat: Value, experts: number): Value => {
  const numbers = graph.integers(Array.from({ length: experts }, (_, expert) => expert));
  const hits = graph.node('Equal', [graph.node('Unsqueeze', [flat, graph.integers([1])]), numbers]);
  return graph.node('ReduceSum', [graph.node('Cast', [hits], { to: DataType.INT64 }), graph.integers([0])], { keepdims: 0 });
};

/** SwiGLU experts on rows sorted by expert; an expert without rows costs nothing. */
const runExperts = (graph: OnnxGraph, experts: readonly ExpertTensors[], rows: Value, counts: Value): Value => {
  const parts = experts.length === 1 ? [rows] : graph.nodes('Split', [rows, counts], experts.length, { axis: 0 });
  const outputs = parts.map((part, index) => {
    const tensors = experts[index];
    if (tensors === undefined) throw new Error(`expert ${String(index)} has no tensors`);
    const gate = graph.node('QuickGelu', [project(graph, part, tensors.gate)], { alpha: { float: 1 } });
    return project(graph, graph.node('Mul', [gate, project(graph, part, tensors.up)]), tensors.down);
  });
  return outputs.length === 1 && outputs[0] !== undefined ? outputs[0] : graph.node('Concat', outputs, { axis: 0 });
};

/**
 * Selection and combine weights, [T, K] each. The K largest masked logits are the K largest probabilities (the softmax
 * is monotonic, and comparing logits keeps apart what rounds to equal probabilities); ties go to the lower index.
 */
const route = (graph: OnnxGraph, layer: MoeLayer, masked: Value): { experts: Value; weights: Value } => {
  const { topK, routing, map } = layer;
  if (map.kind === 'sums') {
    const probabilities = graph.node('Softmax', [masked], { axis: -1 });
    const membership = map.experts.flatMap((own) => layer.experts.map((_, expert) => (own === expert ? 1 : 0)));
    const sums = graph.node('MatMul', [probabilities, graph.floats([map.experts.length, layer.experts.length], membership)]);
    const [weights, experts] = graph.nodes('TopK', [sums, graph.integers([topK])], 2, { largest: 1, sorted: 1, axis: -1 });
    if (weights === undefined || experts === undefined) throw new Error('TopK gives two outputs');
    return { experts, weights: routing.normalise ? normalised(graph, weights) : weights };
  }
  const [chosenLogits, rows] = graph.nodes('TopK', [masked, graph.integers([topK])], 2, { largest: 1, sorted: 1, axis: -1 });
  if (chosenLogits === undefined || rows === undefined) throw new Error('TopK gives two outputs');
  const weights = routing.normalise
    ? graph.node('Softmax', [chosenLogits], { axis: -1 })
    : graph.node('GatherElements', [graph.node('Softmax', [masked], { axis: -1 }), rows], { axis: -1 });
  const experts = map.kind === 'rows' ? graph.node('Gather', [graph.integers(map.experts), rows]) : rows;
  return { experts, weights };
};

const normalised = (graph: OnnxGraph, weights: Value): Value =>
  graph.node('Div', [weights, graph.node('ReduceSum', [weights, graph.integers([-1])], { keepdims: 1 })]);
