import type { AttentionDescriptor, ModelDescriptor, Norm, Projection, Rotary } from '../checkpoint/descriptor.ts';
import { merge, rotate, type Rotation, split, cut } from './heads.ts';
import { chosenBias, indexPart, indexValues, type IndexValues, prefixIndex } from './indexer.ts';
import { normalise, normaliseBy, ones, project } from './linear.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import type { StreamParts } from './stream.ts';
import { tensor } from './weights.ts';

/**
 * Position of each token of a batch, and what it may see. T tokens, B sequences of at most S tokens, D rotated
 * dimensions.
 */
export interface AttentionInputs {
  /** Null where the block does not rotate. */
  readonly rotation: Rotation | null;
  /** [T, 1, 1] factors of the queries; null: none. */
  readonly temperature: Value | null;
  /** [B, S] row of each slot's token (any row for padding slots). */
  readonly pack: Value;
  /** [T] slot (b * S + s) of each token. */
  readonly unpack: Value;
  /** [B, 1, S, P + S] 0 where the query may see the key, a large negative number elsewhere. */
  readonly bias: Value;
  /** Parts of the stream, which some blocks take keys and values from. */
  readonly parts?: StreamParts;
  /** Keys and values of P tokens before every sequence; in most graphs there is none, and P is 0. */
  readonly prefix?: KeysAndValues;
}

/** [tokens, heads, dimension] rotated keys, and values. */
export interface KeysAndValues {
  readonly key: Value;
  readonly value: Value;
  /** [tokens, 1, dimension] keys of the indexer, if there is one. */
  readonly index?: Value;
}

export const rotationInputs = (graph: OnnxGraph, rotary: Rotary): Rotation => ({
  rotary,
  cosine: graph.input('cosine', DataType.FLOAT, ['T', rotary.dimensions / 2]),
  sine: graph.input('sine', DataType.FLOAT, ['T', rotary.dimensions / 2]),
  rows: graph.input('rows', DataType.INT64, [1, 'T']),
});

/** `keys`: dimension of all keys that a token of a sequence of S may see. */
export const attentionInputs = (
  graph: OnnxGraph,
  rotary: Rotary | null,
  descriptor: AttentionDescriptor,
  keys: 'S' | 'P+S' | 'P+C+S',
): AttentionInputs => ({
  rotation: rotary === null ? null : rotationInputs(graph, rotary),
  temperature: descriptor.temperature !== null ? graph.input('temperature', DataType.FLOAT, ['T', 1, 1]) : null,
  pack: graph.input('pack', DataType.INT64, ['B', 'S']),
  unpack: graph.input('unpack', DataType.INT64, ['T']),
  bias: graph.input('bias', DataType.FLOAT, ['B', 1, 'S', keys]),
});

/** Inputs `prefixKey`, `prefixValue` and, with an indexer, `prefixIndex`, of one token or more. */
export const prefixInputs = (graph: OnnxGraph, descriptor: AttentionDescriptor): KeysAndValues => {
  const { heads, keyDimension, valueDimension } = keyValueShape(descriptor);
  return {
    key: graph.input('prefixKey', DataType.FLOAT, ['P', heads, keyDimension]),
    value: graph.input('prefixValue', DataType.FLOAT, ['P', heads, valueDimension]),
    ...(descriptor.kind === 'latent' && descriptor.indexer !== null
      ? { index: prefixIndex(graph, descriptor.indexer) }
      : {}),
  };
};

/** [1, d]: the indexer's key of one token; null: none. */
export const indexShape = (descriptor: AttentionDescriptor): readonly [number, number] | null =>
  descriptor.kind === 'latent' && descriptor.indexer !== null ? [1, descriptor.indexer.dimension] : null;

export interface KeyValueShape {
  readonly heads: number;
  readonly keyDimension: number;
  readonly valueDimension: number;
}

/** Keys and values of one token in attention. For latent attention, after expanding the latent. */
export const keyValueShape = (descriptor: AttentionDescriptor): KeyValueShape =>
  descriptor.kind === 'grouped'
    ? {
        heads: descriptor.keyValueHeads,
        keyDimension: descriptor.headDimension,
        valueDimension: descriptor.valueDimension,
      }
    : {
        heads: descriptor.heads,
        keyDimension: descriptor.plainDimension + descriptor.rotatedDimension,
        valueDimension: descriptor.valueDimension,
      };

