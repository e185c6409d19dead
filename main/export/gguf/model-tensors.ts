import type {
  AttentionDescriptor,
  BlockDescriptor,
  ChannelConvolution,
  CompressedAttention,
  Compressor,
  DenseTensors,
  ExpertTensors,
  HyperHead,
  IndexerDescriptor,
  ModelDescriptor,
  MoeDescriptor,
  Norm,
  Projection,
  Rotary,
  StateDescriptor,
  TensorView,
  Weight,
} from '../../checkpoint/descriptor.ts';
import { contiguousPart, plainWeight } from '../../checkpoint/read-tensor.ts';
import { correctionOf } from '../../checkpoint/routing.ts';
import { ggufTypes, isBlockType } from '../../checkpoint/gguf/gguf-types.ts';
import type { LlamaArchitecture } from '../../checkpoint/gguf/llama-architectures.ts';
import { frequencyFactors } from '../../checkpoint/gguf/llama-rotary.ts';
import { at, refuse } from '../../contract/errors.ts';
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

type Sized = Omit<GgufTensor, 'type'> & { readonly wanted: 'weights' | 'f32' | 'i32' };

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

const matrix = (name: string, weight: Weight): Sized => ({
  name: `${name}.weight`,
  shape: weight.shape,
  pieces: [as(weight)],
  wanted: 'weights',
});

/** Norms, routers, biases and sinks stay in float32, in which llama.cpp computes with them. */
const exact = (name: string, view: TensorView, shape: readonly number[] = view.shape): Sized => ({
  name,
  shape,
  pieces: [as(plainWeight(view))],
  wanted: 'f32',
});

const normed = (name: string, { scale, plusOne }: Norm): Sized => {
  const tensor = exact(`${name}.weight`, scale);
  return plusOne
    ? { ...tensor, pieces: tensor.pieces.map((piece) => ({ ...piece, stores: 'plus-one' as const })) }
    : tensor;
};

type Part = Weight | Projection | Norm | TensorView;

const tensorsOf = (name: string, part: Part): readonly Sized[] => {
  if ('plusOne' in part) return [normed(name, part)];
  if ('weight' in part)
    return [matrix(name, part.weight), ...(part.bias === null ? [] : [exact(`${name}.bias`, part.bias)])];
  return ['stored' in part ? matrix(name, part) : exact(`${name}.weight`, part)];
};

/**
 * Tensors by their names in a file, in order: matrices in the file's type, with their biases; norms and plain views
 * exactly. What a model has not got is left out.
 */
const named = (prefix: string, parts: Readonly<Record<string, Part | null | undefined>>): readonly Sized[] =>
  Object.entries(parts).flatMap(([name, part]) => (part == null ? [] : tensorsOf(`${prefix}.${name}`, part)));

/** A vector that stays exact, under its whole name; nothing where a model has none. */
const vector = (name: string, view: TensorView | null | undefined): readonly Sized[] =>
  view == null ? [] : [exact(name, view)];

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
  const hasOwnHead = model.head.tensor !== model.embedding.tensor;
  const sized: readonly Sized[] = [
    matrix('token_embd', plainWeight(model.embedding)),
    ...(model.tokenInputs === null
      ? []
      : [
          matrix('per_layer_token_embd', plainWeight(model.tokenInputs.table)),
          matrix('per_layer_model_proj', model.tokenInputs.projection),
          normed('per_layer_proj_norm', model.tokenInputs.norm),
        ]),
    ...(architecture.frequencyFactors ? factorTensors(model, config) : []),
    ...model.blocks.flatMap((block, layer) => blockTensors(block, `blk.${String(layer)}`, architecture)),
    normed(architecture.finalNorm, model.finalNorm),
    ...(model.hyperHead === null ? [] : hyperTensors('output_hc', model.hyperHead)),
    ...(hasOwnHead || !architecture.sharesEmbedding ? [matrix('output', plainWeight(model.head))] : []),
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
  return [{ name: 'rope_freqs.weight', shape: [pairs], pieces: [], values, wanted: 'f32' }];
};

