import type {
  AttentionDescriptor,
  BlockDescriptor,
  ChannelConvolution,
  CompressedAttention,
  ExpertTensors,
  ModelDescriptor,
  MoeDescriptor,
  Norm,
  Projection,
  Rotary,
  StateDescriptor,
  TensorView,
  Weight,
} from '../../checkpoint/descriptor.ts';
import { contiguousPart, contiguousRows, plainView, plainWeight, transposed } from '../../checkpoint/read-tensor.ts';
import { correctionOf, expertScaleOf, tableOf } from '../../checkpoint/routing.ts';
import { biasName } from '../../checkpoint/tensor-index.ts';
import { ggufTypes, isBlockType } from '../../checkpoint/gguf/gguf-types.ts';
import type { LlamaArchitecture } from '../../checkpoint/gguf/llama-architectures.ts';
import { frequencyFactors } from '../../checkpoint/gguf/llama-rotary.ts';
import {
  compressedNames,
  groupedNames,
  latentNames,
  layerNames,
  modelNames,
  moeNames,
  operatorNames,
  type Row,
} from '../../checkpoint/gguf/tensor-names.ts';
import { at, given, refuse } from '../../contract/errors.ts';
import type { GgufType } from '../../contract/export.ts';
import { maxOf } from '../../statistics/extremes.ts';
import type { WrittenType } from './gguf-header.ts';

/** A part of a tensor: rows unchanged, or each head's rows reordered from halves to pairs. */
export interface GgufPiece {
  readonly weight: Weight;
  /** Number of rows per head to reorder; null: none. */
  readonly headRows: number | null;
  /** For each column, its column in the weight; absent: the same. */
  readonly columns?: readonly number[];
  /** Function of each value x that a tensor in float32 stores: e^x, -e^x, or x + 1; absent: x itself. */
  readonly stores?: 'exponential' | 'minus-exponential' | 'plus-one';
}

export interface GgufTensor {
  readonly name: string;
  readonly type: WrittenType;
  /** Rows first. */
  readonly shape: readonly number[];
  /** Concatenated, they are the tensor. */
  readonly pieces: readonly GgufPiece[];
  /** Values of a tensor in float32 that follow from the config; it has no pieces. */
  readonly values?: readonly number[];
}

/** A tensor before it has a name and a type. */
type Contents = Omit<GgufTensor, 'name' | 'type'> & { readonly wanted: 'weights' | 'f32' | 'i32' };
type Sized = Contents & Pick<GgufTensor, 'name'>;

/** The points of an architecture that place tensors. */
type Layout = Pick<
  LlamaArchitecture,
  | 'rotatesPairs'
  | 'sharesEmbedding'
  | 'joinsHeads'
  | 'correction'
  | 'feedForwardNorm'
  | 'finalNorm'
  | 'frequencyFactors'
>;

const as = (weight: Weight): GgufPiece => ({ weight, headRows: null });

const matrix = (weight: Weight): Contents => ({ shape: weight.shape, pieces: [as(weight)], wanted: 'weights' });

/** Norms, routers, biases and sinks stay in float32, in which llama.cpp computes with them. */
const exact = (view: TensorView, shape: readonly number[] = view.shape, stores?: GgufPiece['stores']): Contents => ({
  shape,
  pieces: [stores === undefined ? as(plainWeight(view)) : { ...as(plainWeight(view)), stores }],
  wanted: 'f32',
});

/** Rows of views, one after another. */
const joined = (shape: readonly number[], views: readonly TensorView[], wanted: Contents['wanted']): Contents => ({
  shape,
  pieces: views.map((view) => as(plainWeight(view))),
  wanted,
});

/** A part of a model that is one tensor: a matrix in the file's type, or exact. */
type Single = Weight | Norm | TensorView | Contents;
type WithBias = { readonly weight: Single | null; readonly bias: Single | null };
type Part = Single | WithBias | ChannelConvolution;

const contentsOf = (part: Single): Contents => {
  if ('pieces' in part) return part;
  if ('plusOne' in part) return exact(part.scale, part.scale.shape, part.plusOne ? 'plus-one' : undefined);
  return 'stored' in part ? matrix(part) : exact(part);
};

