import type { Rotary } from '../checkpoint/descriptor.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** Added to a hidden attention score: its exp is exactly zero, and no sum of it overflows. */
export const HIDDEN = -1e9;

export interface Rotation {
  readonly rotary: Rotary;
  /** [T, D/2] cosine and sine of each token's rotary angles, and [1, T] row indices: 0 to T - 1. */
  readonly cosine: Value;
  readonly sine: Value;
  readonly rows: Value;
}

/** Rotary embedding of every head of [T, N * D]; dimensions of a head beyond the rotated ones are unchanged. */
export const rotate = (graph: OnnxGraph, tokens: Value, heads: number, rotation: Rotation | null): Value => {
  if (rotation === null) return tokens;
  const { rotary, cosine, sine, rows } = rotation;
  const sequence = graph.unsqueeze(tokens, [0]);
  return graph.node('RotaryEmbedding', [sequence, rows, cosine, sine], {
    interleaved: rotary.interleaved ? 1 : 0,
    num_heads: heads,
    rotary_embedding_dim: rotary.dimensions,
  });
};

/** [..., N * D] -> [T, N, D]. */
export const split = (graph: OnnxGraph, value: Value, count: number, dimension: number): Value =>
  graph.reshape(value, [-1, count, dimension]);

/** [...] -> [T, width]. */
export const merge = (graph: OnnxGraph, value: Value, width: number): Value => graph.reshape(value, [-1, width]);

/** Parts of the last axis, one for each width. */
export const cut = <Widths extends readonly number[]>(
  graph: OnnxGraph,
  value: Value,
  widths: readonly [...Widths],
): { readonly [Part in keyof Widths]: Value } =>
  graph.nodes('Split', [value, graph.integers(widths)], widths.length, { axis: -1 }) as {
    readonly [Part in keyof Widths]: Value;
  };