const blockTensors = (block: BlockDescriptor, prefix: string, architecture: Layout): readonly Sized[] => {
  const { attentionNorm, attention, state, rotary, feedForwardNorm, branchNorms, moe, dense } = block;
  const { beside, tokenInput, outputScale, compressed, hyper } = block;
  return [
    ...named(prefix, { attn_norm: attentionNorm }),
    ...(attention === null ? [] : attentionTensors(attention, prefix, rotary, architecture)),
    ...(compressed === null ? [] : compressedTensors(compressed, prefix)),
    ...(hyper === null
      ? []
      : [
          ...hyperTensors(`${prefix}.hc_attn`, hyper.attention),
          ...hyperTensors(`${prefix}.hc_ffn`, hyper.feedForward),
        ]),
    ...(state === null ? [] : stateTensors(state, prefix)),
    ...named(prefix, { [architecture.feedForwardNorm]: feedForwardNorm }),
    ...named(prefix, { post_attention_norm: branchNorms?.attention, post_ffw_norm: branchNorms?.feedForward }),
    ...(dense === null ? [] : denseTensors(dense, prefix, '')),
    ...(moe === null ? [] : moeTensors(moe, prefix, architecture)),
    ...named(prefix, {
      post_ffw_norm_1: beside?.dense,
      pre_ffw_norm_2: beside?.expertsIn,
      post_ffw_norm_2: beside?.expertsOut,
    }),
    ...vector(`${prefix}.ffn_gate_inp.scale`, beside?.router),
    ...named(prefix, {
      inp_gate: tokenInput?.gate,
      proj: tokenInput?.projection,
      post_norm: tokenInput?.norm,
      layer_output_scale: outputScale,
    }),
  ];
};

const convolutionTensors = (
  name: string,
  { weights, channels, kernel, bias }: ChannelConvolution,
): readonly Sized[] => [
  {
    name: `${name}.weight`,
    shape: [channels, kernel],
    pieces: weights.map((view) => as(plainWeight(view))),
    wanted: 'f32',
  },
  ...(bias === null ? [] : [exact(`${name}.bias`, bias)]),
];

/** A bias that llama.cpp adds even where the model has none. */
const zeros = (name: string, length: number): Sized => ({
  name,
  shape: [length],
  pieces: [],
  values: Array.from({ length }, () => 0),
  wanted: 'f32',
});

const decayRates = (
  name: string,
  decayLog: TensorView,
  shape: readonly number[],
  stores: 'exponential' | 'minus-exponential' = 'minus-exponential',
): Sized => ({ name, shape, pieces: [{ ...as(plainWeight(decayLog)), stores }], wanted: 'f32' });

/** Rows of a plain matrix from `start` on. */
const rowsOf = ({ stored }: Weight, start: number, count: number): TensorView => {
  if (stored.kind !== 'plain') throw new Error('a quantised operator was not refused');
  const { view } = stored;
  const [rows = 1, columns = 1] = view.shape;
  const rowBytes = view.byteLength / rows;
  return {
    ...view,
    shape: [count, columns],
    byteOffset: view.byteOffset + start * rowBytes,
    byteLength: count * rowBytes,
  };
};

/** An operator in place of attention. */
const stateTensors = (state: StateDescriptor, prefix: string): readonly Sized[] => {
  switch (state.kind) {
    case 'convolution':
      return [
        ...named(prefix, { 'shortconv.in_proj': state.input }),
        ...convolutionTensors(`${prefix}.shortconv.conv`, state.convolution),
        ...named(prefix, { 'shortconv.out_proj': state.output }),
      ];
    case 'delta':
      return deltaTensors(state, prefix);
    case 'mamba': {
      const { heads, headDimension, groups, norm } = state;
      return [
        ...named(prefix, { ssm_in: state.input }),
        ...convolutionTensors(`${prefix}.ssm_conv1d`, state.convolution),
        ...(state.convolution.bias === null ? [zeros(`${prefix}.ssm_conv1d.bias`, state.convolution.channels)] : []),
        exact(`${prefix}.ssm_dt.bias`, state.stepBias),
        decayRates(`${prefix}.ssm_a`, state.decayLog, [heads, 1]),
        exact(`${prefix}.ssm_d`, state.skip, [heads, 1]),
        exact(`${prefix}.ssm_norm.weight`, norm.scale, [groups, (heads * headDimension) / groups]),
        ...named(prefix, { ssm_out: state.output }),
      ];
    }
    case 'mamba-1': {
      const { convolution, decayLog } = state;
      return [
        ...named(prefix, { ssm_in: state.input }),
        ...convolutionTensors(`${prefix}.ssm_conv1d`, convolution),
        ...(convolution.bias === null ? [zeros(`${prefix}.ssm_conv1d.bias`, convolution.channels)] : []),
        ...named(prefix, {
          ssm_x: state.selection,
          ssm_dt_norm: state.stepNorm,
          ssm_b_norm: state.inputNorm,
          ssm_c_norm: state.outputNorm,
          ssm_dt: state.step,
        }),
        decayRates(`${prefix}.ssm_a`, decayLog, decayLog.shape),
        exact(`${prefix}.ssm_d`, state.skip),
        ...named(prefix, { ssm_out: state.output }),
      ];
    }
    case 'lightning':
      return named(prefix, {
        attn_qkv: state.queryKeyValue,
        attn_norm_2: state.norm,
        attn_gate: state.gate,
        attn_output: state.output,
      });
    case 'channel-delta': {
      const { low } = state;
      return [
        ...channelConvolutions(state, prefix),
        ...named(prefix, {
          attn_q: state.query,
          attn_k: state.key,
          attn_v: state.value,
          ...(low === null ? { ssm_f_a: state.decay } : { ssm_f_a: low.decay, ssm_f_b: state.decay }),
          ssm_beta: state.rate,
        }),
        decayRates(
          `${prefix}.ssm_a`,
          state.decayLog,
          [state.heads, 1],
          state.decayBound === null ? 'minus-exponential' : 'exponential',
        ),
        exact(`${prefix}.ssm_dt.bias`, state.decayBias),
        ...named(prefix, {
          ...(low === null ? { ssm_g_a: state.gate } : { ssm_g_a: low.gate, ssm_g_b: state.gate }),
          ssm_norm: state.norm,
          attn_output: state.output,
        }),
      ];
    }
  }
};

