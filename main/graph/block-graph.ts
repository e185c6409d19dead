import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { BlockDescriptor, ModelDescriptor, TensorView } from '../checkpoint/descriptor.ts';
import { attention, attentionInputs } from './attention.ts';
import { moe, type MoeLayer } from './moe.ts';
import { OnnxGraph, type Value } from './onnx-graph.ts';
import { weight } from './weights.ts';

/**
 * One transformer block: hidden [T, H] -> hidden [T, H], with the router mask as an input and the router's doings
 * (`logits`, `experts`, `weights`, `norms`) as outputs, always: one session serves every candidate that drops experts,
 * and every statistic. `layer` stands in for the checkpoint's own MoE layer where experts are merged.
 */
export const blockGraph = (model: ModelDescriptor, block: BlockDescriptor, layer: MoeLayer): Uint8Array => {
  const graph = new OnnxGraph();
  const { hidden, normEpsilon } = model;
  const rows = layer.router.shape[0] ?? 0;
  const input = graph.input('hidden', DataType.FLOAT, ['T', hidden]);
  const inputs = attentionInputs(graph, model.headDimension);
  const mask = graph.input('mask', DataType.FLOAT, [rows]);

  const attended = attention(graph, model, block.attention, rmsNorm(graph, input, block.attentionNorm, normEpsilon), inputs);
  const residual = graph.node('Add', [input, attended]);
  const result = moe(graph, layer, rmsNorm(graph, residual, block.moeNorm, normEpsilon), mask);

  graph.output('hiddenOut', graph.node('Add', [residual, result.output]), DataType.FLOAT, ['T', hidden]);
  graph.output('logits', result.logits, DataType.FLOAT, ['T', rows]);
  graph.output('experts', result.experts, DataType.INT64, ['T', layer.topK]);
  graph.output('weights', result.weights, DataType.FLOAT, ['T', layer.topK]);
  graph.output('norms', result.norms, DataType.FLOAT, ['T', layer.topK]);
  return graph.serialise('block');
};

/** x * rsqrt(mean(x^2) + epsilon) * w in float32. */
export const rmsNorm = (graph: OnnxGraph, tokens: Value, scale: TensorView, epsilon: number): Value =>
  graph.node('SimplifiedLayerNormalization', [tokens, weight(graph, scale)], { axis: -1, epsilon: { float: epsilon }, stash_type: 1 });
