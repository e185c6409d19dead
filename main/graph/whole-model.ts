import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import { blockNodes } from './block-graph.ts';
import type { MoeLayer } from './moe.ts';
import { OnnxGraph, type Value } from './onnx-graph.ts';
import { embed, head } from './outer-graphs.ts';
import { wholeModelLayout } from './whole-model-layout.ts';

/** Names of the graph's inputs and output, as other exporters of language models give them. */
export const INPUT_IDS = 'input_ids';
export const ATTENTION_MASK = 'attention_mask';
export const LOGITS = 'logits';

/**
 * A whole model as one graph: `input_ids` and `attention_mask` [batch, sequence] int64 -> `logits` [batch, sequence,
 * vocabulary] float32. A slot whose mask is 0 is padding, on whichever side: no token sees it, it counts as no position,
 * and its own logits mean nothing. Batch and sequence may be of any size; at least one slot must be a token.
 *
 * `layers[block]`: the experts of each block, null where it is dense.
 */
export const wholeModelGraph = (model: ModelDescriptor, layers: readonly (MoeLayer | null)[]): Uint8Array => {
  const graph = new OnnxGraph();
  const ids = graph.input(INPUT_IDS, DataType.INT64, ['batch', 'sequence']);
  const mask = graph.input(ATTENTION_MASK, DataType.INT64, ['batch', 'sequence']);
  const layout = wholeModelLayout(graph, model, mask);
  const tokens = graph.node('Gather', [flat(graph, ids), layout.unpack], { axis: 0 });
  const last = model.blocks.reduce((hidden: Value, block, index) => {
    const layer = layers[index] ?? null;
    const rows = layer?.router.shape[0] ?? 0;
    const everyExpert = layer === null ? null : graph.floats([rows], new Array<number>(rows).fill(0));
    return blockNodes(graph, model, { block, layer, mask: everyExpert, hidden, inputs: layout.attention(block.window) }).output;
  }, embed(graph, model, tokens));
  const everySlot = graph.node('Gather', [last, flat(graph, layout.pack)], { axis: 0 });
  const shape = graph.node('Concat', [graph.node('Shape', [ids]), graph.integers([model.vocabulary])], { axis: 0 });
  const logits = graph.node('Reshape', [head(graph, model, everySlot), shape]);
  graph.output(LOGITS, logits, DataType.FLOAT, ['batch', 'sequence', model.vocabulary]);
  return graph.serialise(model.family);
};

const flat = (graph: OnnxGraph, value: Value): Value => graph.node('Reshape', [value, graph.integers([-1])]);