const kernelsOf = ({ weights, channels, kernel }: ChannelConvolution): Contents =>
  joined([channels, kernel], weights, 'f32');

const tensorsOf = (name: string, part: Part): readonly Sized[] => {
  if ('kernel' in part) return tensorsOf(name, { weight: kernelsOf(part), bias: part.bias });
  const { weight, bias } = 'weight' in part ? part : { weight: part, bias: null };
  return [
    ...(weight === null ? [] : [{ name, ...contentsOf(weight) }]),
    ...(bias === null ? [] : [{ name: biasName(name), ...contentsOf(bias) }]),
  ];
};

/** The tensors of parts that a table names, in its order, after `prefix`. What a model has not got is left out. */
const named = <Role extends string>(
  prefix: string,
  names: Readonly<Record<Role, Row>>,
  parts: Readonly<Partial<Record<NoInfer<Role>, Part | null | undefined>>> | null | undefined,
): readonly Sized[] =>
  Object.entries<Row>(names).flatMap(([role, row]) => {
    const part = parts?.[role as Role] ?? null;
    return part === null ? [] : tensorsOf(prefix + (typeof row === 'string' ? row : row[0]), part);
  });

/**
 * Tensors of a GGUF file of a pruned model in the order of its layers. Weights have type `type`, or one of smaller
 * blocks or float16 if their rows are not whole blocks; tensors that llama.cpp needs exactly are float32.
 * `expertTypes`: the type of the experts' weights by MoE layer instead.
 *
 * @throws WorkbenchError `no-whole-blocks` if no weight has rows of whole blocks.
 */
export const modelTensors = (
  model: ModelDescriptor,
  config: Readonly<Record<string, unknown>>,
  architecture: Layout,
  type: GgufType,
  expertTypes?: readonly GgufType[],
): readonly GgufTensor[] => {
  const typeOf = typeByTensor(model, type, expertTypes);
  const { embedding, tokens, hyper, head } = modelNames;
  const hasOwnHead = model.head.tensor !== model.embedding.tensor;
  const sized: readonly Sized[] = [
    ...tensorsOf(embedding, plainWeight(model.embedding)),
    ...named(
      '',
      tokens,
      given(model.tokenInputs, (own) => ({ ...own, table: plainWeight(own.table) })),
    ),
    ...(architecture.frequencyFactors ? factorTensors(model, config) : []),
    ...model.blocks.flatMap((block, layer) => blockTensors(block, `blk.${String(layer)}.`, architecture)),
    ...named('', { finalNorm: `${architecture.finalNorm}.weight` }, model),
    ...named('', hyper, model.hyperHead),
    ...(hasOwnHead || !architecture.sharesEmbedding ? tensorsOf(head, plainWeight(model.head)) : []),
  ];
  const typed = sized.map(({ wanted, ...tensor }) => ({
    ...tensor,
    type: wanted === 'weights' ? fitting(typeOf(tensor.name), tensor.shape) : wanted,
  }));
  if (!typed.some((tensor) => tensor.type === type))
    throw refuse(
      'no-whole-blocks',
      `No tensor of this model can be ${type}: none has rows of whole blocks of ` +
        `${String(ggufTypes[type].values)} values.`,
      `Choose another type${smaller[type] === undefined ? '' : `, such as ${smaller[type]}`}.`,
    );
  return typed;
};

/** The wanted type of a tensor's weights by its name. */
const typeByTensor = (
  { moeLayers }: Pick<ModelDescriptor, 'moeLayers'>,
  type: GgufType,
  expertTypes?: readonly GgufType[],
): ((name: string) => GgufType) => {
  if (expertTypes === undefined) return () => type;
  const byBlock = new Map(moeLayers.map(({ block }, layer) => [String(block), expertTypes[layer] ?? type]));
  return (name) => byBlock.get(/^blk\.(\d+)\.ffn_\w+_exps\.weight$/.exec(name)?.[1] ?? '') ?? type;
};

/** Types of smaller blocks in place of a type, as llama.cpp's own tool chooses them. */
const smaller: Readonly<Partial<Record<GgufType, GgufType>>> = {
  q6_k: 'q8_0',
  q5_k: 'q5_1',
  q4_k: 'q5_0',
};

