import { present } from '../contract/errors.ts';
import type {
  BlockDescriptor,
  CompressedAttention,
  Compressor,
  ModelDescriptor,
  Rotary,
  Temperature,
} from '../checkpoint/descriptor.ts';
import { type Reach, reachKey } from '../checkpoint/reach.ts';
import type { AttentionInputs } from './attention.ts';
import { type BlockInputs, blockNodes, mixByAttention, mixByEntries, mixByState, embed, head } from './block-graph.ts';
import type { CompressedInputs, EntryInputs } from './compressed-attention.ts';
import { HIDDEN, type Rotation } from './heads.ts';
import type { MoeLayer } from './moe.ts';
import { OnnxGraph, type Value, type SerialisedGraph } from './onnx-graph.ts';
import { TensorProto_DataType as DataType } from './onnx-messages.ts';
import type { StateInputs } from './state.ts';

export interface WholeModelLayout {
  /** [B, S] row of each slot's token among the packed ones (any row for padding slots). */
  readonly pack: Value;
  /** [T] slot (b * S + s) of each token. */
  readonly unpack: Value;
  /** Inputs of compressed attention for a block. */
  readonly compressed: (block: BlockDescriptor, descriptor: CompressedAttention) => CompressedInputs;
  /** Inputs of attention for a block. */
  readonly attention: (block: BlockDescriptor) => AttentionInputs;
  /** Inputs of operators in place of attention; null where no block has one. */
  readonly sequences: StateInputs | null;
}

/**
 * Layout from the attention mask [B, S]: which slots contain tokens, each token's position in its sequence, its rotary
 * angles, and which tokens it sees. Computed once per run, whatever the number of blocks.
 */
export const wholeModelLayout = (graph: OnnxGraph, model: ModelDescriptor, mask: Value): WholeModelLayout => {
  const isToken = graph.node('Cast', [mask], { to: DataType.BOOL });
  const tokens = graph.node('Cast', [isToken], { to: DataType.INT64 });
  const unpack = flat(graph, graph.node('NonZero', [flat(graph, isToken)]));
  const pack = graph.reshape(lastCounted(graph, flat(graph, tokens), 0), graph.shape(mask));
  // Positions as float32: exact up to 2^24, and half the memory of int64 in the [S, S] distances.
  const positions = graph.node('Cast', [lastCounted(graph, tokens, 1)], { to: DataType.FLOAT });
  const ofTokens = graph.gather(flat(graph, positions), unpack, 0);
  const tables = new Map(
    [...new Set(model.blocks.flatMap(({ rotary }) => rotary ?? []))].map(
      (rotary) => [rotary, rotaryTables(graph, rotary, ofTokens)] as const,
    ),
  );
  const rows = graph.unsqueeze(graph.range(graph.shape(ofTokens)), [0]);
  const rotationOf = (rotary: Rotary): Rotation => {
    const angles = present(tables.get(rotary), 'a block with the rotation of another model');
    return { rotary, ...angles, rows };
  };
  const distances = graph.sub(graph.unsqueeze(positions, [1, 3]), graph.unsqueeze(positions, [1, 2]));
  const isKey = graph.unsqueeze(isToken, [1, 2]);
  const causal = graph.node('And', [graph.node('GreaterOrEqual', [distances, graph.float(0)]), isKey]);
  const biases = new Map<string, Value>();
  const biasOf = (reach: Reach): Value => {
    const known = biases.get(reachKey(reach));
    if (known !== undefined) return known;
    const { window, chunk } = reach;
    const seen = [
      causal,
      ...(window === null ? [] : [graph.node('Less', [distances, graph.float(window)])]),
      ...(chunk === null ? [] : [withinChunk(graph, positions, distances, chunk)]),
    ].reduce((left, right) => graph.node('And', [left, right]));
    const bias = graph.node('Where', [seen, graph.float(0), graph.float(HIDDEN)]);
    biases.set(reachKey(reach), bias);
    return bias;
  };
  const temperatures = new Map<Temperature, Value>();
  const temperatureOf = (temperature: Temperature): Value => {
    const made = temperatures.get(temperature) ?? temperatureFactors(graph, temperature, ofTokens);
    temperatures.set(temperature, made);
    return made;
  };
  return {
    pack,
    unpack,
    compressed: (block, { compressor }) => {
      if (block.rotary === null) throw new Error('compressed attention rotates');
      const { rotary } = block;
      const entries = compressor === null ? null : entriesOf(graph, compressor, rotary, { tokens, positions, unpack });
      return { rotation: rotationOf(rotary), pack, unpack, bias: biasOf(block), entries, before: null };
    },
    attention: (block) => ({
      rotation: block.rotary === null ? null : rotationOf(block.rotary),
      temperature:
        block.attention === null || block.attention.temperature === null
          ? null
          : temperatureOf(block.attention.temperature),
      pack,
      unpack,
      bias: biasOf(block),
    }),
    sequences: model.blocks.some(({ state }) => state !== null)
      ? {
          sequences: {
            pack,
            real: graph.unsqueeze(graph.node('Cast', [isToken], { to: DataType.FLOAT }), [2]),
            lengths: null,
          },
          past: null,
          branches: null,
          unpack,
        }
      : null,
  };
};

