import path from 'node:path';
import type { StoredMatrix, TensorView, Weight } from '../checkpoint/descriptor.ts';
import { isBlockType } from '../checkpoint/gguf/gguf-types.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';

/**
 * Precision of a graph. Its target names the number format of matrices of weights and of products with them, and of the
 * inside of experts and dense networks, which are chains of such products. All else is float32 in every graph: the
 * stream, norms, rotations, routers, softmax, products of attention without weights, states and sums.
 */
export type ProductType = typeof DataType.FLOAT | typeof DataType.FLOAT16;

export const productType = (graph: OnnxGraph): ProductType =>
  graph.target.precision === 'float16' ? DataType.FLOAT16 : DataType.FLOAT;

/** A scalar in a number format. */
export const scalar = (graph: OnnxGraph, value: number, type: ProductType): Value =>
  type === DataType.FLOAT ? graph.float(value) : graph.half(value);

/** A float32 value in the format of products; rounded once, however many products take it. */
export const toProducts = (graph: OnnxGraph, value: Value): Value =>
  productType(graph) === DataType.FLOAT ? value : graph.cast(value, DataType.FLOAT16);

/** A value in the format of products as float32. */
export const fromProducts = (graph: OnnxGraph, value: Value): Value =>
  productType(graph) === DataType.FLOAT ? value : graph.cast(value, DataType.FLOAT);

/** Whether the session computes a tensor's values, in float32: it is stored in blocks, or multiplied by a factor. */
const isComputed = ({ dtype, factor }: TensorView): boolean => isBlockType(dtype) || factor !== undefined;

const onnxType = (view: TensorView): DataType => {
  if (isComputed(view)) return DataType.FLOAT;
  const { dtype, tensor } = view;
  switch (dtype) {
    case 'F32':
      return DataType.FLOAT;
    case 'F16':
      return DataType.FLOAT16;
    case 'BF16':
      return DataType.BFLOAT16;
    case 'F8_E4M3':
      return DataType.FLOAT8E4M3FN;
    case 'U8':
      return DataType.UINT8;
    case 'I64':
      return DataType.INT64;
    case 'I32':
      return DataType.INT32;
    default:
      throw new Error(`tensor "${tensor}": ${dtype} cannot be a weight of a graph`);
  }
};

/**
 * A stored tensor: the bytes stay in their file (external data relative to `externalDataRoot`); of blocks and of
 * tensors with a factor, their values in float32, which the session computes.
 */
export const storedTensor = (graph: OnnxGraph, view: TensorView): Value =>
  graph.external({
    name: view.tensor,
    ...placeOf(view),
    shape: view.shape,
    type: onnxType(view),
    ...(isComputed(view) ? { blocks: view } : {}),
  });

const placeOf = ({ file, byteOffset, byteLength }: TensorView) => ({
  location: path.relative(externalDataRoot(file), file).split(path.sep).join('/'),
  byteOffset,
  byteLength,
});

export const toFloat = (graph: OnnxGraph, value: Value, stored: TensorView): Value =>
  stored.dtype === 'F32' || isComputed(stored) ? value : graph.node('Cast', [value], { to: DataType.FLOAT });

/** A tensor as float32; other dtypes are cast by the graph, once where the session folds constants. */
export const tensor = (graph: OnnxGraph, view: TensorView): Value => toFloat(graph, storedTensor(graph, view), view);

/** A tensor in the format of products; a session that folds constants holds it in this format alone. */
export const tensorAs = (graph: OnnxGraph, view: TensorView, type: ProductType): Value => {
  if (type === DataType.FLOAT) return tensor(graph, view);
  const stored = storedTensor(graph, view);
  if (view.dtype === 'F16' && !isComputed(view)) return stored;
  graph.halves(view);
  return graph.cast(stored, type);
};

/**
 * Folder that external locations are relative to: onnxruntime refuses locations outside it, so it is the drive's root.
 */
export const externalDataRoot = (file: string): string => path.parse(file).root;

/** Elements from `start` up to `end` along an axis. */
const between = (graph: OnnxGraph, value: Value, axis: number, start: number, end: number): Value =>
  graph.slice(value, start, end, axis);

/** Elements start, start + 2, start + 4, … along an axis. */
export const everySecond = (graph: OnnxGraph, value: Value, axis: number, start: number): Value =>
  graph.node('Slice', [
    value,
    graph.integers([start]),
    graph.integers([LAST]),
    graph.integers([axis]),
    graph.integers([2]),
  ]);

/** An end for slices beyond every axis. */
const LAST = 2 ** 31 - 1;

