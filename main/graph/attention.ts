import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { AttentionDescriptor, ModelDescriptor, TensorView } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { weight } from './weights.ts';

/** Where each token of a batch sits, and what it may see. T tokens, B sequences of at most S tokens. */
export interface AttentionInputs {
  /** [T, D/2] cosine and sine of each token's rotary angles, and [1, T] the rows to take: 0 to T - 1. */
  readonly cosine: Value;
  readonly sine: Value;
  readonly rows: Value;
  /** [B, S] row of each slot's token (any row for padding slots). */
  readonly pack: Value;
  /** [T] slot (b * S + s) of each token. */
  readonly unpack: Value;
  /** [B, 1, S, S] 0 where the query may see the key, a large negative number elsewhere. */
  readonly bias: Value;
}

export const attentionInputs = (graph: OnnxGraph, headDimension: number): AttentionInputs => ({
  cosine: graph.input('cosine', DataType.FLOAT, ['T', headDimension / 2]),
  sine: graph.input('sine', DataType.FLOAT, ['T', headDimension / 2]),
  rows: graph.input('rows', DataType.INT64, [1, 'T']),
  pack: graph.input('pack', DataType.INT64, ['B', 'S']),
  unpack: graph.input('unpack', DataType.INT64, ['T']),
  bias: graph.input('bias', DataType.FLOAT, ['B', 1, 'S', 'S']),
});

/** x W^T for tokens [T, in] and a weight [out, in]. */
export const project = (graph: OnnxGraph, tokens: Value, view: TensorView): Value =>
  graph.node('Gemm', [tokens, weight(graph, view)], { transB: 1 });

/**
 * Grouped-query attention with half-split rotary embedding over packed tokens: only real tokens are projected, the
 * padded layout [B, S] exists between pack and unpack alone. Standard operators, since token trees need a free mask.
 */
export const attention = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  descriptor: AttentionDescriptor,
  tokens: Value,
  inputs: AttentionInputs,
): Value => {
  const { heads, keyValueHeads, headDimension } = model;
  const repeats = heads / keyValueHeads;
  const split = (value: Value, count: number): Value => graph.node('Reshape', [value, graph.integers([-1, count, headDimension])]);
  const query = split(rotate(graph, project(graph, tokens, descriptor.query), inputs), heads);
  const key = split(rotate(graph, project(graph, tokens, descriptor.key), inputs), keyValueHeads);
  const value = split(project(graph, tokens, descriptor.value), keyValueHeads);
  const scaled = graph.node('Mul', [query, graph.float(headDimension ** -0.5)]);

  /** [T, N, D] -> [B, S, N, D] */
  const packed = (tensor: Value): Value => graph.node('Gather', [tensor, inputs.pack], { axis: 0 });
  const transposed = (tensor: Value, order: readonly number[]): Value => graph.node('Transpose', [packed(tensor)], { perm: order });
  if (repeats === 1) {
    const scores = graph.node('MatMul', [transposed(scaled, [0, 2, 1, 3]), transposed(key, [0, 2, 3, 1])]);
    const mixed = graph.node('MatMul', [softmax(graph, scores, inputs.bias), transposed(value, [0, 2, 1, 3])]);
    return finish(graph, descriptor, graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }), heads * headDimension, inputs);
  }
  // Query heads of one group stand behind each other as rows, so that one product serves all heads of the group:
  // [B, S, G, R, D] -> [B, G, R, S, D] against [B, G, 1, D, S].
  const grouped = graph.node('Reshape', [packed(scaled), graph.integers([0, 0, keyValueHeads, repeats, headDimension])]);
  const queries = graph.node('Transpose', [grouped], { perm: [0, 2, 3, 1, 4] });
  const keys = graph.node('Unsqueeze', [transposed(key, [0, 2, 3, 1]), graph.integers([2])]);
  const values = graph.node('Unsqueeze', [transposed(value, [0, 2, 1, 3]), graph.integers([2])]);
  const bias = graph.node('Unsqueeze', [inputs.bias, graph.integers([2])]);
  const mixed = graph.node('MatMul', [softmax(graph, graph.node('MatMul', [queries, keys]), bias), values]);
  return finish(graph, descriptor, graph.node('Transpose', [mixed], { perm: [0, 3, 1, 2, 4] }), heads * headDimension, inputs);
};

const softmax = (graph: OnnxGraph, scores: Value, bias: Value): Value =>
  graph.node('Softmax', [graph.node('Add', [scores, bias])], { axis: -1 });

/** [B, S, heads...] -> the real tokens [T, width], projected. */
const finish = (graph: OnnxGraph, descriptor: AttentionDescriptor, mixed: Value, width: number, inputs: AttentionInputs): Value => {
  const slots = graph.node('Reshape', [mixed, graph.integers([-1, width])]);
  return project(graph, graph.node('Gather', [slots, inputs.unpack], { axis: 0 }), descriptor.output);
};

/** Rotary embedding on pairs (i, i + D/2) of every head of [T, N * D]. */
const rotate = (graph: OnnxGraph, tensor: Value, { cosine, sine, rows }: AttentionInputs): Value => {
  const sequence = graph.node('Unsqueeze', [tensor, graph.integers([0])]);
  return graph.node('RotaryEmbedding', [sequence, rows, cosine, sine]);
};
