import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import type { AttentionDescriptor, ModelDescriptor } from '../checkpoint/descriptor.ts';
import {
  gated,
  gateOf,
  groupedHeads,
  indexOf,
  indexShape,
  keyValueShape,
  latentParts,
  probabilities,
  unpacked,
  type AttentionInputs,
  type Heads,
  type KeysAndValues,
  type KeyValueShape,
  type OwnValues,
} from './attention.ts';
import { merge, split } from './heads.ts';
import { chosenBias } from './indexer.ts';
import { project } from './linear.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { fromProducts, productType, toProducts, weight } from './weights.ts';

/**
 * Cached keys and values for B sequences of N candidates: each sequence's own (C columns), and the common beginning of
 * all sequences of a candidate (P columns). Attention takes the prefix first, then the sequence's own, then the running
 * tokens: so its bias is [B, 1, S, P + C + S]. Columns that a sequence does not have are hidden by the bias; C and P
 * are at least 1.
 */
export interface CacheInputs {
  /** [B, G, C, K] and [B, G, C, V]; of an indexer [B, 1, C, d]. */
  readonly past: KeysAndValues;
  /** [N, G, P, K] and [N, G, P, V]; of an indexer [N, 1, P, d]. */
  readonly prefix: KeysAndValues;
  /**
   * [N, M] sequence in each seat of a candidate (any one in an empty seat), and [B] seat n * M + m of each sequence.
   */
  readonly members: Value;
  readonly seats: Value;
}

export const cacheInputs = (graph: OnnxGraph, descriptor: AttentionDescriptor): CacheInputs => {
  const { heads, keyDimension, valueDimension } = cachedShape(descriptor);
  const index = indexShape(descriptor);
  const ofIndex = (name: string, batch: string, columns: string): Pick<KeysAndValues, 'index'> =>
    index === null ? {} : { index: graph.input(name, DataType.FLOAT, [batch, index[0], columns, index[1]]) };
  return {
    past: {
      key: graph.input('pastKey', DataType.FLOAT, ['B', heads, 'C', keyDimension]),
      value: graph.input('pastValue', DataType.FLOAT, ['B', heads, 'C', valueDimension]),
      ...ofIndex('pastIndex', 'B', 'C'),
    },
    prefix: {
      key: graph.input('prefixKey', DataType.FLOAT, ['N', heads, 'P', keyDimension]),
      value: graph.input('prefixValue', DataType.FLOAT, ['N', heads, 'P', valueDimension]),
      ...ofIndex('prefixIndex', 'N', 'P'),
    },
    members: graph.input('members', DataType.INT64, ['N', 'M']),
    seats: graph.input('seats', DataType.INT64, ['B']),
  };
};

/** Shape of one token in a cache. For latent attention that is the latent and the rotated key, whatever the heads. */
export const cachedShape = (descriptor: AttentionDescriptor): KeyValueShape =>
  descriptor.kind === 'grouped'
    ? keyValueShape(descriptor)
    : { heads: 1, keyDimension: descriptor.latent + descriptor.rotatedDimension, valueDimension: descriptor.latent };

/** Attention of one block over packed tokens [T, H] -> [T, H], before the residual, and the tokens' cache entries. */
export const cachedAttention = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  descriptor: AttentionDescriptor,
  tokens: Value,
  inputs: AttentionInputs,
  cache: CacheInputs,
): { readonly output: Value; readonly own: OwnValues } => {
  if (descriptor.kind === 'grouped') {
    const heads = groupedHeads(graph, descriptor, tokens, inputs);
    const attended = attendCached(graph, heads, model.attentionScale, inputs, cache);
    return { output: project(graph, gated(graph, heads, attended), descriptor.output), own: heads };
  }
  const { heads: absorbed, expand } = absorbedHeads(graph, descriptor, tokens, inputs);
  const seen = { ...inputs, bias: indexedBias(graph, descriptor, absorbed, inputs, cache) };
  const mixed = expand(attendCached(graph, absorbed, model.attentionScale, seen, cache));
  const { heads: queryHeads, valueDimension } = descriptor;
  const attended = gated(graph, { gate: gateOf(graph, tokens, descriptor.gate), queryHeads, valueDimension }, mixed);
  return { output: project(graph, attended, descriptor.output), own: absorbed };
};