/** Heads of a batch's tokens, [T, N, D] each; query heads are a multiple of key and value heads. */
export interface Heads extends KeysAndValues {
  readonly query: Value;
  readonly queryHeads: number;
  readonly keyHeads: number;
  readonly headDimension: number;
  readonly valueDimension: number;
  readonly sinks: Value | null;
  /** Values of the block's indexer. */
  readonly indexed?: IndexValues | null;
  /** [T, N * Dv] or [T, N] whose sigmoid multiplies the output; null: none. */
  readonly gate: Value | null;
}

/** Attention of one block over packed tokens [T, H] -> [T, H], before the residual, and the tokens' keys and values. */
export const attention = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  descriptor: AttentionDescriptor,
  tokens: Value,
  inputs: AttentionInputs,
): { readonly output: Value; readonly own: OwnValues } => {
  const heads =
    descriptor.kind === 'grouped'
      ? groupedHeads(graph, descriptor, tokens, inputs)
      : latentHeads(graph, descriptor, tokens, inputs);
  const seen = { ...inputs, bias: indexedBias(graph, descriptor, heads, inputs) };
  const attended = gated(graph, heads, attend(graph, heads, model.attentionScale, seen));
  return { output: project(graph, attended, descriptor.output), own: heads };
};

/** The bias, with the keys that an indexer has not chosen hidden. */
const indexedBias = (
  graph: OnnxGraph,
  descriptor: AttentionDescriptor,
  { indexed }: Heads,
  inputs: AttentionInputs,
): Value => {
  if (descriptor.kind !== 'latent' || descriptor.indexer === null || indexed == null) return inputs.bias;
  const { pack, prefix } = inputs;
  const keys = graph.transpose(graph.gather(indexed.key, pack, 0), [0, 2, 3, 1]);
  return chosenBias(graph, descriptor.indexer, indexed, inputs, (queries) => {
    const scores = graph.matmul(queries, keys);
    if (prefix === undefined) return scores;
    if (prefix.index === undefined) throw new Error('a prefix without keys of the indexer');
    const before = graph.transpose(prefix.index, [1, 2, 0]);
    return graph.concat([graph.matmul(queries, before), scores], -1);
  });
};

/** The output [T, N * Dv] of the heads times the sigmoid of the gate, if there is one. */
export const gated = (
  graph: OnnxGraph,
  { gate, queryHeads, valueDimension }: Pick<Heads, 'gate' | 'queryHeads' | 'valueDimension'>,
  attended: Value,
): Value => {
  if (gate === null) return attended;
  const byHead = (value: Value): Value => graph.reshape(value, [0, queryHeads, -1]);
  const opened = graph.mul(byHead(attended), byHead(graph.node('Sigmoid', [gate])));
  return merge(graph, opened, queryHeads * valueDimension);
};

