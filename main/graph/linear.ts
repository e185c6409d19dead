import { present } from '../contract/errors.ts';
import type { DenseTensors, Norm, Projection, TensorView, Weight } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import {
  fromProducts,
  type ProductType,
  productType,
  scalar,
  tensor,
  tensorAs,
  toProducts,
  weight,
} from './weights.ts';

/**
 * Splits rows [n, ...] into `parts` blocks of consecutive rows, counts [parts] int64 of them each (0 gives an empty
 * block). More parts than one node may have are split in a tree: first into bundles of parts, then each bundle.
 */
export const splitRows = (graph: OnnxGraph, rows: Value, counts: Value, parts: number): readonly Value[] => {
  const width = graph.target.nodeWidth;
  if (parts === 1) return [rows];
  if (parts <= width) return graph.nodes('Split', [rows, counts], parts, { axis: 0 });
  let size = width;
  while (size * width < parts) size *= width;
  const bundles = Array.from({ length: Math.ceil(parts / size) }, (_, bundle) => {
    const [first, end] = [bundle * size, Math.min((bundle + 1) * size, parts)];
    const part = graph.slice(counts, first, end, 0);
    return {
      own: part,
      sum: graph.node('ReduceSum', [part, graph.integers([0])], { keepdims: 1 }),
      parts: end - first,
    };
  });
  const cut = splitRows(
    graph,
    rows,
    graph.concat(
      bundles.map(({ sum }) => sum),
      0,
    ),
    bundles.length,
  );
  return bundles.flatMap((bundle, index) => {
    const rowsOfPart = present(cut[index], 'a bundle without rows');
    return splitRows(graph, rowsOfPart, bundle.own, bundle.parts);
  });
};

/** Concatenates blocks of rows; more than one node may take are joined in a tree. */
export const joinRows = (graph: OnnxGraph, blocks: readonly Value[]): Value => {
  const width = graph.target.nodeWidth;
  const [first, ...others] = blocks;
  if (first === undefined) throw new Error('nothing to join');
  if (others.length === 0) return first;
  if (blocks.length <= width) return graph.concat(blocks, 0);
  const bundles: Value[] = [];
  for (let start = 0; start < blocks.length; start += width)
    bundles.push(joinRows(graph, blocks.slice(start, start + width)));
  return joinRows(graph, bundles);
};

/** x W^T (+ b) for tokens [T, in] and a weight [out, in], all in one number format. */
const gemm = (graph: OnnxGraph, tokens: Value, matrix: Value, bias: Value | null, isTransposed = false): Value =>
  graph.node('Gemm', [tokens, matrix, ...(bias === null ? [] : [bias])], { transB: isTransposed ? 0 : 1 });

/** The same for float32 tokens and bias and a matrix in the format of products; the bias is added in float32. */
const rounded = (graph: OnnxGraph, tokens: Value, matrix: Value, bias: Value | null, isTransposed: boolean): Value => {
  if (productType(graph) === DataType.FLOAT) return gemm(graph, tokens, matrix, bias, isTransposed);
  const product = fromProducts(graph, gemm(graph, toProducts(graph, tokens), matrix, null, isTransposed));
  return bias === null ? product : graph.add(product, bias);
};

/** x W^T (+ b) for tokens [T, in] and a weight [out, in]. */
export const linear = (graph: OnnxGraph, tokens: Value, matrix: Weight, bias: Value | null = null): Value =>
  rounded(graph, tokens, weight(graph, matrix, productType(graph)), bias, matrix.transposed === true);

export const project = (graph: OnnxGraph, tokens: Value, { weight: matrix, bias }: Projection): Value =>
  linear(graph, tokens, matrix, bias === null ? null : tensor(graph, bias));

/** x W^T for a tensor that is never quantised, in float32 on every device (router). */
export const multiply = (graph: OnnxGraph, tokens: Value, view: TensorView, bias: TensorView | null): Value =>
  gemm(graph, tokens, tensor(graph, view), bias === null ? null : tensor(graph, bias));

/** The same in the target's precision (head). */
export const multiplyRounded = (graph: OnnxGraph, tokens: Value, view: TensorView, bias: TensorView | null): Value => {
  const matrix = tensorAs(graph, view, productType(graph));
  return rounded(graph, tokens, matrix, bias === null ? null : tensor(graph, bias), false);
};

