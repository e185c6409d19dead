import type { CompressedAttention, Compressor } from '../checkpoint/descriptor.ts';
import { probabilities } from './attention.ts';
import { cut, merge, rotate, type Rotation, split } from './heads.ts';
import { chosenBias } from './indexer.ts';
import { normalise, normaliseBy, ones, project } from './linear.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import { fromProducts, productType, tensor, tensorAs, toProducts } from './weights.ts';

/** State of the tokens before the running ones: [tokens, 1, D] keys, and the inputs of entries, [tokens, 1, R]. */
interface Carried {
  readonly key: Value;
  readonly raw: Value | null;
}

/**
 * Entries of B sequences, at most E each. They are made of rows of all tokens at hand: those of prefixes, then cached
 * ones, then the running ones.
 */
export interface EntryInputs {
  /** [B, E, slots] row of each token of an entry's window, and [B, E, slots, 1] a large negative number for none. */
  readonly rows: Value;
  readonly open: Value;
  /** Rotation by the position of each entry's first token, of B * E rows. */
  readonly rotation: Rotation;
  /** [B, 1, S, E] 0 where the query sees the entry, a large negative number elsewhere. */
  readonly bias: Value;
}

export interface CompressedInputs {
  readonly rotation: Rotation;
  readonly pack: Value;
  readonly unpack: Value;
  /** [B, 1, S, P + C + S]. */
  readonly bias: Value;
  /** Null in a block without compressor. */
  readonly entries: EntryInputs | null;
  /** Tokens before; null: none. */
  readonly before:
    | null
    | { readonly form: 'prefixed'; readonly prefix: Carried }
    | {
        readonly form: 'cached';
        readonly past: Carried;
        readonly prefix: Carried;
        readonly members: Value;
        readonly seats: Value;
      };
}

/** R: numbers of each token that entries are made of: values and gates of the compressor, and of its indexer. */
export const rawWidth = ({ compressor }: CompressedAttention): number =>
  compressor === null ? 0 : widthsOf(compressor).reduce((sum, width) => sum + width, 0);

/** Values and gates of a compressor and of its indexer, as they lie side by side. */
const widthsOf = ({ values, indexer }: Compressor): readonly number[] => {
  const rows = ({ weight }: Compressor['values']): number => weight.shape[0] ?? 0;
  const all = indexer === null ? [values] : [values, indexer.compressor.values];
  return all.flatMap((each) => [rows(each), rows(each)]);
};

/** Number of tokens that an entry is made of. */
export const entrySlots = ({ every, overlapping }: Compressor): number => (overlapping ? 2 : 1) * every;

const entryInputs = (graph: OnnxGraph, compressor: Compressor, rotation: Rotation): EntryInputs => {
  const slots = entrySlots(compressor);
  const half = rotation.rotary.dimensions / 2;
  return {
    rows: graph.input('entryRows', DataType.INT64, ['B', 'E', slots]),
    open: graph.input('entryOpen', DataType.FLOAT, ['B', 'E', slots, 1]),
    rotation: {
      rotary: rotation.rotary,
      cosine: graph.input('entryCosine', DataType.FLOAT, ['BE', half]),
      sine: graph.input('entrySine', DataType.FLOAT, ['BE', half]),
      rows: graph.input('entryNumbers', DataType.INT64, [1, 'BE']),
    },
    bias: graph.input('entryBias', DataType.FLOAT, ['B', 1, 'S', 'E']),
  };
};

/** Inputs of a block's graph in one of its forms. */
export const compressedInputs = (
  graph: OnnxGraph,
  descriptor: CompressedAttention,
  rotation: Rotation,
  form: 'plain' | 'prefixed' | 'cached',
): CompressedInputs => {
  const width = rawWidth(descriptor);
  const { headDimension, compressor } = descriptor;
  const carried = (name: string, shape: readonly string[]): Carried => {
    const input = (part: string, last: number): Value => {
      const [batch, ...others] = shape;
      return graph.input(`${name}${part}`, DataType.FLOAT, [
        ...(batch === undefined ? [] : [batch]),
        1,
        ...others,
        last,
      ]);
    };
    return { key: input('Key', headDimension), raw: width === 0 ? null : input('Raw', width) };
  };
  const keys = form === 'plain' ? 'S' : form === 'prefixed' ? 'P+S' : 'P+C+S';
  return {
    rotation,
    pack: graph.input('pack', DataType.INT64, ['B', 'S']),
    unpack: graph.input('unpack', DataType.INT64, ['T']),
    bias: graph.input('bias', DataType.FLOAT, ['B', 1, 'S', keys]),
    entries: compressor === null ? null : entryInputs(graph, compressor, rotation),
    before:
      form === 'plain'
        ? null
        : form === 'prefixed'
          ? { form, prefix: carried('prefix', ['P']) }
          : {
              form,
              past: carried('past', ['B', 'C']),
              prefix: carried('prefix', ['N', 'P']),
              members: graph.input('members', DataType.INT64, ['N', 'M']),
              seats: graph.input('seats', DataType.INT64, ['B']),
            },
  };
};

