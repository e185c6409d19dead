import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { BlockDescriptor, ModelDescriptor } from '../checkpoint/descriptor.ts';
import { attention, attentionInputs, prefixInputs, type AttentionInputs, type KeysAndValues } from './attention.ts';
import { normalise, swiglu } from './linear.ts';
import { moe, type MoeLayer, type MoeOutputs } from './moe.ts';
import { OnnxGraph, type GraphTarget, type Value } from './onnx-graph.ts';

/**
 * What a block takes and gives beside the common: `observed` gives what only some statistics look at (`tokens`,
 * `residual`, `routed`, `peaks`, `inner`); `prefixed` takes keys and values of tokens that stand before every sequence
 * (`prefixKey`, `prefixValue`) and gives those of its own tokens (`key`, `value`).
 */
export type BlockForm = 'plain' | 'observed' | 'prefixed';

/**
 * One transformer block: hidden [T, H] -> hidden [T, H]. In an MoE layer the router mask is an input and the router's
 * doings (`logits`, `experts`, `weights`, `norms`) are outputs, always: one session serves every candidate that drops
 * experts, and every statistic. `layer` stands in for the checkpoint's own MoE layer where experts are merged; null in
 * a dense layer. `target`: what the provider that runs it can take.
 */
export const blockGraph = (model: ModelDescriptor, block: BlockDescriptor, layer: MoeLayer | null, target?: GraphTarget, form: BlockForm = 'plain'): Uint8Array => {
  const graph = new OnnxGraph(target);
  const { hidden } = model;
  const input = graph.input('hidden', DataType.FLOAT, ['T', hidden]);
  const rows = layer?.router.shape[0] ?? 0;
  const mask = layer === null ? null : graph.input('mask', DataType.FLOAT, [rows]);
  const inputs =
    form === 'prefixed'
      ? { ...attentionInputs(graph, model, 'P+S'), prefix: prefixInputs(graph, model, block.attention) }
      : attentionInputs(graph, model, 'S');
  const { output, router, residual, tokens, own } = blockNodes(graph, model, { block, layer, hidden: input, inputs, mask });
  graph.output('hiddenOut', output, DataType.FLOAT, ['T', hidden]);
  if (form === 'prefixed') {
    graph.output('key', own.key, DataType.FLOAT, ['T', 'G', 'K']);
    graph.output('value', own.value, DataType.FLOAT, ['T', 'G', 'V']);
  }
  if (layer === null || router === null) return graph.serialise('block');
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
  /** [T, H]. */
  readonly hidden: Value;
  readonly inputs: AttentionInputs;
}

export interface BlockValues {
  /** [T, H] after the block. */
  readonly output: Value;
  /** What its router did; null in a dense layer. */
  readonly router: MoeOutputs | null;
  /** [T, H] what the experts' branch is added to, and what goes into that branch. */
  readonly residual: Value;
  readonly tokens: Value;
  /** Of the tokens' attention. */
  readonly own: KeysAndValues;
}

/** The nodes of one block. */
export const blockNodes = (graph: OnnxGraph, model: ModelDescriptor, { block, layer, mask, hidden, inputs }: BlockInputs): BlockValues => {
  const attended = attention(graph, model, block.attention, normalise(graph, hidden, block.attentionNorm), inputs);
  const { own } = attended;
  const residual = addBranch(graph, model, hidden, attended.output);
  const tokens = normalise(graph, residual, block.feedForwardNorm);
  if (layer !== null && mask !== null) {
    const router = moe(graph, layer, tokens, mask);
    return { output: addBranch(graph, model, residual, router.output), router, residual, tokens, own };
  }
  if (block.dense === null) throw new Error('a block is dense or has experts');
  return { output: addBranch(graph, model, residual, swiglu(graph, tokens, block.dense)), router: null, residual, tokens, own };
};

const addBranch = (graph: OnnxGraph, { residualMultiplier }: ModelDescriptor, residual: Value, branch: Value): Value =>
  graph.node('Add', [residual, residualMultiplier === 1 ? branch : graph.node('Mul', [branch, graph.float(residualMultiplier)])]);