/** The type itself, a smaller one, or float16: types in blocks require rows of whole blocks. */
const fitting = (type: GgufType, shape: readonly number[]): GgufType => {
  if (!isBlockType(type) || (shape.at(-1) ?? 0) % ggufTypes[type].values === 0) return type;
  const next = smaller[type];
  return next === undefined ? 'f16' : fitting(next, shape);
};

/** Divisors of the plain angles, one for each pair. */
const factorTensors = (model: ModelDescriptor, config: Readonly<Record<string, unknown>>): readonly Sized[] => {
  const factors = frequencyFactors(model, config);
  if (factors === null) return [];
  // As many as the widest rotation has pairs, of which other layers use the first ones.
  const pairs = maxOf(model.blocks.map(({ rotary }) => rotary?.frequencies.length ?? 0));
  const values = [...factors, ...Array.from({ length: pairs - factors.length }, () => 1)];
  return [{ name: modelNames.rotaryFactors, shape: [pairs], pieces: [], values, wanted: 'f32' }];
};

const blockTensors = (block: BlockDescriptor, prefix: string, architecture: Layout): readonly Sized[] => {
  const { attention, state, rotary, moe, compressed, tokenInput } = block;
  const of = layerNames;
  return [
    ...named(prefix, { attentionNorm: of.attentionNorm }, block),
    ...(attention === null ? [] : attentionTensors(attention, prefix, rotary, architecture)),
    ...(compressed === null ? [] : compressedTensors(compressed, prefix)),
    ...named(prefix, of.hyper.attention, block.hyper?.attention),
    ...named(prefix, of.hyper.feedForward, block.hyper?.feedForward),
    ...(state === null ? [] : stateTensors(state, prefix)),
    ...named(prefix, { feedForwardNorm: `${architecture.feedForwardNorm}.weight` }, block),
    ...named(prefix, of.branchNorms, block.branchNorms),
    ...named(prefix, of.dense, block.dense),
    ...(moe === null ? [] : moeTensors(moe, prefix, architecture)),
    ...named(prefix, of.beside, block.beside),
    ...named(
      prefix,
      of.tokenInput,
      given(tokenInput, ({ gate, projection, norm }) => ({ gate, back: projection, backNorm: norm })),
    ),
    ...named(prefix, { outputScale: of.outputScale }, block),
  ];
};

/** A convolution with a bias, which llama.cpp adds even where the model has none. */
const biased = (convolution: ChannelConvolution): WithBias => ({
  weight: kernelsOf(convolution),
  bias: convolution.bias ?? {
    shape: [convolution.channels],
    pieces: [],
    values: Array.from({ length: convolution.channels }, () => 0),
    wanted: 'f32',
  },
});

/** Rows of a plain matrix from `start` on. */
const rowsOf = (weight: Weight, start: number, count: number): TensorView =>
  contiguousRows(plainView(weight), start, count);

/** An operator in place of attention. */
const stateTensors = (state: StateDescriptor, prefix: string): readonly Sized[] => {
  switch (state.kind) {
    case 'convolution':
      return named(prefix, operatorNames.convolution, state);
    case 'delta':
      return named(prefix, operatorNames.delta, deltaParts(state));
    case 'mamba': {
      const { heads, headDimension, groups, norm } = state;
      return named(prefix, operatorNames.mamba, {
        ...state,
        convolution: biased(state.convolution),
        decayLog: exact(state.decayLog, [heads, 1], 'minus-exponential'),
        skip: exact(state.skip, [heads, 1]),
        norm: exact(norm.scale, [groups, (heads * headDimension) / groups]),
      });
    }
    case 'mamba-1':
      return named(prefix, operatorNames['mamba-1'], {
        ...state,
        convolution: biased(state.convolution),
        decayLog: exact(state.decayLog, state.decayLog.shape, 'minus-exponential'),
      });
    case 'lightning':
      return named(prefix, operatorNames.lightning, state);
    case 'channel-delta': {
      const { low, decay, gate, heads, decayBound } = state;
      return named(prefix, operatorNames['channel-delta'], {
        ...state,
        ...kernels(state),
        ...(low === null
          ? { wholeDecay: decay, decay: null, wholeGate: gate, gate: null }
          : { lowDecay: low.decay, lowGate: low.gate }),
        decayLog: exact(state.decayLog, [heads, 1], decayBound === null ? 'minus-exponential' : 'exponential'),
      });
    }
  }
};