/** Kernels of queries, keys and values, which a file has apart. */
const channelConvolutions = (
  { convolution: { weights, kernel }, heads, dimension }: Extract<StateDescriptor, { kind: 'channel-delta' }>,
  prefix: string,
): readonly Sized[] => {
  const shape = [heads * dimension, 1, kernel];
  const [first] = weights;
  const parts =
    weights.length > 1 || first === undefined
      ? weights
      : [0, 1, 2].map((part) => contiguousPart(first, part, 3, shape));
  return ['q', 'k', 'v'].flatMap((name, part) => {
    const view = parts[part];
    return view === undefined ? [] : [exact(`${prefix}.ssm_conv1d_${name}.weight`, view, shape)];
  });
};

const deltaTensors = (state: Delta, prefix: string): readonly Sized[] => {
  switch (state.input.rows) {
    case 'by-head':
      return deltaByHead(state, state.input, prefix);
    case 'by-kind':
      return deltaByKind(state, state.input, prefix);
    case 'rates-by-head':
      return deltaInFile(state, state.input, prefix);
  }
};

type Delta = Extract<StateDescriptor, { kind: 'delta' }>;
type DeltaInput<Rows> = Extract<Delta['input'], { rows: Rows }>;

/** As a file has them. */
const deltaInFile = (state: Delta, input: DeltaInput<'rates-by-head'>, prefix: string): readonly Sized[] => [
  ...named(prefix, { attn_qkv: input.queryKeyValue, attn_gate: input.gate, ssm_ba: input.rateDecay }),
  ...convolutionTensors(`${prefix}.ssm_conv1d`, state.convolution),
  exact(`${prefix}.ssm_dt.bias`, state.decayBias),
  exact(`${prefix}.ssm_a`, state.decayLog),
  ...named(prefix, { ssm_norm: state.norm, ssm_out: state.output }),
];

/** Queries, keys and values of all heads one after another, and the gates apart from them. */
const deltaByHead = (state: Delta, input: DeltaInput<'by-head'>, prefix: string): readonly Sized[] => {
  const { keyHeads, valueHeads, keyDimension, valueDimension } = state;
  const values = (valueHeads / keyHeads) * valueDimension;
  const { weight } = input.queryKeyValueGate;
  const whole = 2 * keyDimension + 2 * values;
  const part = (from: number, rows: number): readonly GgufPiece[] =>
    Array.from({ length: keyHeads }, (_, head) => as(plainWeight(rowsOf(weight, head * whole + from, rows))));
  const [, columns = 0] = weight.shape;
  return [
    {
      name: `${prefix}.attn_qkv.weight`,
      shape: [keyHeads * (2 * keyDimension + values), columns],
      pieces: [...part(0, keyDimension), ...part(keyDimension, keyDimension), ...part(2 * keyDimension, values)],
      wanted: 'weights',
    },
    {
      name: `${prefix}.attn_gate.weight`,
      shape: [keyHeads * values, columns],
      pieces: part(2 * keyDimension + values, values),
      wanted: 'weights',
    },
    ...named(prefix, { ssm_ba: input.rateDecay }),
    ...convolutionTensors(`${prefix}.ssm_conv1d`, state.convolution),
    exact(`${prefix}.ssm_dt.bias`, state.decayBias),
    decayRates(`${prefix}.ssm_a`, state.decayLog, state.decayLog.shape),
    ...named(prefix, { ssm_norm: state.norm, ssm_out: state.output }),
  ];
};