/** Entries of every sequence, as many as its longest possible length makes. */
const entriesOf = (
  graph: OnnxGraph,
  { every, overlapping }: Compressor,
  rotary: Rotary,
  { tokens, positions, unpack }: Readonly<Record<'tokens' | 'positions' | 'unpack', Value>>,
): EntryInputs => {
  const shape = graph.shape(tokens);
  const axis = (number: number): Value => graph.node('Gather', [shape, graph.integers([number])]);
  const [batch, slots] = [axis(0), axis(1)];
  const count = graph.node('Max', [graph.div(slots, graph.integers([every])), graph.integers([1])]);
  const lengths = graph.node('ReduceSum', [tokens, graph.integers([1])], { keepdims: 0 });
  const first = graph.sub(graph.node('CumSum', [lengths, graph.integers(0)]), lengths);
  const starts = graph.mul(graph.range(count), graph.integers([every]));
  const from = overlapping ? -every : 0;
  const offsets = graph.integers(Array.from({ length: every - from }, (_, slot) => from + slot));
  const places = graph.add(graph.unsqueeze(starts, [1]), offsets);
  const last = graph.sub(graph.shape(unpack, 0, 1), graph.integers([1]));
  const rows = graph.node('Min', [
    graph.node('Max', [graph.add(graph.unsqueeze(first, [1, 2]), graph.unsqueeze(places, [0])), graph.integers([0])]),
    last,
  ]);
  const hiddenWhere = (hidden: Value): Value => graph.node('Where', [hidden, graph.float(HIDDEN), graph.float(0)]);
  const all = graph.concat([batch, count], 0);
  const flatStarts = graph.reshape(graph.node('Expand', [starts, all]), [-1]);
  const tables = rotaryTables(graph, rotary, graph.node('Cast', [flatStarts], { to: DataType.FLOAT }));
  const ends = graph.node('Cast', [graph.add(starts, graph.integers([every - 1]))], { to: DataType.FLOAT });
  return {
    rows,
    open: graph.unsqueeze(hiddenWhere(graph.node('Less', [places, graph.integers([0])])), [0, 3]),
    rotation: { rotary, ...tables, rows: graph.unsqueeze(graph.range(graph.shape(flatStarts)), [0]) },
    bias: hiddenWhere(graph.node('Less', [graph.unsqueeze(positions, [1, 3]), ends])),
  };
};

/** A block's attention, or the operator in place of it; null: it has only experts or a dense network. */
const mixOf = (
  graph: OnnxGraph,
  model: ModelDescriptor,
  layout: WholeModelLayout,
  block: BlockDescriptor,
): BlockInputs['mix'] => {
  const { attention, compressed, state } = block;
  const { sequences } = layout;
  if (attention !== null)
    return (tokens, parts) => mixByAttention(graph, model, attention, tokens, { ...layout.attention(block), parts });
  if (compressed !== null)
    return (tokens) => mixByEntries(graph, model, compressed, tokens, layout.compressed(block, compressed));
  if (state === null) return null;
  if (sequences === null) throw new Error('a model with a state has inputs for its sequences');
  return (tokens) => mixByState(graph, state, tokens, sequences);
};

/** [B, 1, S, S] whether a key, at a distance of 0 or more, lies in the query's chunk: no farther than its beginning. */
const withinChunk = (graph: OnnxGraph, positions: Value, distances: Value, chunk: number): Value => {
  const chunks = graph.node('Floor', [graph.div(positions, graph.float(chunk))]);
  const within = graph.sub(positions, graph.mul(chunks, graph.float(chunk)));
  return graph.node('LessOrEqual', [distances, graph.unsqueeze(within, [1, 3])]);
};