/** Kernels of queries, keys and values, which a file has apart. */
const kernels = ({
  convolution: { weights, kernel },
  heads,
  dimension,
}: Extract<StateDescriptor, { kind: 'channel-delta' }>): Readonly<
  Record<'queryKernel' | 'keyKernel' | 'valueKernel', Contents>
> => {
  const shape = [heads * dimension, 1, kernel];
  const part = (index: number): Contents =>
    exact(weights.length > 1 ? at(weights, index) : contiguousPart(at(weights, 0), index, 3, shape), shape);
  return { queryKernel: part(0), keyKernel: part(1), valueKernel: part(2) };
};

type Delta = Extract<StateDescriptor, { kind: 'delta' }>;
type DeltaInput<Rows> = Extract<Delta['input'], { rows: Rows }>;

type DeltaParts = Readonly<Partial<Record<keyof typeof operatorNames.delta, Part>>>;

const deltaParts = (state: Delta): DeltaParts => {
  const { input, convolution, decayBias, decayLog, norm, output } = state;
  const others = { convolution, decayBias, norm, output };
  switch (input.rows) {
    case 'rates-by-head':
      // As a file has them.
      return { ...others, ...input, decayLog };
    case 'by-head':
      return {
        ...others,
        ...partsByHead(state, input),
        decayLog: exact(decayLog, decayLog.shape, 'minus-exponential'),
      };
    case 'by-kind':
      return partsByKind(state, input);
  }
};

/** Queries, keys and values of all heads one after another, and the gates apart from them. */
const partsByHead = (state: Delta, { queryKeyValueGate, rateDecay }: DeltaInput<'by-head'>): DeltaParts => {
  const { keyHeads, valueHeads, keyDimension, valueDimension } = state;
  const values = (valueHeads / keyHeads) * valueDimension;
  const { weight } = queryKeyValueGate;
  const whole = 2 * keyDimension + 2 * values;
  /** Rows of every head: as many as `counts` say, one kind after another, from `first` on. */
  const rows = (first: number, ...counts: readonly number[]): Contents =>
    joined(
      [keyHeads * counts.reduce((sum, count) => sum + count, 0), at(weight.shape, 1)],
      counts.flatMap((count, kind) => {
        const start = first + counts.slice(0, kind).reduce((sum, before) => sum + before, 0);
        return Array.from({ length: keyHeads }, (_, head) => rowsOf(weight, head * whole + start, count));
      }),
      'weights',
    );
  return {
    queryKeyValue: rows(0, keyDimension, keyDimension, values),
    gate: rows(2 * keyDimension + values, values),
    rateDecay,
  };
};

/**
 * The heads of values that share a head of keys follow one another in the model; in a file, the first of each come
 * first, then the second of each, and so on.
 */
const partsByKind = (state: Delta, input: DeltaInput<'by-kind'>): DeltaParts => {
  const { keyHeads, valueHeads, keyDimension, valueDimension, convolution, norm, output } = state;
  const shared = valueHeads / keyHeads;
  const order = Array.from({ length: valueHeads }, (_, at) => (at % keyHeads) * shared + Math.floor(at / keyHeads));
  const keys = 2 * keyHeads * keyDimension;
  /** The rows of each head of values in the file's order, after `before` other rows. */
  const reordered = (weight: Weight, before: number, rows: number, wanted: Contents['wanted'] = 'weights'): Contents =>
    joined(
      weight.shape,
      [
        ...(before === 0 ? [] : [rowsOf(weight, 0, before)]),
        ...order.map((head) => rowsOf(weight, before + head * rows, rows)),
      ],
      wanted,
    );
  const vector = (view: TensorView): Contents => ({
    ...reordered(plainWeight({ ...view, shape: [valueHeads, 1] }), 0, 1, 'f32'),
    shape: [valueHeads],
  });
  const decays = vector(state.decayLog);
  const kernels = at(convolution.weights, 0, 'a convolution without weights');
  const channels = plainWeight({ ...kernels, shape: [convolution.channels, convolution.kernel] });
  const columns = order.flatMap((head) =>
    Array.from({ length: valueDimension }, (_, column) => head * valueDimension + column),
  );
  return {
    queryKeyValue: reordered(input.queryKeyValue.weight, keys, valueDimension),
    gate: reordered(input.gate.weight, 0, valueDimension),
    rate: reordered(input.rate.weight, 0, 1),
    decay: reordered(input.decay.weight, 0, 1),
    convolution: reordered(channels, keys, valueDimension, 'f32'),
    decayBias: vector(state.decayBias),
    decayLog: { ...decays, pieces: decays.pieces.map((piece) => ({ ...piece, stores: 'minus-exponential' })) },
    norm,
    output: { ...matrix(output.weight), pieces: [{ ...as(output.weight), columns }] },
  };
};