export const groupedHeads = (
  graph: OnnxGraph,
  descriptor: Extract<AttentionDescriptor, { kind: 'grouped' }>,
  tokens: Value,
  inputs: AttentionInputs,
): Heads => {
  const { heads, keyValueHeads, headDimension, valueDimension } = descriptor;
  const { query, key, value, queryKeyNorm, plainNorm, clip, valueNorm, valueScale, sinks } = descriptor;
  const clipped = (projected: Value): Value =>
    clip === null ? projected : graph.node('Clip', [projected, graph.float(-clip), graph.float(clip)]);
  const normed = (projected: Value, count: number, norm: Norm | undefined): Value => {
    if (norm === undefined) return projected;
    if (queryKeyNorm?.over === 'whole') return normalise(graph, projected, norm);
    return merge(graph, normalise(graph, split(graph, projected, count, headDimension), norm), count * headDimension);
  };
  const rotated = (projected: Value, count: number, norm: Norm | undefined): Value => {
    const [before, after] = queryKeyNorm?.afterRotation === true ? [undefined, norm] : [norm, undefined];
    const turned = rotate(graph, clipped(normed(projected, count, before)), count, inputs.rotation);
    const perHead = split(graph, normed(turned, count, after), count, headDimension);
    return plainNorm === null ? perHead : normaliseBy(graph, perHead, ones(graph, headDimension), plainNorm);
  };
  const scaled = (values: Value): Value => (valueScale === 1 ? values : graph.mul(values, graph.float(valueScale)));
  const values = (projected: Value): Value => {
    const perHead = split(graph, scaled(clipped(projected)), keyValueHeads, valueDimension);
    return valueNorm === null ? perHead : normaliseBy(graph, perHead, ones(graph, valueDimension), valueNorm);
  };
  const asked = project(graph, tokens, query);
  const halves =
    descriptor.gate === 'in-query'
      ? cut(graph, split(graph, asked, heads, headDimension + valueDimension), [headDimension, valueDimension])
      : null;
  const rawQueries = halves === null ? asked : merge(graph, halves[0], heads * headDimension);
  const queries = warmed(graph, rotated(rawQueries, heads, queryKeyNorm?.query), inputs);
  const ownKeysAndValues = (projection: Projection): KeysAndValues => {
    const rawKeys = project(graph, tokens, projection);
    return {
      key: rotated(rawKeys, keyValueHeads, queryKeyNorm?.key ?? undefined),
      value: values(value === null ? rawKeys : project(graph, tokens, value)),
    };
  };
  return {
    query: queries,
    ...(key === null ? takenKeysAndValues(graph, descriptor, inputs) : ownKeysAndValues(key)),
    queryHeads: heads,
    keyHeads: keyValueHeads,
    headDimension,
    valueDimension,
    sinks: sinks === null ? null : tensor(graph, sinks),
    gate: halves === null ? gateOf(graph, tokens, descriptor.gate) : halves[1],
  };
};

/** [T, N, D] queries, times the factors of their positions where the block has some. */
const warmed = (graph: OnnxGraph, queries: Value, { temperature }: AttentionInputs): Value =>
  temperature === null ? queries : graph.mul(queries, temperature);

/** [T, N * Dv] or [T, N] before the sigmoid; null where there is none, or in the query's projection. */
export const gateOf = (graph: OnnxGraph, tokens: Value, gate: Projection | 'in-query' | null): Value | null =>
  gate === null || gate === 'in-query' ? null : project(graph, tokens, gate);

/** Keys and values of an earlier block, from the stream. */
const takenKeysAndValues = (
  graph: OnnxGraph,
  { shared, keyValueHeads, headDimension, valueDimension }: Extract<AttentionDescriptor, { kind: 'grouped' }>,
  { parts }: AttentionInputs,
): KeysAndValues => {
  const [key, value] = [parts?.get(shared?.keys ?? ''), parts?.get(shared?.values ?? '')];
  if (key === undefined || value === undefined) throw new Error('a block without keys of its own takes none');
  return {
    key: split(graph, key, keyValueHeads, headDimension),
    value: split(graph, value, keyValueHeads, valueDimension),
  };
};

/** Keys and values of a block's tokens, and the values of its indexer. */
export type OwnValues = KeysAndValues & Pick<Heads, 'indexed'>;

/** Keys, values or values of the indexer that a block gives to later ones, as parts of the stream. */
export const givenParts = (graph: OnnxGraph, descriptor: AttentionDescriptor, values: OwnValues): StreamParts => {
  if (descriptor.kind === 'latent') {
    const { indexer } = descriptor;
    return indexer?.own == null || indexer.part === null || values.indexed == null
      ? new Map()
      : new Map([[indexer.part, indexPart(graph, indexer, values.indexed)]]);
  }
  if (descriptor.shared?.gives !== true) return new Map();
  const { shared, keyValueHeads, headDimension, valueDimension } = descriptor;
  return new Map([
    [shared.keys, merge(graph, values.key, keyValueHeads * headDimension)],
    [shared.values, merge(graph, values.value, keyValueHeads * valueDimension)],
  ]);
};

