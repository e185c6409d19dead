import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** Parts of a stream beside the hidden state, by name: [T, width] each. */
export type StreamParts = ReadonlyMap<string, Value>;

/** Numbers of each token that pass from block to block: hidden state, and what later blocks take of earlier ones. */
export const streamWidth = ({ hidden, stream }: ModelDescriptor): number =>
  stream.reduce((sum, { width }) => sum + width, hidden);

/** A stream [T, W] as hidden state [T, H] and parts. */
export const takeApart = (
  graph: OnnxGraph,
  { hidden, stream }: ModelDescriptor,
  value: Value,
): { readonly hidden: Value; readonly parts: StreamParts } => {
  if (stream.length === 0) return { hidden: value, parts: new Map() };
  const slice = (start: number, width: number): Value => graph.slice(value, start, start + width, -1);
  const parts = new Map<string, Value>();
  let start = hidden;
  for (const { name, width } of stream) {
    parts.set(name, slice(start, width));
    start += width;
  }
  return { hidden: slice(0, hidden), parts };
};

/** The stream of a hidden state and parts; a part that no block has given yet is zero. */
export const putTogether = (
  graph: OnnxGraph,
  { stream }: ModelDescriptor,
  hidden: Value,
  parts: StreamParts,
): Value => {
  if (stream.length === 0) return hidden;
  const rows = graph.shape(hidden, 0, 1);
  const nothing = (width: number): Value =>
    graph.node('Expand', [graph.float(0), graph.concat([rows, graph.integers([width])], 0)]);
  const all = stream.map(({ name, width }) => parts.get(name) ?? nothing(width));
  return graph.concat([hidden, ...all], -1);
};