const attentionTensors = (
  attention: AttentionDescriptor,
  prefix: string,
  rotary: Rotary | null,
  architecture: Layout,
): readonly Sized[] => {
  const reorder = architecture.rotatesPairs && rotary?.interleaved === false;
  if (attention.kind === 'latent') return latentTensors(attention, prefix, reorder);
  const rotated = ({ weight, bias }: Projection): WithBias => {
    const halved = (single: Single): Contents => {
      const contents = contentsOf(single);
      return { ...contents, pieces: contents.pieces.map((piece) => ({ ...piece, headRows: attention.headDimension })) };
    };
    return reorder ? { weight: halved(weight), bias: given(bias, halved) } : { weight, bias };
  };
  const { joined: inOne, norms, output, gate, sinks, ...apart } = groupedNames;
  const parts = named(prefix, apart, {
    query: rotated(attention.query),
    key: given(attention.key, rotated),
    value: attention.value,
  });
  return [
    ...(architecture.joinsHeads ? [joinedRows(prefix + inOne, parts)] : parts),
    ...named(prefix, { output }, attention),
    ...named(prefix, norms, attention.queryKeyNorm),
    ...named(prefix, { gate, sinks }, { ...attention, gate: attention.gate === 'in-query' ? null : attention.gate }),
  ];
};

/** Matrices as one, their rows one after another. */
const joinedRows = (name: string, matrices: readonly Sized[]): Sized => ({
  name,
  shape: [matrices.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0), ...(matrices[0]?.shape.slice(1) ?? [])],
  pieces: matrices.flatMap(({ pieces }) => pieces),
  wanted: 'weights',
});

/**
 * A projection whose heads have `plain` rows that are not rotated before `rotated` ones: those are reordered from
 * halves to pairs.
 */
const rotatedAtEnd = ({ weight, bias }: Projection, plain: number, rotated: number): WithBias => {
  const pieces = Array.from({ length: at(weight.shape, 0) / (plain + rotated) }, (_, head) => {
    const start = head * (plain + rotated);
    return [
      as(plainWeight(rowsOf(weight, start, plain))),
      { weight: plainWeight(rowsOf(weight, start + plain, rotated)), headRows: rotated },
    ];
  });
  return { weight: { shape: weight.shape, pieces: pieces.flat(), wanted: 'weights' }, bias };
};

/**
 * A matrix per head expands keys from the latent; llama.cpp multiplies the query by its transpose instead. `reorder`:
 * the model rotates halves where the file has pairs.
 */
const latentTensors = (
  attention: Extract<AttentionDescriptor, { kind: 'latent' }>,
  prefix: string,
  reorder: boolean,
): readonly Sized[] => {
  const { plainDimension, rotatedDimension, latent } = attention;
  const turned = (projected: Projection, plain: number): Part =>
    reorder ? rotatedAtEnd(projected, plain, rotatedDimension) : projected;
  const { query, keyValueDown, keyValueNorm, keyValueUp, indexer } = attention;
  const { stored } = keyValueUp.weight;
  if (stored.kind !== 'plain' && stored.kind !== 'split-heads')
    throw new Error('quantised latent attention was not refused');
  const names = latentNames;
  const queries =
    'whole' in query
      ? { whole: turned(query.whole, plainDimension) }
      : { down: query.down, norm: query.norm.scale, up: turned(query.up, plainDimension) };
  const expansion =
    stored.kind === 'split-heads'
      ? { keys: plainWeight(stored.keys), values: plainWeight(stored.values) }
      : splitHeads(attention, stored.view);
  return [
    ...named<'whole' | 'down' | 'norm' | 'up'>(prefix, names.query, queries),
    ...tensorsOf(prefix + names.keyValueDown, turned(keyValueDown, latent)),
    ...tensorsOf(prefix + names.keyValueNorm, keyValueNorm.scale),
    ...named(prefix, names.keyValueUp, expansion),
    ...named(prefix, { output: names.output, gate: names.gate }, attention),
    ...named(
      prefix,
      names.indexer,
      given(indexer?.own, (own) => ({ ...own, keyBias: own.keyNorm.bias })),
    ),
  ];
};

