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
