import type { DenseTensors, Norm, Projection, TensorView, Weight } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { tensor } from './stored-tensor.ts';
import { weight } from './weights.ts';

/** x W^T (+ b) for tokens [T, in] and a weight [out, in]. */
export const linear = (graph: OnnxGraph, tokens: Value, matrix: Weight, bias: Value | null = null): Value =>
  graph.node('Gemm', [tokens, weight(graph, matrix), ...(bias === null ? [] : [bias])], { transB: matrix.transposed === true ? 0 : 1 });

export const project = (graph: OnnxGraph, tokens: Value, { weight: matrix, bias }: Projection): Value =>
  linear(graph, tokens, matrix, bias === null ? null : tensor(graph, bias));

/** x W^T for a tensor that is never quantised (router, head). */
export const multiply = (graph: OnnxGraph, tokens: Value, view: TensorView, bias: TensorView | null): Value =>
  graph.node('Gemm', [tokens, tensor(graph, view), ...(bias === null ? [] : [tensor(graph, bias)])], { transB: 1 });

/** RMS norm (x * rsqrt(mean(x^2) + epsilon) * w) or layer norm over the last axis, in float32. */
export const normalise = (graph: OnnxGraph, tokens: Value, { kind, scale, bias, epsilon }: Norm): Value => {
  const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
  if (kind === 'rms') return graph.node('SimplifiedLayerNormalization', [tokens, tensor(graph, scale)], attributes);
  return graph.node('LayerNormalization', [tokens, tensor(graph, scale), ...(bias === null ? [] : [tensor(graph, bias)])], attributes);
};

/** down(silu(gate x) * up x). */
export const swiglu = (graph: OnnxGraph, tokens: Value, { gate, up, down }: DenseTensors): Value => {
  const activated = graph.node('QuickGelu', [linear(graph, tokens, gate)], { alpha: { float: 1 } });
  return linear(graph, graph.node('Mul', [activated, linear(graph, tokens, up)]), down);
};
