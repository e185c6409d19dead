import { present } from '../contract/errors.ts';
import type { IndexerDescriptor } from '../checkpoint/descriptor.ts';
import { cut, HIDDEN, merge, rotate, type Rotation, split } from './heads.ts';
import { normalise, project } from './linear.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import type { StreamParts } from './stream.ts';

/** An indexer's queries [T, n, d], the one key of each token [T, 1, d], and weights of its heads [T, n]. */
export interface IndexValues {
  readonly query: Value;
  readonly key: Value;
  readonly weights: Value;
}

/**
 * Sparse indexer (DeepSeek-V3.2-Exp, section 2.1): small heads beside attention that choose the keys of each query. Its
 * queries come from `compressed` [T, rank], the normed low-rank queries of attention; a block without an indexer of its
 * own takes the values of an earlier one from the stream.
 */
export const indexValues = (
  graph: OnnxGraph,
  { heads, dimension, interleaved, own, part }: IndexerDescriptor,
  tokens: Value,
  compressed: Value,
  { rotation, parts }: { readonly rotation: Rotation | null; readonly parts?: StreamParts },
): IndexValues => {
  if (own === null) {
    const given = present(parts?.get(part ?? ''), 'a block without an indexer takes the values of another');
    const [query, key, weights] = cut(graph, given, [heads * dimension, dimension, heads]);
    return { query: split(graph, query, heads, dimension), key: split(graph, key, 1, dimension), weights };
  }
  const turned = rotation === null ? null : { ...rotation, rotary: { ...rotation.rotary, interleaved } };
  const rotated = (value: Value, count: number): Value => rotate(graph, value, count, turned);
  return {
    query: split(graph, rotated(project(graph, compressed, own.query), heads), heads, dimension),
    key: split(graph, rotated(normalise(graph, project(graph, tokens, own.key), own.keyNorm), 1), 1, dimension),
    weights: project(graph, tokens, own.weights),
  };
};

/** The values as one part of the stream, [T, n d + d + n]. */
export const indexPart = (
  graph: OnnxGraph,
  { heads, dimension }: IndexerDescriptor,
  { query, key, weights }: IndexValues,
): Value => graph.concat([merge(graph, query, heads * dimension), merge(graph, key, dimension), weights], -1);

/**
 * Attention bias [B, 1, S, keys] that shows each query only the chosen keys: the `most` visible ones with the largest
 * sum over heads of weight * n^-0.5 * relu(query . key) * d^-0.5. `scoresOf`: products of queries [B, n, S, d] with all
 * keys, [B, n, S, keys].
 */
export const chosenBias = (
  graph: OnnxGraph,
  { heads, dimension, most }: Pick<IndexerDescriptor, 'heads' | 'dimension' | 'most'>,
  { query, weights }: Pick<IndexValues, 'query' | 'weights'>,
  { pack, bias }: { readonly pack: Value; readonly bias: Value },
  scoresOf: (queries: Value) => Value,
): Value => {
  const packed = (value: Value): Value => graph.gather(value, pack, 0);
  const queries = graph.transpose(packed(query), [0, 2, 1, 3]);
  const scaled = graph.mul(weights, graph.float((heads * dimension) ** -0.5));
  const byHead = graph.unsqueeze(graph.transpose(packed(scaled), [0, 2, 1]), [3]);
  const products = graph.mul(graph.node('Relu', [scoresOf(queries)]), byHead);
  const scores = graph.node('ReduceSum', [products, graph.integers([1])], { keepdims: 1 });
  const visible = graph.add(scores, bias);
  const keys = graph.shape(visible, 3, 4);
  const count = graph.node('Min', [keys, graph.integers([most])]);
  const [, chosen] = graph.nodes('TopK', [visible, count], 2, { largest: 1, sorted: 0, axis: -1 });
  const hidden = graph.node('ScatterElements', [graph.filled(visible, HIDDEN), chosen, graph.filled(chosen, 0)], {
    axis: -1,
  });
  return graph.add(bias, hidden);
};

/** Inputs with the keys of an indexer, of tokens before: [P, 1, d]. */
export const prefixIndex = (graph: OnnxGraph, { dimension }: IndexerDescriptor): Value =>
  graph.input('prefixIndex', DataType.FLOAT, ['P', 1, dimension]);
