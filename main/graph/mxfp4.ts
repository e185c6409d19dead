import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { StoredMatrix } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { everySecond, storedTensor } from './stored-tensor.ts';

/** Values of the 16 codes of e2m1 (OCP Microscaling Formats specification 1.0, section 5.3.3). */
export const e2m1Values = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** Bias of the e8m0 scale exponent. */
const SCALE_BIAS = 127;

/**
 * MXFP4 [rows, groups, 16 bytes] with scales [rows, groups] -> float32 [rows, groups * 32], taking every second row
 * from `start` on where it is given. The low nibble of a byte comes first.
 */
export const mxfp4Rows = (graph: OnnxGraph, { blocks, scales }: Extract<StoredMatrix, { kind: 'mxfp4' }>, start: 0 | 1 | null): Value => {
  const [rows = 0, groups = 0, bytes = 0] = blocks.shape;
  const taken = (value: Value): Value => (start === null ? value : everySecond(graph, value, 0, start));
  const byte = graph.node('Cast', [taken(storedTensor(graph, blocks))], { to: DataType.INT32 });
  const sixteen = graph.node('Cast', [graph.integers(16)], { to: DataType.INT32 });
  const high = graph.node('Div', [byte, sixteen]);
  const low = graph.node('Sub', [byte, graph.node('Mul', [high, sixteen])]);
  const last = graph.integers([3]);
  const codes = graph.node('Concat', [graph.node('Unsqueeze', [low, last]), graph.node('Unsqueeze', [high, last])], { axis: 3 });
  const values = graph.node('Gather', [graph.floats([e2m1Values.length], e2m1Values), codes]);
  const count = start === null ? rows : rows / 2;
  const grouped = graph.node('Reshape', [values, graph.integers([count, groups, 2 * bytes])]);
  const exponents = graph.node('Cast', [taken(storedTensor(graph, scales))], { to: DataType.FLOAT });
  const powers = graph.node('Pow', [graph.float(2), graph.node('Sub', [exponents, graph.float(SCALE_BIAS)])]);
  const scaled = graph.node('Mul', [grouped, graph.node('Unsqueeze', [powers, graph.integers([2])])]);
  return graph.node('Reshape', [scaled, graph.integers([count, groups * 2 * bytes])]);
};