/** Multi-head latent attention (arXiv 2405.04434, section 2.1), keys and values expanded from the latent. */
const latentHeads = (
  graph: OnnxGraph,
  descriptor: Extract<AttentionDescriptor, { kind: 'latent' }>,
  tokens: Value,
  inputs: AttentionInputs,
): Heads => {
  const { heads, plainDimension, rotatedDimension, valueDimension } = descriptor;
  const { plainQuery, turnedQuery, latent, turnedKey, indexed } = latentParts(graph, descriptor, tokens, inputs);
  const expanded = project(graph, latent, descriptor.keyValueUp);
  const [plainKey, value] = cut(graph, split(graph, expanded, heads, plainDimension + valueDimension), [
    plainDimension,
    valueDimension,
  ]);
  const everyHead = graph.node('Tile', [turnedKey, graph.integers([1, heads, 1])]);
  return {
    query: graph.concat([plainQuery, turnedQuery], -1),
    key: graph.concat([plainKey, everyHead], -1),
    value,
    queryHeads: heads,
    keyHeads: heads,
    headDimension: plainDimension + rotatedDimension,
    valueDimension,
    sinks: null,
    ...indexOf(indexed),
    gate: gateOf(graph, tokens, descriptor.gate),
  };
};

/** Values of an indexer among the heads of a block. */
export const indexOf = (indexed: IndexValues | null): Pick<Heads, 'index' | 'indexed'> =>
  indexed === null ? {} : { index: indexed.key, indexed };

/**
 * Projections of latent attention: queries [T, N, plain] and [T, N, rotated], the normed latent [T, latent], and the
 * rotated part of the key [T, 1, rotated], which all heads share.
 */
export const latentParts = (
  graph: OnnxGraph,
  descriptor: Extract<AttentionDescriptor, { kind: 'latent' }>,
  tokens: Value,
  inputs: AttentionInputs,
): Readonly<Record<'plainQuery' | 'turnedQuery' | 'latent' | 'turnedKey', Value>> & {
  readonly indexed: IndexValues | null;
} => {
  const { heads, latent, plainDimension, rotatedDimension, query, latentScale } = descriptor;
  const low = 'whole' in query ? null : normalise(graph, project(graph, tokens, query.down), query.norm);
  const queries = 'whole' in query ? project(graph, tokens, query.whole) : project(graph, low ?? tokens, query.up);
  const [plainQuery, rawQuery] = cut(graph, split(graph, queries, heads, plainDimension + rotatedDimension), [
    plainDimension,
    rotatedDimension,
  ]);
  const [compressed, rawKey] = cut(graph, project(graph, tokens, descriptor.keyValueDown), [latent, rotatedDimension]);
  const normed = normalise(graph, compressed, descriptor.keyValueNorm);
  const turnedQuery = rotate(graph, merge(graph, rawQuery, heads * rotatedDimension), heads, inputs.rotation);
  return {
    plainQuery: warmed(graph, plainQuery, inputs),
    turnedQuery: warmed(graph, split(graph, turnedQuery, heads, rotatedDimension), inputs),
    latent: latentScale === 1 ? normed : graph.mul(normed, graph.float(latentScale)),
    turnedKey: split(graph, rotate(graph, rawKey, 1, inputs.rotation), 1, rotatedDimension),
    indexed:
      descriptor.indexer === null || low === null ? null : indexValues(graph, descriptor.indexer, tokens, low, inputs),
  };
};

/**
 * softmax(q k^T * scale + bias) v over the padded layout [B, S], which exists only between pack and unpack; standard
 * operators, since token trees need a free mask. Returns the real tokens [T, N * Dv].
 */