/** [T, 1, 1] factors of the queries at positions [T]; logarithms in float64, as block by block. */
const temperatureFactors = (graph: OnnxGraph, { first, scale, every }: Temperature, positions: Value): Value => {
  const next = first === 0 ? positions : graph.add(positions, graph.float(first));
  const steps = graph.node('Floor', [graph.div(next, graph.float(every))]);
  const precise = graph.node('Cast', [graph.add(steps, graph.float(1))], { to: DataType.DOUBLE });
  const grown = graph.mul(graph.node('Log', [precise]), graph.double(scale));
  const factors = graph.node('Cast', [graph.add(grown, graph.double(1))], { to: DataType.FLOAT });
  return graph.unsqueeze(factors, [1, 2]);
};

/** Number of ones up to each index along an axis, minus one, at least 0: the number of the last one, from 0. */
const lastCounted = (graph: OnnxGraph, ones: Value, axis: number): Value =>
  graph.node('Max', [
    graph.sub(graph.node('CumSum', [ones, graph.integers(axis)]), graph.integers(1)),
    graph.integers(0),
  ]);

/**
 * [T, D/2] cosine and sine of each token's angles, times the embedding's magnitude. Angles are float32, as everywhere;
 * the functions of them are computed in float64 and rounded once, so that tables equal those of block-by-block runs.
 */
const rotaryTables = (
  graph: OnnxGraph,
  { frequencies, magnitude }: Rotary,
  positions: Value,
): { readonly cosine: Value; readonly sine: Value } => {
  const column = graph.unsqueeze(positions, [1]);
  const angles = graph.mul(column, graph.floats([1, frequencies.length], frequencies));
  const precise = graph.node('Cast', [angles], { to: DataType.DOUBLE });
  const table = (operator: 'Cos' | 'Sin'): Value => {
    const values = graph.node(operator, [precise]);
    const scaled = magnitude === 1 ? values : graph.mul(values, graph.double(magnitude));
    return graph.node('Cast', [scaled], { to: DataType.FLOAT });
  };
  return { cosine: table('Cos'), sine: table('Sin') };
};

/** Names of the graph's inputs and output, as in other exporters of language models. */
export const INPUT_IDS = 'input_ids';
export const ATTENTION_MASK = 'attention_mask';
export const LOGITS = 'logits';

/**
 * A whole model as one graph: `input_ids` and `attention_mask` [batch, sequence] int64 -> `logits` [batch, sequence,
 * vocabulary] float32. A slot whose mask is 0 is padding, on either side: no token sees it, it has no position, and its
 * own logits are meaningless. Batch and sequence may be of any size; at least one slot must be a token.
 *
 * `layers[block]`: the experts of each block, null where it is dense. `masks`: of a block's router, where some rows are
 * masked.
 */
export const wholeModelGraph = (
  model: ModelDescriptor,
  layers: readonly (MoeLayer | null)[],
  masks: ReadonlyMap<number, Float32Array> = new Map(),
): SerialisedGraph => {
  const graph = new OnnxGraph();
  const ids = graph.input(INPUT_IDS, DataType.INT64, ['batch', 'sequence']);
  const mask = graph.input(ATTENTION_MASK, DataType.INT64, ['batch', 'sequence']);
  const layout = wholeModelLayout(graph, model, mask);
  const tokens = graph.gather(flat(graph, ids), layout.unpack, 0);
  const last = model.blocks.reduce(
    (hidden: Value, block, index) => {
      const layer = layers[index] ?? null;
      const rows = layer?.router.shape[0] ?? 0;
      const everyExpert =
        layer === null ? null : graph.floats([rows], [...(masks.get(index) ?? new Array<number>(rows).fill(0))]);
      return blockNodes(graph, model, {
        block,
        layer,
        mask: everyExpert,
        hidden,
        mix: mixOf(graph, model, layout, block),
      }).output;
    },
    embed(graph, model, tokens),
  );
  const everySlot = graph.gather(last, flat(graph, layout.pack), 0);
  const shape = graph.concat([graph.shape(ids), graph.integers([model.vocabulary])], 0);
  const logits = graph.reshape(head(graph, model, everySlot), shape);
  graph.output(LOGITS, logits, DataType.FLOAT, ['batch', 'sequence', model.vocabulary]);
  return graph.serialise(model.family);
};

const flat = (graph: OnnxGraph, value: Value): Value => graph.reshape(value, [-1]);
