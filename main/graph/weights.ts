import type { Weight } from '../checkpoint/descriptor.ts';
import { mxfp4Rows } from './mxfp4.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { everySecond, tensor } from './stored-tensor.ts';

/**
 * A weight as float32, still as it lies ([in, out] where `transposed`): selected rows or columns, and float8 or MXFP4
 * blocks times their scales, computed by the graph. A resident session folds this once; a streamed one computes it for
 * one expert at a time and keeps nothing.
 */
export const weight = (graph: OnnxGraph, { stored, select }: Weight): Value => {
  if (stored.kind === 'mxfp4') return mxfp4Rows(graph, stored, select?.start ?? null);
  const whole = stored.kind === 'plain' ? tensor(graph, stored.view) : scaledBlocks(graph, stored);
  return select === undefined ? whole : everySecond(graph, whole, select.axis, select.start);
};

/** float8 weights [O, I] times the scale of their block; blocks at the edges are partial, so scales are spread by index. */
const scaledBlocks = (graph: OnnxGraph, { view, scales, block }: Extract<Weight['stored'], { kind: 'fp8' }>): Value => {
  const spread = (value: Value, axis: number): Value => {
    const indices = Array.from({ length: view.shape[axis] ?? 0 }, (_, index) => Math.floor(index / (block[axis] ?? 1)));
    return graph.node('Gather', [value, graph.integers(indices)], { axis });
  };
  const full = spread(spread(tensor(graph, scales), 0), 1);
  return graph.node('Mul', [tensor(graph, view), full]);
};