/** Values of the 16 codes of e2m1 (OCP Microscaling Formats specification 1.0, section 5.3.3). */
export const e2m1Values = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** Bias of the e8m0 scale exponent. */
const SCALE_BIAS = 127;

/**
 * MXFP4 [rows, groups, 16 bytes] with scales [rows, groups] -> float32 [rows, groups * 32], or only every second row
 * from `start` on. The low nibble of a byte comes first.
 */
export const mxfp4Rows = (
  graph: OnnxGraph,
  { blocks, scales }: Extract<StoredMatrix, { kind: 'mxfp4' }>,
  start: 0 | 1 | null,
): Value => {
  const [rows = 0, groups = 0, bytes = 0] = blocks.shape;
  const taken = (value: Value): Value => (start === null ? value : everySecond(graph, value, 0, start));
  const byte = graph.node('Cast', [taken(storedTensor(graph, blocks))], { to: DataType.INT32 });
  const sixteen = graph.node('Cast', [graph.integers(16)], { to: DataType.INT32 });
  const high = graph.div(byte, sixteen);
  const low = graph.sub(byte, graph.mul(high, sixteen));
  const last = graph.integers([3]);
  const codes = graph.concat([graph.node('Unsqueeze', [low, last]), graph.node('Unsqueeze', [high, last])], 3);
  const values = graph.node('Gather', [graph.floats([e2m1Values.length], e2m1Values), codes]);
  const count = start === null ? rows : rows / 2;
  const grouped = graph.reshape(values, [count, groups, 2 * bytes]);
  const exponents = graph.node('Cast', [taken(storedTensor(graph, scales))], { to: DataType.FLOAT });
  const powers = graph.node('Pow', [graph.float(2), graph.sub(exponents, graph.float(SCALE_BIAS))]);
  const scaled = graph.mul(grouped, graph.unsqueeze(powers, [2]));
  return graph.reshape(scaled, [count, groups * 2 * bytes]);
};

/**
 * A weight in the format of products, in its stored orientation ([in, out] where `transposed`): selected rows or
 * columns, and float8 or MXFP4 blocks times their scales, computed by the graph in float32 and rounded last. A resident
 * session folds this once; a streamed one computes it for one expert at a time and keeps nothing.
 */
export const weight = (graph: OnnxGraph, given: Weight, type: ProductType): Value => {
  const { stored } = given;
  if (stored.kind === 'plain') return selected(graph, given, tensorAs(graph, stored.view, type));
  const value = dequantised(graph, given);
  if (type === DataType.FLOAT) return value;
  graph.halves(given);
  return graph.cast(value, type);
};

/** The float32 values of a weight that is not stored as one plain tensor. */
const dequantised = (graph: OnnxGraph, given: Weight): Value => {
  const { stored, select, shape } = given;
  if (stored.kind === 'scaled' || stored.kind === 'packed-columns') {
    const { location, byteOffset, byteLength } = placeOf(stored.view);
    const name = stored.view.tensor;
    return graph.external({ name, location, byteOffset, byteLength, shape, type: DataType.FLOAT, blocks: given });
  }
  if (stored.kind === 'mxfp4') return mxfp4Rows(graph, stored, select?.start ?? null);
  if (stored.kind === 'split-heads') {
    const keys = graph.transpose(tensor(graph, stored.keys), [0, 2, 1]);
    const joined = graph.concat([keys, tensor(graph, stored.values)], 1);
    return graph.reshape(joined, shape);
  }
  if (stored.kind === 'plain') throw new Error('a plain tensor has no scales');
  return selected(graph, given, scaledBlocks(graph, stored));
};

/** The selected rows or columns of a whole tensor. */
const selected = (graph: OnnxGraph, { select, transposed, shape }: Weight, whole: Value): Value => {
  if (select === undefined) return whole;
  if (select.half !== true) return everySecond(graph, whole, select.axis, select.start);
  const length = shape[transposed === true ? 1 - select.axis : select.axis] ?? 0;
  return between(graph, whole, select.axis, select.start * length, (select.start + 1) * length);
};

/**
 * float8 weights [O, I] times the scale of their block; blocks at the edges are partial, so scales are spread by index.
 */
const scaledBlocks = (graph: OnnxGraph, { view, scales, block }: Extract<Weight['stored'], { kind: 'fp8' }>): Value => {
  const spread = (value: Value, axis: number): Value => {
    const indices = Array.from({ length: view.shape[axis] ?? 0 }, (_, index) => Math.floor(index / (block[axis] ?? 1)));
    return graph.node('Gather', [value, graph.integers(indices)], { axis });
  };
  const full = spread(spread(tensor(graph, scales), 0), 1);
  return graph.mul(tensor(graph, view), full);
};
