import path from 'node:path';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { TensorDtype, TensorView } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

const onnxType = (dtype: TensorDtype, tensor: string): DataType => {
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
    default:
      throw new Error(`tensor "${tensor}": ${dtype} cannot be a weight of a graph`);
  }
};

/** A tensor as it is stored: the bytes stay in their file (external data relative to `externalDataRoot`). */
export const storedTensor = (graph: OnnxGraph, view: TensorView): Value =>
  graph.external({
    name: view.tensor,
    location: path.relative(externalDataRoot(view.file), view.file).split(path.sep).join('/'),
    byteOffset: view.byteOffset,
    byteLength: view.byteLength,
    shape: view.shape,
    type: onnxType(view.dtype, view.tensor),
  });

export const toFloat = (graph: OnnxGraph, value: Value, stored: TensorView): Value =>
  stored.dtype === 'F32' ? value : graph.node('Cast', [value], { to: DataType.FLOAT });

/** A tensor as float32; other dtypes are cast by the graph, once where the session folds constants. */
export const tensor = (graph: OnnxGraph, view: TensorView): Value => toFloat(graph, storedTensor(graph, view), view);

/** Folder that external locations are relative to: onnxruntime refuses locations outside it, so it is the drive's root. */
export const externalDataRoot = (file: string): string => path.parse(file).root;

/** Elements start, start + 2, start + 4, … along an axis. */
export const everySecond = (graph: OnnxGraph, value: Value, axis: number, start: number): Value =>
  graph.node('Slice', [value, graph.integers([start]), graph.integers([LAST]), graph.integers([axis]), graph.integers([2])]);

/** An end for slices that lies beyond every axis. */
const LAST = 2 ** 31 - 1;