/**
 * Latent attention without expanding the cache (arXiv 2405.04434, section 2.1.2): the key's expansion is absorbed into
 * the query, and the value's is applied after mixing, so that all heads share one key and value, the latent.
 */
const absorbedHeads = (
  graph: OnnxGraph,
  descriptor: Extract<AttentionDescriptor, { kind: 'latent' }>,
  tokens: Value,
  inputs: AttentionInputs,
): { readonly heads: Heads; readonly expand: (mixed: Value) => Value } => {
  const { heads, latent: width, plainDimension, rotatedDimension, valueDimension, keyValueUp } = descriptor;
  if (keyValueUp.bias !== null) throw new Error('an expansion of the latent with a bias cannot be absorbed');
  const { plainQuery, turnedQuery, latent, turnedKey, indexed } = latentParts(graph, descriptor, tokens, inputs);
  const lying = weight(graph, keyValueUp.weight, productType(graph));
  const standing = keyValueUp.weight.transposed === true ? graph.transpose(lying, [1, 0]) : lying;
  const perHead = graph.reshape(standing, [heads, plainDimension + valueDimension, width]);
  const [ofKey, ofValue] = graph.nodes('Split', [perHead, graph.integers([plainDimension, valueDimension])], 2, {
    axis: 1,
  });
  /** [T, N, D] times a matrix [D, D'] of each head: [T, N, D']. */
  const times = (value: Value, matrices: Value): Value => {
    const byHead = toProducts(graph, graph.transpose(value, [1, 0, 2]));
    const product = fromProducts(graph, graph.matmul(byHead, matrices));
    return graph.transpose(product, [1, 0, 2]);
  };
  const alone = split(graph, latent, 1, width);
  return {
    heads: {
      query: graph.concat([times(plainQuery, ofKey), turnedQuery], -1),
      key: graph.concat([alone, turnedKey], -1),
      value: alone,
      queryHeads: heads,
      keyHeads: 1,
      headDimension: width + rotatedDimension,
      valueDimension: width,
      sinks: null,
      ...indexOf(indexed),
      gate: null,
    },
    expand: (mixed) =>
      merge(
        graph,
        times(split(graph, mixed, heads, width), graph.transpose(ofValue, [0, 2, 1])),
        heads * valueDimension,
      ),
  };
};

/** The bias, with the keys that an indexer has not chosen hidden, among prefix, past and running tokens. */
const indexedBias = (
  graph: OnnxGraph,
  { indexer }: Extract<AttentionDescriptor, { kind: 'latent' }>,
  { indexed }: Heads,
  inputs: AttentionInputs,
  cache: CacheInputs,
): Value => {
  const [before, past] = [cache.prefix.index, cache.past.index];
  if (indexer === null || indexed == null || before === undefined || past === undefined) return inputs.bias;
  const key = graph.gather(indexed.key, inputs.pack, 0);
  return chosenBias(graph, indexer, indexed, inputs, (queries) => {
    // [B, n, S, d] -> [B, 1, n * S, d]: the heads have one key.
    const rows = graph.reshape(queries, [0, 1, -1, indexer.dimension]);
    const joined = graph.concat(
      [
        perCandidate(graph, rows, graph.transpose(before, [0, 1, 3, 2]), cache),
        graph.matmul(rows, graph.transpose(past, [0, 1, 3, 2])),
        graph.matmul(rows, graph.transpose(key, [0, 2, 3, 1])),
      ],
      -1,
    );
    return graph.reshape(joined, shapeOf(graph, [[0, indexer.heads, -1], graph.shape(joined, 3, 4)]));
  });
};

