import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import { multiply, normalise } from './linear.ts';
import { OnnxGraph, type Value } from './onnx-graph.ts';
import { storedTensor, toFloat } from './stored-tensor.ts';

/** Token ids [T] -> hidden [T, H]. 16-bit rows are cast after they are gathered, so that the table is never copied. */
export const embeddingGraph = (model: ModelDescriptor): Uint8Array => {
  const graph = new OnnxGraph();
  const tokens = graph.input('tokens', DataType.INT64, ['T']);
  graph.output('hiddenOut', embed(graph, model, tokens), DataType.FLOAT, ['T', model.hidden]);
  return graph.serialise('embedding');
};

/** Rows [T, H] of token ids [T], times the model's multiplier. */
export const embed = (graph: OnnxGraph, model: ModelDescriptor, tokens: Value): Value => {
  const rows = toFloat(graph, graph.node('Gather', [storedTensor(graph, model.embedding), tokens], { axis: 0 }), model.embedding);
  return model.embeddingMultiplier === 1 ? rows : graph.node('Mul', [rows, graph.float(model.embeddingMultiplier)]);
};

/** Hidden [N, H] -> logits [N, V]. */
export const logitsGraph = (model: ModelDescriptor): Uint8Array => {
  const graph = new OnnxGraph();
  graph.output('logits', head(graph, model, lastHidden(graph, model)), DataType.FLOAT, ['N', model.vocabulary]);
  return graph.serialise('logits');
};

/**
 * Hidden [N, H] and pairs [M, 2] of (row of hidden, target token) -> log-probability of each target, and whether it is
 * the argmax of its row. Several targets may share a row: the choices of an item share the end of their context.
 */
export const scoreGraph = (model: ModelDescriptor): Uint8Array => {
  const graph = new OnnxGraph();
  const logits = head(graph, model, lastHidden(graph, model));
  const pairs = graph.input('pairs', DataType.INT64, ['M', 2]);
  const logprobs = graph.node('GatherND', [graph.node('LogSoftmax', [logits], { axis: -1 }), pairs]);
  const [rows, targets] = [0, 1].map((column) => graph.node('Gather', [pairs, graph.integers(column)], { axis: 1 }));
  if (rows === undefined || targets === undefined) throw new Error('pairs have two columns');
  const best = graph.node('ArgMax', [logits], { axis: -1, keepdims: 0 });
  graph.output('logprobs', logprobs, DataType.FLOAT, ['M']);
  graph.output('greedy', graph.node('Equal', [graph.node('Gather', [best, rows]), targets]), DataType.BOOL, ['M']);
  return graph.serialise('score');
};

const lastHidden = (graph: OnnxGraph, model: ModelDescriptor): Value => graph.input('hidden', DataType.FLOAT, ['N', model.hidden]);

/** Final norm and head: hidden [N, H] -> logits [N, V]. */
export const head = (graph: OnnxGraph, model: ModelDescriptor, hidden: Value): Value => {
  const logits = multiply(graph, normalise(graph, hidden, model.finalNorm), model.head, model.headBias);
  return model.logitsDivisor === 1 ? logits : graph.node('Div', [logits, graph.float(model.logitsDivisor)]);
};