/** Rows of each head, for its keys and for its values. */
const splitHeads = (
  { heads, latent, plainDimension, valueDimension }: Extract<AttentionDescriptor, { kind: 'latent' }>,
  whole: TensorView,
): Readonly<Record<'keys' | 'values', Contents>> => {
  const ofHeads = (shape: readonly number[], weightOf: (ofHead: TensorView) => Weight): Contents => ({
    shape: [heads, ...shape],
    pieces: Array.from({ length: heads }, (_, head) =>
      as(weightOf(contiguousPart(whole, head, heads, [plainDimension + valueDimension, latent]))),
    ),
    wanted: 'weights',
  });
  return {
    keys: ofHeads([latent, plainDimension], (ofHead) =>
      transposed(plainWeight(contiguousRows(ofHead, 0, plainDimension))),
    ),
    values: ofHeads([valueDimension, latent], (ofHead) =>
      plainWeight(contiguousRows(ofHead, plainDimension, valueDimension)),
    ),
  };
};

const compressedTensors = (
  { query, output, compressor, ...parts }: CompressedAttention,
  prefix: string,
): readonly Sized[] => {
  const of = compressedNames;
  return [
    ...named(prefix, of.attention, {
      ...parts,
      queryDown: query.down,
      queryNorm: query.norm,
      queryUp: query.up,
      outputDown: plainWeight(output.down),
      outputUp: output.up,
    }),
    ...named(prefix, of.compressor, compressor),
    ...named(prefix, of.indexer, compressor?.indexer),
    ...named(prefix, of.indexerCompressor, compressor?.indexer?.compressor),
  ];
};

const moeTensors = (moe: MoeDescriptor, prefix: string, { correction }: Layout): readonly Sized[] => {
  const { routing, expertTensors, latent, shared } = moe;
  /** A matrix or a bias of all experts, one after another. */
  const stacked = (part: Exclude<keyof ExpertTensors, 'constant'>, wanted: Contents['wanted']): Contents | null => {
    const weights = expertTensors.flatMap((expert) => expert[part] ?? []);
    return given(weights[0], ({ shape }) => ({ shape: [weights.length, ...shape], pieces: weights.map(as), wanted }));
  };
  const withBiases = (part: 'gate' | 'up' | 'down'): WithBias => ({
    weight: stacked(part, 'weights'),
    bias: stacked(`${part}Bias`, 'f32'),
  });
  const [corrects, scale] = [correctionOf(routing), shared?.scale];
  return [
    ...tensorsOf(prefix + moeNames.router, { weight: contentsOf(moe.router), bias: moe.routerBias }),
    ...named(
      prefix,
      { correction, table: moeNames.table },
      {
        correction: given(corrects, (view) => exact(view, view.shape.slice(-1))),
        table: given(tableOf(routing), (view) => ({ ...exact(view), wanted: 'i32' as const })),
      },
    ),
    ...named(prefix, moeNames.experts, {
      gate: withBiases('gate'),
      up: withBiases('up'),
      down: withBiases('down'),
    }),
    ...named(prefix, { scale: moeNames.expertScale }, { scale: expertScaleOf(routing) }),
    ...named(prefix, moeNames.latent, { into: latent?.into.weight, back: latent?.back.weight }),
    ...named(prefix, moeNames.shared, {
      ...shared,
      scale: given(scale, (view) => exact(view, view.shape.slice(1))),
    }),
  ];
};