const attend = (graph: OnnxGraph, heads: Heads, scale: number, inputs: AttentionInputs): Value => {
  const { queryHeads, keyHeads, headDimension, valueDimension } = heads;
  const repeats = queryHeads / keyHeads;
  const scaled = graph.mul(heads.query, graph.float(scale));
  const packed = (value: Value): Value => graph.gather(value, inputs.pack, 0);
  const transposed = (value: Value, order: readonly number[]): Value => graph.transpose(packed(value), order);
  const [key, value] = [transposed(heads.key, [0, 2, 3, 1]), transposed(heads.value, [0, 2, 1, 3])];
  const prefix = inputs.prefix === undefined ? null : transposedPrefix(graph, inputs.prefix);
  const width = queryHeads * valueDimension;
  if (repeats === 1) {
    const softmax: Softmax = (scores) => probabilities(graph, scores, inputs.bias, heads.sinks, [1, queryHeads, 1, 1]);
    const mixed = mix(graph, transposed(scaled, [0, 2, 1, 3]), { key, value }, prefix, softmax);
    return unpacked(graph, graph.transpose(mixed, [0, 2, 1, 3]), width, inputs);
  }
  // Query heads of one group are contiguous, so that one product serves all heads of the group: [B, S, G, R, D] -> [B,
  // G, R, S, D] against [B, G, 1, D, S].
  const grouped = graph.reshape(packed(scaled), [0, 0, keyHeads, repeats, headDimension]);
  const queries = graph.transpose(grouped, [0, 2, 3, 1, 4]);
  const alone = (each: Value, axis = 2): Value => graph.unsqueeze(each, [axis]);
  const softmax: Softmax = (scores) =>
    probabilities(graph, scores, alone(inputs.bias), heads.sinks, [1, keyHeads, repeats, 1, 1]);
  const shared = prefix === null ? null : { ...prefix, key: alone(prefix.key, 1), value: alone(prefix.value, 1) };
  const mixed = mix(graph, queries, { key: alone(key), value: alone(value) }, shared, softmax);
  return unpacked(graph, graph.transpose(mixed, [0, 3, 1, 2, 4]), width, inputs);
};

type Softmax = (scores: Value) => Value;

/** Keys [..., D, C] and values [..., C, Dv] as operands of the products. */
interface Transposed extends KeysAndValues {
  /** [1] number C of tokens. */
  readonly count: Value;
}

/** [P, G, D] -> [G, D, P] and [G, P, Dv]: shared by all sequences. */
const transposedPrefix = (graph: OnnxGraph, { key, value }: KeysAndValues): Transposed => ({
  key: graph.transpose(key, [1, 2, 0]),
  value: graph.transpose(value, [1, 0, 2]),
  count: graph.shape(key, 0, 1),
});

/**
 * Values weighted by the softmax of scores [..., S, P + S]. A prefix precedes each sequence's own keys; it is
 * multiplied separately, so that it is not copied for every sequence.
 */
const mix = (
  graph: OnnxGraph,
  queries: Value,
  own: KeysAndValues,
  prefix: Transposed | null,
  softmax: Softmax,
): Value => {
  const scores = graph.matmul(queries, own.key);
  if (prefix === null) return graph.matmul(softmax(scores), own.value);
  const all = softmax(graph.concat([graph.matmul(queries, prefix.key), scores], -1));
  const columns = (first: Value, end: Value): Value => graph.node('Slice', [all, first, end, graph.integers([-1])]);
  const before = graph.matmul(columns(graph.integers([0]), prefix.count), prefix.value);
  const after = graph.matmul(columns(prefix.count, graph.integers([Number.MAX_SAFE_INTEGER])), own.value);
  return graph.add(before, after);
};

/** Softmax over keys; a sink is one more column per head, which takes its share and is dropped. */
export const probabilities = (
  graph: OnnxGraph,
  scores: Value,
  bias: Value,
  sinks: Value | null,
  sinkShape: readonly number[],
): Value => {
  const biased = graph.add(scores, bias);
  if (sinks === null) return graph.node('Softmax', [biased], { axis: -1 });
  // The sink's column has the scores' shape except for its width, 1.
  const first = graph.slice(biased, 0, 1, -1);
  const column = graph.node('Expand', [graph.reshape(sinks, sinkShape), graph.shape(first)]);
  const all = graph.node('Softmax', [graph.concat([biased, column], -1)], { axis: -1 });
  return graph.slice(all, 0, -1, -1);
};

/** [B, S, heads...] -> the real tokens [T, width]. */
export const unpacked = (graph: OnnxGraph, mixed: Value, width: number, inputs: AttentionInputs): Value =>
  graph.gather(merge(graph, mixed, width), inputs.unpack, 0);
