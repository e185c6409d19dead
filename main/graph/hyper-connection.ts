import type { HyperConnection, HyperHead } from '../checkpoint/descriptor.ts';
import { multiply, normaliseBy, ones } from './linear.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { tensor } from './weights.ts';

/** Input of a half layer, mixed from n streams, and the streams with its output. */
export interface ConnectedHalf {
  /** [T, H] the mixture of the streams. */
  readonly input: Value;
  /** Streams [T, n H] with the half layer's output [T, H]. */
  readonly goOn: (output: Value) => Value;
}

/** RMS norm without weight over all streams of a token, and its products with the rows of a matrix. */
const readings = (graph: OnnxGraph, streams: Value, { rows, epsilon }: HyperHead): Value => {
  const width = rows.shape[1] ?? 0;
  return multiply(graph, normaliseBy(graph, streams, ones(graph, width), epsilon), rows, null);
};

/** [..., start, end) of the last axis. */
const columns = (graph: OnnxGraph, value: Value, start: number, end: number): Value =>
  graph.slice(value, start, end, -1);

/** [T, n H] streams weighted by [T, n] and added: [T, H]. */
const mixture = (graph: OnnxGraph, streams: Value, weights: Value, count: number): Value => {
  const apart = graph.reshape(streams, [0, count, -1]);
  const weighted = graph.matmul(graph.unsqueeze(weights, [1]), apart);
  return graph.squeeze(weighted, [1]);
};

/**
 * Manifold-constrained hyper-connection (arXiv 2512.24880): a half layer reads a mixture of n streams, and its output
 * is added to a mixture of them by a nearly doubly stochastic matrix (Sinkhorn's iteration).
 */
export const connectHalf = (graph: OnnxGraph, streams: Value, connection: HyperConnection): ConnectedHalf => {
  const { count: n, scale, base, added, iterations } = connection;
  const read = readings(graph, streams, connection);
  const [scales, bases] = [tensor(graph, scale), tensor(graph, base)];
  const part = (index: number, start: number, end: number): Value =>
    graph.add(
      graph.mul(columns(graph, read, start, end), columns(graph, scales, index, index + 1)),
      columns(graph, bases, start, end),
    );
  const plus = (value: Value): Value => graph.add(value, graph.float(added));
  const before = plus(graph.node('Sigmoid', [part(0, 0, n)]));
  const after = graph.mul(graph.node('Sigmoid', [part(1, n, 2 * n)]), graph.float(2));
  const square = graph.reshape(part(2, 2 * n, (2 + n) * n), [0, n, n]);
  const divided = (matrix: Value, axis: 1 | 2): Value =>
    graph.div(matrix, plus(graph.node('ReduceSum', [matrix, graph.integers([axis])], { keepdims: 1 })));
  let mixing = divided(plus(graph.node('Softmax', [square], { axis: -1 })), 1);
  for (let turn = 1; turn < iterations; turn += 1) mixing = divided(divided(mixing, 2), 1);
  return {
    input: mixture(graph, streams, before, n),
    goOn: (output) => {
      const apart = graph.reshape(streams, [0, n, -1]);
      const turned = graph.transpose(mixing, [0, 2, 1]);
      const written = graph.mul(graph.unsqueeze(after, [2]), graph.unsqueeze(output, [1]));
      const next = graph.add(written, graph.matmul(turned, apart));
      return graph.reshape(next, graph.shape(streams));
    },
  };
};

/** The streams [N, n H] after the last block as one [N, H]. */
export const connectHead = (graph: OnnxGraph, streams: Value, head: HyperHead): Value => {
  const read = graph.mul(readings(graph, streams, head), tensor(graph, head.scale));
  const opened = graph.node('Sigmoid', [graph.add(read, tensor(graph, head.base))]);
  return mixture(graph, streams, graph.add(opened, graph.float(head.added)), head.count);
};