/**
 * softmax(q k^T * scale + bias) v over prefix, past and running tokens, returning [T, N * Dv]. The R query heads of a
 * group and the S tokens of a sequence are rows of one product with the group's keys.
 */
const attendCached = (
  graph: OnnxGraph,
  heads: Heads,
  scale: number,
  inputs: AttentionInputs,
  cache: CacheInputs,
): Value => {
  const { queryHeads, keyHeads: groups, headDimension, valueDimension } = heads;
  const { past, prefix } = cache;
  const repeats = queryHeads / groups;
  const packed = (value: Value): Value => graph.gather(value, inputs.pack, 0);
  const scaled = graph.mul(heads.query, graph.float(scale));
  // [B, S, G * R, D] -> [B, G, R, S, D] -> [B, G, R * S, D].
  const byGroup = graph.transpose(
    graph.reshape(packed(scaled), [0, 0, groups, repeats, headDimension]),
    [0, 2, 3, 1, 4],
  );
  const queries = graph.reshape(byGroup, [0, groups, -1, headDimension]);
  const scores = [
    perCandidate(graph, queries, graph.transpose(prefix.key, [0, 1, 3, 2]), cache),
    graph.matmul(queries, graph.transpose(past.key, [0, 1, 3, 2])),
    graph.matmul(queries, graph.transpose(packed(heads.key), [0, 2, 3, 1])),
  ];
  const joined = graph.concat(scores, -1);
  const apart = graph.reshape(joined, shapeOf(graph, [[0, groups, repeats, -1], graph.shape(joined, 3, 4)]));
  const bias = graph.unsqueeze(inputs.bias, [1]);
  const softmax = probabilities(graph, apart, bias, heads.sinks, [1, groups, repeats, 1, 1]);
  const shares = graph.reshape(softmax, graph.shape(joined));
  const widths = shapeOf(
    graph,
    scores.map((part) => graph.shape(part, 3, 4)),
  );
  const [ofPrefix, ofPast, ofOwn] = graph.nodes('Split', [shares, widths], 3, { axis: -1 });
  const before = graph.add(perCandidate(graph, ofPrefix, prefix.value, cache), graph.matmul(ofPast, past.value));
  const mixed = graph.add(before, graph.matmul(ofOwn, graph.transpose(packed(heads.value), [0, 2, 1, 3])));
  // [B, G, R * S, Dv] -> [B, S, G, R, Dv].
  const perToken = graph.transpose(graph.reshape(mixed, [0, groups, repeats, -1, valueDimension]), [0, 3, 1, 2, 4]);
  return unpacked(graph, perToken, queryHeads * valueDimension, inputs);
};

/**
 * Rows [B, G, R, X] of sequences times a matrix [N, G, X, Y] of their candidates: [B, G, R, Y]. The M seats of a
 * candidate are rows of one product, so that the shared matrix is read once and never copied.
 */
const perCandidate = (graph: OnnxGraph, rows: Value, matrix: Value, { members, seats }: CacheInputs): Value => {
  const bySeat = [0, 2, 1, 3, 4];
  // [N, M, G, R, X] -> [N, G, M, R, X] -> [N, G, M * R, X].
  const seated = graph.transpose(graph.gather(rows, members, 0), bySeat);
  const joined = graph.reshape(seated, shapeOf(graph, [[0, 0, -1], graph.shape(seated, 4, 5)]));
  const product = graph.matmul(joined, matrix);
  const apart = graph.reshape(product, shapeOf(graph, [graph.shape(seated, 0, 4), graph.shape(matrix, 3, 4)]));
  const perSeat = graph.transpose(apart, bySeat);
  const flat = graph.reshape(perSeat, shapeOf(graph, [[-1], graph.shape(perSeat, 2, 5)]));
  return graph.gather(flat, seats, 0);
};

/** A shape from constant and computed parts. */
const shapeOf = (graph: OnnxGraph, parts: readonly (Value | readonly number[])[]): Value =>
  graph.concat(
    parts.map((part) => (typeof part === 'string' ? part : graph.integers(part))),
    0,
  );