/**
 * Attention over a window and over entries, each compressed of a window of tokens (DeepSeek-V4): tokens [T, H] ->
 * [T, H] before the residual, and what the tokens carry on. Keys are values, so outputs are rotated back.
 */
export const compressedAttention = (
  graph: OnnxGraph,
  scale: number,
  descriptor: CompressedAttention,
  tokens: Value,
  inputs: CompressedInputs,
): { readonly output: Value; readonly carried: Readonly<{ key: Value; raw?: Value }> } => {
  const { heads, headDimension, query, compressor } = descriptor;
  const low = normalise(graph, project(graph, tokens, query.down), query.norm);
  const plainQueries = normaliseBy(
    graph,
    split(graph, project(graph, low, query.up), heads, headDimension),
    ones(graph, headDimension),
    query.epsilon,
  );
  const queries = rotateEnd(graph, plainQueries, heads, headDimension, inputs.rotation);
  const keyValue = normalise(graph, project(graph, tokens, descriptor.keyValue), descriptor.keyValueNorm);
  const key = rotateEnd(graph, split(graph, keyValue, 1, headDimension), 1, headDimension, inputs.rotation);
  const raw = compressor === null ? null : rawOf(graph, compressor, tokens);
  const carried = { key, raw: raw === null ? null : split(graph, raw, 1, rawWidth(descriptor)) };
  const { keys, bias } = visible(graph, descriptor, tokens, low, carried, inputs);
  const attended = attend(graph, descriptor, scale, queries, keys, bias, inputs);
  const back = { ...inputs.rotation, sine: graph.node('Neg', [inputs.rotation.sine]) };
  const restored = rotateEnd(graph, attended, heads, headDimension, back);
  return {
    output: outputOf(graph, descriptor, restored),
    carried: { key, ...(carried.raw === null ? {} : { raw: carried.raw }) },
  };
};

/** Rotates the last dimensions of every head of [T, N, D]. */
const rotateEnd = (graph: OnnxGraph, value: Value, count: number, dimension: number, rotation: Rotation): Value => {
  const { dimensions } = rotation.rotary;
  const turn = (end: Value): Value =>
    split(graph, rotate(graph, merge(graph, end, count * dimensions), count, rotation), count, dimensions);
  if (dimensions === dimension) return turn(value);
  const [first, end] = cut(graph, value, [dimension - dimensions, dimensions]);
  return graph.concat([first, turn(end)], -1);
};

/** [T, R]. */
const rawOf = (graph: OnnxGraph, { values, gates, indexer }: Compressor, tokens: Value): Value => {
  const all = [values, gates, ...(indexer === null ? [] : [indexer.compressor.values, indexer.compressor.gates])];
  return graph.concat(
    all.map((projection) => project(graph, tokens, projection)),
    -1,
  );
};

/** Keys [B, K, D] of every sequence: tokens before it, its own, and its entries; and who sees them, [B, 1, S, K]. */
const visible = (
  graph: OnnxGraph,
  descriptor: CompressedAttention,
  tokens: Value,
  low: Value,
  own: Carried,
  inputs: CompressedInputs,
): { readonly keys: Value; readonly bias: Value } => {
  const { compressor } = descriptor;
  const { pack, before, entries } = inputs;
  const flat = (value: Value): Value => graph.squeeze(value, [1]);
  const ownKeys = graph.gather(flat(own.key), pack, 0);
  const joined = (all: readonly Value[], axis: number): Value =>
    all.length === 1 && all[0] !== undefined ? all[0] : graph.concat(all, axis);
  const earlier: Value[] = [];
  if (before?.form === 'prefixed') {
    const count = graph.shape(pack, 0, 1);
    const shape = graph.concat([count, graph.shape(flat(before.prefix.key))], 0);
    earlier.push(graph.node('Expand', [flat(before.prefix.key), shape]));
  } else if (before !== null) {
    const seats = graph.shape(before.members, 1, 2);
    const candidate = graph.div(before.seats, seats);
    earlier.push(graph.gather(flat(before.prefix.key), candidate, 0), flat(before.past.key));
  }
  if (compressor === null || entries === null) return { keys: joined([...earlier, ownKeys], 1), bias: inputs.bias };
  const width = rawWidth(descriptor);
  const rows = (value: Value | null): Value[] => (value === null ? [] : [merge(graph, value, width)]);
  const sources = joined(
    [
      ...(before === null ? [] : rows(before.prefix.raw)),
      ...(before?.form === 'cached' ? rows(before.past.raw) : []),
      ...rows(own.raw),
    ],
    0,
  );
  const gathered = graph.gather(sources, entries.rows, 0);
  const [values, gates, indexValues, indexGates] = graph.nodes(
    'Split',
    [gathered, graph.integers(widthsOf(compressor))],
    widthsOf(compressor).length,
    { axis: -1 },
  );
  if (values === undefined || gates === undefined) throw new Error('Split gives every part');
  const made = compress(graph, compressor, values, gates, entries);
  const { indexer } = compressor;
  const seen =
    indexer === null || indexValues === undefined || indexGates === undefined
      ? entries.bias
      : chosenEntries(
          graph,
          indexer,
          tokens,
          low,
          compress(graph, indexer.compressor, indexValues, indexGates, entries),
          {
            ...inputs,
            entries,
          },
        );
  return {
    keys: joined([...earlier, ownKeys, made], 1),
    bias: graph.concat([inputs.bias, seen], -1),
  };
};