/** RMS norm over the last axis times a factor of its length. */
export const normaliseBy = (graph: OnnxGraph, value: Value, factor: Value, epsilon: number): Value =>
  graph.node('SimplifiedLayerNormalization', [value, factor], {
    axis: -1,
    epsilon: { float: epsilon },
    stash_type: 1,
  });

/** The factor of a norm without weight. */
export const ones = (graph: OnnxGraph, length: number): Value =>
  graph.floats([length], new Array<number>(length).fill(1));

/** RMS norm (x * rsqrt(mean(x^2) + epsilon) * w) or layer norm over the last axis, in float32. */
export const normalise = (graph: OnnxGraph, tokens: Value, { kind, scale, plusOne, bias, epsilon }: Norm): Value => {
  const stored = tensor(graph, scale);
  const factor = plusOne ? graph.add(stored, graph.float(1)) : stored;
  if (kind === 'rms') return normaliseBy(graph, tokens, factor, epsilon);
  return graph.node('LayerNormalization', [tokens, factor, ...(bias === null ? [] : [tensor(graph, bias)])], {
    axis: -1,
    epsilon: { float: epsilon },
    stash_type: 1,
  });
};

/** x W^T + b within a network, in the format of products; the bias is a weight too. */
export const biased = (graph: OnnxGraph, tokens: Value, matrix: Weight, bias: Weight | undefined): Value => {
  const type = productType(graph);
  const added = bias === undefined ? null : weight(graph, bias, type);
  return gemm(graph, tokens, weight(graph, matrix, type), added, matrix.transposed === true);
};

/** down(silu(gate x) * up x), or another activation, for float32 tokens. */
export const swiglu = (
  graph: OnnxGraph,
  given: Value,
  { gate, up, down, activation, gateBias, upBias, downBias }: DenseTensors,
): Value => {
  const tokens = toProducts(graph, given);
  const raised = biased(graph, tokens, up, upBias);
  if (gate === null) return fromProducts(graph, biased(graph, squaredRelu(graph, raised), down, downBias));
  const activated = activate(graph, activation, biased(graph, tokens, gate, gateBias));
  const inner = graph.mul(activated, limitedUp(graph, activation, raised));
  return fromProducts(graph, biased(graph, inner, down, downBias));
};

/** relu(x)^2 (arXiv 2109.08668), of networks without a gate. */
export const squaredRelu = (graph: OnnxGraph, value: Value): Value => {
  const positive = graph.node('Relu', [value]);
  return graph.mul(positive, positive);
};

/** gelu(gate) or silu(gate), at most the limit if there is one, in the format of products. */
export const activate = (graph: OnnxGraph, activation: DenseTensors['activation'], gate: Value): Value => {
  const type = productType(graph);
  if (activation.kind === 'gelu') return gelu(graph, gate, type);
  const atMost = (value: Value, limit: number): Value => graph.node('Min', [value, scalar(graph, limit, type)]);
  const bounded = activation.kind === 'bounded' ? atMost(gate, activation.limit) : gate;
  const activated = graph.node('QuickGelu', [bounded], { alpha: { float: 1 } });
  return activation.kind === 'limited' ? atMost(activated, activation.limit) : activated;
};

/** up within +-the limit if there is one, in the format of products. */
export const limitedUp = (graph: OnnxGraph, activation: DenseTensors['activation'], up: Value): Value =>
  activation.kind === 'limited' || activation.kind === 'bounded' ? within(graph, up, activation.limit) : up;

/** A value of a network within +-limit. */
export const within = (graph: OnnxGraph, value: Value, limit: number): Value => {
  const type = productType(graph);
  return graph.node('Clip', [value, scalar(graph, -limit, type), scalar(graph, limit, type)]);
};

/** GELU by its tanh form (arXiv 1606.08415): 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
export const gelu = (graph: OnnxGraph, value: Value, type: ProductType): Value => {
  const number = (constant: number): Value => scalar(graph, constant, type);
  const cube = graph.mul(graph.mul(value, value), value);
  const bent = graph.add(value, graph.mul(cube, number(0.044715)));
  const share = graph.node('Tanh', [graph.mul(bent, number(Math.sqrt(2 / Math.PI)))]);
  return graph.mul(graph.mul(value, number(0.5)), graph.add(share, number(1)));
};