/**
 * The heads of values that share a head of keys follow one another in the model; in a file, the first of each come
 * first, then the second of each, and so on.
 */
const deltaByKind = (state: Delta, input: DeltaInput<'by-kind'>, prefix: string): readonly Sized[] => {
  const { keyHeads, valueHeads, keyDimension, valueDimension, convolution } = state;
  const shared = valueHeads / keyHeads;
  const order = Array.from({ length: valueHeads }, (_, at) => (at % keyHeads) * shared + Math.floor(at / keyHeads));
  const keys = 2 * keyHeads * keyDimension;
  /** The rows of each head of values in the file's order, after `before` other rows. */
  const reordered = (name: string, weight: Weight, before: number, rows: number, wanted: Sized['wanted']): Sized => ({
    name,
    shape: weight.shape,
    pieces: [
      ...(before === 0 ? [] : [as(plainWeight(rowsOf(weight, 0, before)))]),
      ...order.map((head) => as(plainWeight(rowsOf(weight, before + head * rows, rows)))),
    ],
    wanted,
  });
  const vector = (name: string, view: TensorView): Sized => ({
    ...reordered(name, plainWeight({ ...view, shape: [valueHeads, 1] }), 0, 1, 'f32'),
    shape: [valueHeads],
  });
  const decays = vector(`${prefix}.ssm_a`, state.decayLog);
  const kernels = at(convolution.weights, 0, 'a convolution without weights');
  const channels = plainWeight({ ...kernels, shape: [convolution.channels, convolution.kernel] });
  return [
    reordered(`${prefix}.attn_qkv.weight`, input.queryKeyValue.weight, keys, valueDimension, 'weights'),
    reordered(`${prefix}.attn_gate.weight`, input.gate.weight, 0, valueDimension, 'weights'),
    reordered(`${prefix}.ssm_beta.weight`, input.rate.weight, 0, 1, 'weights'),
    reordered(`${prefix}.ssm_alpha.weight`, input.decay.weight, 0, 1, 'weights'),
    reordered(`${prefix}.ssm_conv1d.weight`, channels, keys, valueDimension, 'f32'),
    vector(`${prefix}.ssm_dt.bias`, state.decayBias),
    { ...decays, pieces: decays.pieces.map((piece) => ({ ...piece, stores: 'minus-exponential' })) },
    normed(`${prefix}.ssm_norm`, state.norm),
    {
      ...matrix(`${prefix}.ssm_out`, state.output.weight),
      pieces: [
        {
          ...as(state.output.weight),
          columns: order.flatMap((head) =>
            Array.from({ length: valueDimension }, (_, column) => head * valueDimension + column),
          ),
        },
      ],
    },
  ];
};

const denseTensors = ({ gate, up, down }: DenseTensors, prefix: string, suffix: string): readonly Sized[] =>
  named(prefix, { [`ffn_gate${suffix}`]: gate, [`ffn_up${suffix}`]: up, [`ffn_down${suffix}`]: down });

const attentionTensors = (
  attention: AttentionDescriptor,
  prefix: string,
  rotary: Rotary | null,
  architecture: Layout,
): readonly Sized[] => {
  const reorder = architecture.rotatesPairs && rotary?.interleaved === false;
  if (attention.kind === 'latent') return latentTensors(attention, prefix, reorder);
  const rotated = (name: string, projected: Projection): readonly Sized[] =>
    tensorsOf(name, projected).map((tensor) =>
      reorder
        ? { ...tensor, pieces: tensor.pieces.map((piece) => ({ ...piece, headRows: attention.headDimension })) }
        : tensor,
    );
  const { queryKeyNorm, sinks, gate } = attention;
  const parts = [
    ...rotated(`${prefix}.attn_q`, attention.query),
    ...(attention.key === null ? [] : rotated(`${prefix}.attn_k`, attention.key)),
    ...named(prefix, { attn_v: attention.value }),
  ];
  return [
    ...(architecture.joinsHeads ? [inOne(`${prefix}.attn_qkv.weight`, parts)] : parts),
    ...named(prefix, {
      attn_output: attention.output,
      attn_q_norm: queryKeyNorm?.query,
      attn_k_norm: queryKeyNorm?.key,
      attn_gate: gate === 'in-query' ? null : gate,
      attn_sinks: sinks,
    }),
  ];
};