/**
 * Entries [B, E, D] of values and gates [B, E, slots, D or 2D]: values weighted, component by component, by the softmax
 * over a window's tokens of gates and their places' own numbers; normed, and rotated by the position of the first
 * token. With overlap, the first half of the numbers counts in the next window and the second half in its own.
 */
const compress = (
  graph: OnnxGraph,
  { every, overlapping, places, norm }: Omit<Compressor, 'indexer'>,
  values: Value,
  gates: Value,
  { rows, open, rotation }: EntryInputs,
): Value => {
  const dimension = norm.scale.shape[0] ?? 0;
  /** The first half of the columns belongs to the window before, the second half to the window itself. */
  const taken = (value: Value): Value =>
    overlapping
      ? graph.concat(
          [
            graph.slice(graph.slice(value, 0, every, 2), 0, dimension, 3),
            graph.slice(graph.slice(value, every, 2 * every, 2), dimension, 2 * dimension, 3),
          ],
          2,
        )
      : value;
  const table = tensor(graph, places);
  const ofPlaces = overlapping
    ? graph.concat([graph.slice(table, 0, dimension, 1), graph.slice(table, dimension, 2 * dimension, 1)], 0)
    : table;
  const logits = graph.add(graph.add(taken(gates), ofPlaces), open);
  const weighted = graph.mul(taken(values), graph.node('Softmax', [logits], { axis: 2 }));
  const sums = graph.node('ReduceSum', [weighted, graph.integers([2])], { keepdims: 0 });
  const normed = normalise(graph, split(graph, sums, 1, dimension), norm);
  const turned = rotateEnd(graph, normed, 1, dimension, rotation);
  const shape = graph.concat([graph.shape(rows, 0, 2), graph.integers([dimension])], 0);
  return graph.reshape(turned, shape);
};

/** The bias of entries, with all but those that the indexer chooses hidden. */
const chosenEntries = (
  graph: OnnxGraph,
  { heads, dimension, most, query, weights }: NonNullable<Compressor['indexer']>,
  tokens: Value,
  low: Value,
  keys: Value,
  { rotation, pack, entries }: CompressedInputs & { readonly entries: EntryInputs },
): Value => {
  const queries = split(graph, project(graph, low, query), heads, dimension);
  const values = {
    query: rotateEnd(graph, queries, heads, dimension, rotation),
    weights: project(graph, tokens, weights),
  };
  const lying = graph.unsqueeze(graph.transpose(keys, [0, 2, 1]), [1]);
  return chosenBias(graph, { heads, dimension, most }, values, { pack, bias: entries.bias }, (packed) =>
    graph.matmul(packed, lying),
  );
};

/** [T, N, D] outputs of all heads over the keys, which are the values too. */
const attend = (
  graph: OnnxGraph,
  { heads, headDimension, sinks }: CompressedAttention,
  scale: number,
  queries: Value,
  keys: Value,
  bias: Value,
  { pack, unpack }: CompressedInputs,
): Value => {
  const scaled = graph.mul(queries, graph.float(scale));
  const packed = graph.transpose(graph.gather(scaled, pack, 0), [0, 2, 1, 3]);
  const lying = graph.unsqueeze(graph.transpose(keys, [0, 2, 1]), [1]);
  const scores = graph.matmul(packed, lying);
  const ofKeys = probabilities(graph, scores, bias, tensor(graph, sinks), [1, heads, 1, 1]);
  const mixed = graph.matmul(ofKeys, graph.unsqueeze(keys, [1]));
  const bySlot = merge(graph, graph.transpose(mixed, [0, 2, 1, 3]), heads * headDimension);
  return split(graph, graph.gather(bySlot, unpack, 0), heads, headDimension);
};

/** The heads in groups, each with a projection of its own, and one projection of all. */
const outputOf = (
  graph: OnnxGraph,
  { heads, headDimension, output: { groups, down, up } }: CompressedAttention,
  attended: Value,
): Value => {
  const rank = (down.shape[0] ?? 0) / groups;
  const width = (heads * headDimension) / groups;
  const apart = toProducts(graph, graph.transpose(split(graph, attended, groups, width), [1, 0, 2]));
  const matrices = graph.transpose(
    graph.reshape(tensorAs(graph, down, productType(graph)), [groups, rank, width]),
    [0, 2, 1],
  );
  const mixed = fromProducts(graph, graph.matmul(apart, matrices));
  const products = graph.transpose(mixed, [1, 0, 2]);
  return project(graph, merge(graph, products, groups * rank), up);
};
