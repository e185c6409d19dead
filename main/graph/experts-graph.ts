import { TensorProto_DataType as DataType } from 'onnx-buf';
import { expertOnTokens, type MoeLayer } from './moe.ts';
import { OnnxGraph, type Value } from './onnx-graph.ts';

type Experts = Pick<MoeLayer, 'experts' | 'activation'>;

/** Every expert of a layer on every token, whoever the router would choose: `tokens` [T, H] -> `outputs` [E, T, H]. */
export const expertsGraph = (hidden: number, layer: Experts): Uint8Array => {
  const graph = new OnnxGraph();
  const tokens = graph.input('tokens', DataType.FLOAT, ['T', hidden]);
  graph.output('outputs', everyExpert(graph, layer, tokens), DataType.FLOAT, [layer.experts.length, 'T', hidden]);
  return graph.serialise('experts');
};

/** [E, T, H] outputs before any weight. */
export const everyExpert = (graph: OnnxGraph, layer: Experts, tokens: Value): Value => {
  const outputs = layer.experts.map((_, index) =>
    graph.node('Unsqueeze', [expertOnTokens(graph, layer, index, tokens).output, graph.integers([0])]),
  );
  return graph.node('Concat', outputs, { axis: 0 });
};