/** Matrices as one, their rows one after another. */
const inOne = (name: string, matrices: readonly Sized[]): Sized => ({
  name,
  shape: [matrices.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0), ...(matrices[0]?.shape.slice(1) ?? [])],
  pieces: matrices.flatMap(({ pieces }) => pieces),
  wanted: 'weights',
});

/**
 * A projection whose heads have `plain` rows that are not rotated before `rotated` ones: those are reordered from
 * halves to pairs.
 */
const rotatedAtEnd = (name: string, projected: Projection, plain: number, rotated: number): readonly Sized[] => {
  const [rows, columns] = [at(projected.weight.shape, 0), at(projected.weight.shape, 1)];
  const pieces = Array.from({ length: rows / (plain + rotated) }, (_, head) => head * (plain + rotated)).flatMap(
    (start): readonly GgufPiece[] => [
      as(plainWeight(rowsOf(projected.weight, start, plain))),
      { weight: plainWeight(rowsOf(projected.weight, start + plain, rotated)), headRows: rotated },
    ],
  );
  const tensor: Sized = { name: `${name}.weight`, shape: [rows, columns], pieces, wanted: 'weights' };
  return [tensor, ...tensorsOf(name, projected).slice(1)];
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
  const turned = (name: string, projected: Projection, plain: number): readonly Sized[] =>
    reorder ? rotatedAtEnd(name, projected, plain, rotatedDimension) : tensorsOf(name, projected);
  const { query, keyValueDown, keyValueNorm, keyValueUp, output, gate, indexer } = attention;
  const { stored } = keyValueUp.weight;
  if (stored.kind !== 'plain' && stored.kind !== 'split-heads')
    throw new Error('quantised latent attention was not refused');
  return [
    ...('whole' in query
      ? turned(`${prefix}.attn_q`, query.whole, plainDimension)
      : [
          ...named(prefix, { attn_q_a: query.down, attn_q_a_norm: query.norm.scale }),
          ...turned(`${prefix}.attn_q_b`, query.up, plainDimension),
        ]),
    ...turned(`${prefix}.attn_kv_a_mqa`, keyValueDown, latent),
    ...named(prefix, { attn_kv_a_norm: keyValueNorm.scale }),
    ...(stored.kind === 'split-heads'
      ? named(prefix, { attn_k_b: plainWeight(stored.keys), attn_v_b: plainWeight(stored.values) })
      : splitHeads(attention, stored.view, prefix)),
    ...named(prefix, { attn_output: output, attn_gate: gate }),
    ...(indexer === null || indexer.own === null ? [] : indexerTensors(indexer.own, `${prefix}.indexer`)),
  ];
};

/** Rows of each head, for its keys and for its values. */
const splitHeads = (
  { heads, latent, plainDimension, valueDimension }: Extract<AttentionDescriptor, { kind: 'latent' }>,
  whole: TensorView,
  prefix: string,
): readonly Sized[] => {
  const rows = plainDimension + valueDimension;
  const parts = Array.from({ length: heads }, (_, head) => {
    const ofHead = contiguousPart(whole, head, heads, [rows, latent]);
    const keyBytes = (ofHead.byteLength / rows) * plainDimension;
    return {
      key: { ...ofHead, shape: [plainDimension, latent], byteLength: keyBytes },
      value: {
        ...ofHead,
        shape: [valueDimension, latent],
        byteOffset: ofHead.byteOffset + keyBytes,
        byteLength: ofHead.byteLength - keyBytes,
      },
    };
  });
  return [
    {
      name: `${prefix}.attn_k_b.weight`,
      shape: [heads, latent, plainDimension],
      pieces: parts.map(({ key }) =>
        as({ stored: { kind: 'plain', view: key }, transposed: true, shape: [latent, plainDimension] }),
      ),
      wanted: 'weights',
    },
    {
      name: `${prefix}.attn_v_b.weight`,
      shape: [heads, valueDimension, latent],
      pieces: parts.map(({ value }) => as(plainWeight(value))),
      wanted: 'weights',
    },
  ];
};

