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
    default:
      throw new Error(`tensor "${tensor}": ${dtype} cannot be a weight of a graph`);
  }
};

/** A weight as it is stored: the bytes stay in their file (external data relative to `externalDataRoot`). */
export const storedWeight = (graph: OnnxGraph, view: TensorView): Value =>
  graph.external({
    location: path.relative(externalDataRoot(view.file), view.file).split(path.sep).join('/'),
    byteOffset: view.byteOffset,
    byteLength: view.byteLength,
    shape: view.shape,
    type: onnxType(view.dtype, view.tensor),
  });

export const toFloat = (graph: OnnxGraph, value: Value, stored: TensorView): Value =>
  stored.dtype === 'F32' ? value : graph.node('Cast', [value], { to: DataType.FLOAT });

/** A weight as float32; 16-bit weights are cast by the graph, once where the session folds constants. */
export const weight = (graph: OnnxGraph, view: TensorView): Value => toFloat(graph, storedWeight(graph, view), view);

/** Folder that external locations are relative to: onnxruntime refuses locations outside it, so it is the drive's root. */
export const externalDataRoot = (file: string): string => path.parse(file).root;
