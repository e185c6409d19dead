import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { BlockDescriptor, ModelDescriptor } from '../checkpoint/descriptor.ts';
import { attention, attentionInputs } from './attention.ts';
import { normalise, swiglu } from './linear.ts';
import { moe, type MoeLayer } from './moe.ts';
import { OnnxGraph, type Value } from './onnx-graph.ts';

/**
 * One transformer block: hidden [T, H] -> hidden [T, H]. In an MoE layer the router mask is an input and the router's
 * doings (`logits`, `experts`, `weights`, `norms`) are outputs, always: one session serves every candidate that drops
 * experts, and every statistic. `layer` stands in for the checkpoint's own MoE layer where experts are merged; null in
 * a dense layer.
 */
export const blockGraph = (model: ModelDescriptor, block: BlockDescriptor, layer: MoeLayer | null): Uint8Array => {
  const graph = new OnnxGraph();
  const { hidden } = model;
  const input = graph.input('hidden', DataType.FLOAT, ['T', hidden]);
  const inputs = attentionInputs(graph, model);
  const attended = attention(graph, model, block.attention, normalise(graph, input, block.attentionNorm), inputs);
  const residual = addBranch(graph, model, input, attended);
  const tokens = normalise(graph, residual, block.feedForwardNorm);
  if (layer === null) {
    if (block.dense === null) throw new Error('a block is dense or has experts');
    graph.output('hiddenOut', addBranch(graph, model, residual, swiglu(graph, tokens, block.dense)), DataType.FLOAT, ['T', hidden]);
    return graph.serialise('block');
  }
  const rows = layer.router.shape[0] ?? 0;
  const result = moe(graph, layer, tokens, graph.input('mask', DataType.FLOAT, [rows]));
  graph.output('hiddenOut', addBranch(graph, model, residual, result.output), DataType.FLOAT, ['T', hidden]);
  graph.output('logits', result.logits, DataType.FLOAT, ['T', rows]);
  graph.output('experts', result.experts, DataType.INT64, ['T', layer.topK]);
  graph.output('weights', result.weights, DataType.FLOAT, ['T', layer.topK]);
  graph.output('norms', result.norms, DataType.FLOAT, ['T', layer.topK]);
  return graph.serialise('block');
};

const addBranch = (graph: OnnxGraph, { residualMultiplier }: ModelDescriptor, residual: Value, branch: Value): Value =>
  graph.node('Add', [residual, residualMultiplier === 1 ? branch : graph.node('Mul', [branch, graph.float(residualMultiplier)])]);