const indexerTensors = (
  { query, key, keyNorm, weights }: NonNullable<IndexerDescriptor['own']>,
  prefix: string,
): readonly Sized[] => [
  ...named(prefix, { attn_q_b: query, attn_k: key, k_norm: keyNorm }),
  ...vector(`${prefix}.k_norm.bias`, keyNorm.bias),
  ...named(prefix, { proj: weights }),
];

/** Matrix, addend and factors by which streams are mixed. */
const hyperTensors = (name: string, { rows, base, scale }: HyperHead): readonly Sized[] => [
  exact(`${name}_fn.weight`, rows),
  exact(`${name}_base.weight`, base),
  exact(`${name}_scale.weight`, scale),
];

const compressedTensors = (
  { query, keyValue, keyValueNorm, sinks, output, compressor }: CompressedAttention,
  prefix: string,
): readonly Sized[] => [
  ...named(prefix, {
    attn_sinks: sinks,
    attn_q_a: query.down,
    attn_q_a_norm: query.norm,
    attn_q_b: query.up,
    attn_kv: keyValue,
    attn_kv_a_norm: keyValueNorm,
    attn_output_a: plainWeight(output.down),
    attn_output_b: output.up,
  }),
  ...(compressor === null ? [] : compressorTensors(compressor, `${prefix}.attn_compressor`)),
  ...named(`${prefix}.indexer`, { proj: compressor?.indexer?.weights, attn_q_b: compressor?.indexer?.query }),
  ...(compressor === null || compressor.indexer === null
    ? []
    : compressorTensors(compressor.indexer.compressor, `${prefix}.indexer_compressor`)),
];

const compressorTensors = (
  { values, gates, places, norm }: Omit<Compressor, 'indexer'>,
  name: string,
): readonly Sized[] => [
  ...tensorsOf(`${name}_kv`, values),
  ...tensorsOf(`${name}_gate`, gates),
  ...tensorsOf(`${name}_ape`, places),
  ...tensorsOf(`${name}_norm`, norm),
];

const roles = [
  { role: 'gate', bias: 'gateBias' },
  { role: 'up', bias: 'upBias' },
  { role: 'down', bias: 'downBias' },
] as const;

const moeTensors = (moe: MoeDescriptor, prefix: string, { correction: name }: Layout): readonly Sized[] => {
  const { router, routerBias, routing, expertTensors, shared, latent } = moe;
  const correction = correctionOf(routing);
  const scale = routing.kind === 'scores' ? routing.expertScale : null;
  const table = routing.kind === 'scores' ? routing.table : null;
  const stacked = (name: string, weights: readonly Weight[], wanted: Sized['wanted']): Sized => ({
    name,
    shape: [weights.length, ...(weights[0]?.shape ?? [])],
    pieces: weights.map(as),
    wanted,
  });
  return [
    exact(`${prefix}.ffn_gate_inp.weight`, router),
    ...vector(`${prefix}.ffn_gate_inp.bias`, routerBias),
    ...(correction === null ? [] : [exact(`${prefix}.${name}`, correction, correction.shape.slice(-1))]),
    ...(table === null ? [] : [{ ...exact(`${prefix}.ffn_gate_tid2eid.weight`, table), wanted: 'i32' as const }]),
    ...roles.flatMap(({ role, bias }): readonly Sized[] => {
      const name = `${prefix}.ffn_${role}_exps`;
      const biases = expertTensors.flatMap((expert: ExpertTensors) => expert[bias] ?? []);
      const matrices = expertTensors.flatMap((expert) => expert[role] ?? []);
      return [
        ...(matrices.length === 0 ? [] : [stacked(`${name}.weight`, matrices, 'weights')]),
        ...(biases.length === 0 ? [] : [stacked(`${name}.bias`, biases, 'f32')]),
      ];
    }),
    ...vector(`${prefix}.ffn_down_exps.scale`, scale),
    ...named(prefix, { ffn_latent_down: latent?.into.weight, ffn_latent_up: latent?.back.weight }),
    ...(shared === null ? [] : denseTensors(shared, prefix, '_shexp')),
    ...(shared?.scale === null || shared === null
      ? []
      : [exact(`${prefix}.ffn_gate_inp_shexp.weight`, shared.scale, shared.scale.shape.slice(1))]),
  ];
};
