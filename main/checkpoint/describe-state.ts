import { at } from '../contract/errors.ts';
import type { ConfigReader } from './config-reader.ts';
import { project } from './describe-attention.ts';
import type { ChannelConvolution, Norm, Projection, StateDescriptor, TensorView } from './descriptor.ts';
import type { Family, OperatorRecord, StateRecord } from './families/family.ts';
import type { WeightReader } from './weight-reader.ts';
import { biasName, layerName } from './tensor-index.ts';
import { MAX_LAYERS } from './describe-moe.ts';

/** The word of each layer for its kind, in `layer_types` or where `halves` has it; null: none are given. */
const layerWords = ({ halves }: Family, reader: ConfigReader): readonly string[] | null => {
  if (halves === undefined) return reader.strings('layer_types');
  const { listKey, lettersKey } = halves;
  if (reader.raw(listKey) !== null) return reader.strings(listKey);
  const letters = reader.raw(lettersKey);
  if (typeof letters !== 'string') throw reader.bad(lettersKey, letters, 'a letter for each layer');
  return Array.from(letters);
};

/** Each layer's half of a block; null where layers are whole blocks. */
export const layerHalves = (
  family: Family,
  reader: ConfigReader,
): readonly ('mixing' | 'experts' | 'dense')[] | null => {
  const { halves, state } = family;
  if (halves === undefined) return null;
  const words = layerWords(family, reader) ?? [];
  const stated = reader.optionalInteger('num_hidden_layers');
  if (words.length === 0 || words.length > MAX_LAYERS || (stated !== null && stated !== words.length))
    throw reader.inconsistent(
      `"${halves.listKey}" or "${halves.lettersKey}" names ${words.length} layers, "num_hidden_layers" ` +
        (stated === null ? 'none' : String(stated)),
    );
  const mixing = [...(state?.words ?? []), ...(state?.attentionWords ?? [])];
  return words.map((word) => {
    if (halves.experts.includes(word)) return 'experts';
    if (halves.dense.includes(word)) return 'dense';
    if (mixing.includes(word)) return 'mixing';
    const known = [...mixing, ...halves.experts, ...halves.dense];
    throw reader.unsupported(`a layer is ${JSON.stringify(word)}; only ${known.join(', ')} are supported here`);
  });
};

/** Resolves the operator of one layer; null where the layer has attention. */
export const describeState = (
  family: Family,
  reader: ConfigReader,
  weights: WeightReader,
  hidden: number,
): ((layer: number) => StateDescriptor | null) => {
  const record = family.state;
  if (record === undefined) return () => null;
  const words = layerWords(family, reader);
  return (layer) => {
    if (!hasState(record, words, reader, layer)) return null;
    const { operator } = record;
    const site = siteOf('prefix' in operator ? operator.prefix : '', reader, weights, hidden, layer);
    switch (operator.kind) {
      case 'convolution':
        return describeConvolution(operator, site);
      case 'delta':
        return describeDelta(operator, site);
      case 'channel-delta':
        return describeChannelDelta(operator, site);
      case 'mamba':
        return describeMamba(operator, site);
      case 'lightning':
        return describeLightning(site);
      case 'mamba-1':
        return describeMamba1(operator, site);
    }
  };
};

/** Where an operator is described: a layer of a model with this hidden size, whose names begin with a prefix. */
interface Site {
  readonly reader: ConfigReader;
  readonly weights: WeightReader;
  readonly hidden: number;
  readonly layer: number;
  readonly named: (word: string) => string;
  readonly view: (word: string, shape: readonly number[]) => TensorView;
  /** A projection to a number of rows, of the hidden size if `width` is absent. */
  readonly take: (word: string, rows: number, width?: number, biased?: boolean) => Projection;
  /** An RMS norm whose weights do not lack one, whatever the family's other norms do. */
  readonly norm: (word: string, width: number) => Norm;
}

const siteOf = (prefix: string, reader: ConfigReader, weights: WeightReader, hidden: number, layer: number): Site => {
  const named = (word: string): string => layerName(prefix + word, layer);
  return {
    reader,
    weights,
    hidden,
    layer,
    named,
    view: (word, shape) => weights.takeView(named(word), shape),
    take: (word, rows, width = hidden, biased = false) => project(weights, named(word), [rows, width], biased),
    norm: (word, width) => ({
      kind: 'rms',
      scale: weights.takeView(named(word), [width]),
      plusOne: false,
      bias: null,
      epsilon: reader.number('rms_norm_eps'),
    }),
  };
};

const hasState = (
  { words, everyKey, firstKey }: StateRecord,
  types: readonly string[] | null,
  reader: ConfigReader,
  layer: number,
): boolean => {
  if (types !== null) return words.includes(types[layer] ?? '');
  if (everyKey === null) throw reader.bad('layer_types', null, 'a list of words');
  return !isEvery(reader, everyKey, firstKey ?? null, layer);
};

/** Whether a layer is an n-th one, counted from the first of them; `firstKey` null: that is the n-th layer. */
export const isEvery = (reader: ConfigReader, everyKey: string, firstKey: string | null, layer: number): boolean => {
  const every = reader.integer(everyKey);
  if (firstKey === null) return (layer + 1) % every === 0;
  const first = reader.count(firstKey);
  if (first >= every) throw reader.inconsistent(`"${firstKey}" is ${first}, not below "${everyKey}" ${every}`);
  return layer % every === first;
};

/** The convolution over the channels of some tensors, one after the other, each with as many. */
const convolutionOf = (
  { reader, view }: Site,
  kernelKey: string,
  words: readonly string[],
  channels: number,
  biased = false,
): ChannelConvolution => {
  const kernel = reader.integer(kernelKey);
  if (kernel < 2) throw reader.unsupported(`"${kernelKey}" is ${kernel}; a convolution over one token`);
  const all = words.length * channels;
  return {
    weights: words.map((word) => view(word, [channels, 1, kernel])),
    channels: all,
    kernel,
    bias: biased ? view(biasName(at(words, 0)), [all]) : null,
  };
};

type RecordOf<Kind> = Extract<OperatorRecord, { kind: Kind }>;

const describeConvolution = (record: RecordOf<'convolution'>, site: Site): StateDescriptor => {
  const { reader, hidden, take } = site;
  const biased = reader.flag(record.biased);
  return {
    kind: 'convolution',
    input: take(record.input, 3 * hidden, hidden, biased),
    convolution: convolutionOf(site, record.kernelKey, [record.convolution], hidden, biased),
    output: take(record.output, hidden, hidden, biased),
  };
};

const describeDelta = (
  { rows, sharing = 'in-turn', decayForm = 'logarithm' }: RecordOf<'delta'>,
  site: Site,
): StateDescriptor => {
  const { reader, hidden, take, view, norm } = site;
  const [keyHeads, valueHeads] = [reader.integer('linear_num_key_heads'), reader.integer('linear_num_value_heads')];
  const keyDimension = reader.integer('linear_key_head_dim');
  const valueDimension = reader.integer('linear_value_head_dim');
  if (valueHeads % keyHeads !== 0)
    throw reader.inconsistent(`${valueHeads} linear value heads are no multiple of ${keyHeads} linear key heads`);
  const [keyWidth, valueWidth] = [keyHeads * keyDimension, valueHeads * valueDimension];
  const channels = 2 * keyWidth + valueWidth;
  const rateDecay = (): Projection => take('in_proj_ba.weight', 2 * valueHeads);
  const inputs = (): Extract<StateDescriptor, { kind: 'delta' }>['input'] => {
    if (rows === 'by-head')
      return {
        rows,
        queryKeyValueGate: take('in_proj_qkvz.weight', channels + valueWidth),
        rateDecay: rateDecay(),
      };
    const apart = { queryKeyValue: take('in_proj_qkv.weight', channels), gate: take('in_proj_z.weight', valueWidth) };
    return rows === 'rates-by-head'
      ? { rows, ...apart, rateDecay: rateDecay() }
      : { rows, ...apart, rate: take('in_proj_b.weight', valueHeads), decay: take('in_proj_a.weight', valueHeads) };
  };
  return {
    kind: 'delta',
    keyHeads,
    valueHeads,
    keyDimension,
    valueDimension,
    input: inputs(),
    sharing,
    convolution: convolutionOf(site, 'linear_conv_kernel_dim', ['conv1d.weight'], channels),
    decayLog: view('A_log', [valueHeads]),
    decayForm,
    decayBias: view('dt_bias', [valueHeads]),
    norm: norm('norm.weight', valueDimension),
    output: take('out_proj.weight', hidden, valueWidth),
  };
};

const describeChannelDelta = (
  { keys, isLowRank = false, decayForm = 'logarithm' }: RecordOf<'channel-delta'>,
  site: Site,
): StateDescriptor => {
  const { reader, weights, hidden, named, take, view, norm } = site;
  const [heads, dimension] = [reader.integer(keys.heads), reader.integer(keys.dimension)];
  const width = heads * dimension;
  const logShape = isLowRank && decayForm === 'logarithm' ? [1, 1, heads, 1] : [heads];
  const parts = ['q_conv1d.weight', 'k_conv1d.weight', 'v_conv1d.weight'];
  const areApart = parts.some((word) => weights.index.has(named(word)));
  return {
    kind: 'channel-delta',
    heads,
    dimension,
    query: take('q_proj.weight', width),
    key: take('k_proj.weight', width),
    value: take('v_proj.weight', width),
    convolution: areApart
      ? convolutionOf(site, keys.kernel, parts, width)
      : convolutionOf(site, keys.kernel, ['conv1d.weight'], 3 * width),
    rate: take('b_proj.weight', heads),
    decay: isLowRank ? take('forget_gate.f_b_proj.weight', width, dimension) : take('forget_gate.f_proj.weight', width),
    low: isLowRank
      ? { decay: take('forget_gate.f_a_proj.weight', dimension), gate: take('g_a_proj.weight', dimension) }
      : null,
    decayBias: view('forget_gate.dt_bias', [width]),
    decayLog: { ...view('forget_gate.A_log', logShape), shape: [heads] },
    decayForm,
    decayBound: reader.flag(keys.bounded) ? reader.negative(keys.bound) : null,
    norm: norm('o_norm.weight', dimension),
    gate: isLowRank ? take('g_b_proj.weight', width, dimension) : take('g_proj.weight', width),
    output: take('o_proj.weight', hidden, width),
  };
};

const describeMamba = (
  { keys, expandKey, limits, decayForm = 'logarithm' }: RecordOf<'mamba'>,
  site: Site,
): StateDescriptor => {
  const { reader, hidden, take, view, norm } = site;
  const [heads, groups] = [reader.integer(keys.heads), reader.integer(keys.groups)];
  const stateDimension = reader.integer(keys.stateDimension);
  const isAutomatic = expandKey !== null && reader.raw(keys.headDimension) === 'auto';
  const headDimension = isAutomatic ? (reader.integer(expandKey) * hidden) / heads : reader.integer(keys.headDimension);
  const width = heads * headDimension;
  if (heads % groups !== 0 || !Number.isInteger(headDimension))
    throw reader.inconsistent(`${heads} heads of ${headDimension} and ${groups} groups do not fit together`);
  const channels = width + 2 * groups * stateDimension;
  const biased = reader.flag(keys.bias);
  return {
    kind: 'mamba',
    heads,
    headDimension,
    stateDimension,
    groups,
    input: take('in_proj.weight', width + channels + heads, hidden, biased),
    convolution: convolutionOf(site, keys.kernel, ['conv1d.weight'], channels, reader.flag(keys.convolutionBias)),
    stepBias: view('dt_bias', [heads]),
    decayLog: view('A_log', [heads]),
    decayForm,
    skip: view('D', [heads]),
    stepLimits: 'bothKey' in limits ? reader.limits(limits.bothKey) : [reader.number(limits.lowerKey), Infinity],
    norm: norm('norm.weight', width),
    output: take('out_proj.weight', hidden, width, biased),
  };
};

/** Epsilon of the norm behind lightning attention, fixed in the family's code. */
const LIGHTNING_EPSILON = 1e-6;

const describeLightning = ({ reader, hidden, layer, take, norm }: Site): StateDescriptor => {
  const heads = reader.integer('num_attention_heads');
  const dimension = reader.optionalInteger('head_dim') ?? Math.floor(hidden / heads);
  const width = heads * dimension;
  // Later layers forget less.
  const share = 1 - layer / (reader.integer('num_hidden_layers') - 1 + 1e-5) + 1e-5;
  return {
    kind: 'lightning',
    heads,
    dimension,
    queryKeyValue: take('qkv_proj.weight', 3 * width),
    convolution: null,
    slopes: Array.from({ length: heads }, (_, head) => share * 2 ** ((-8 * (head + 1)) / heads)),
    norm: { ...norm('norm.weight', width), epsilon: LIGHTNING_EPSILON },
    gate: take('output_gate.weight', width),
    output: take('out_proj.weight', hidden, width),
  };
};

const describeMamba1 = ({ keys, decayForm = 'logarithm' }: RecordOf<'mamba-1'>, site: Site): StateDescriptor => {
  const { reader, hidden, take, view, norm } = site;
  const stateDimension = reader.integer(keys.stateDimension);
  const channels = reader.integer(keys.expand) * hidden;
  const rank = reader.raw(keys.rank) === 'auto' ? Math.ceil(hidden / 16) : reader.integer(keys.rank);
  const biased = reader.flag(keys.bias);
  return {
    kind: 'mamba-1',
    channels,
    stateDimension,
    input: take('in_proj.weight', 2 * channels, hidden, biased),
    convolution: convolutionOf(site, keys.kernel, ['conv1d.weight'], channels, reader.flag(keys.convolutionBias)),
    selection: take('x_proj.weight', rank + 2 * stateDimension, channels),
    stepNorm: norm('dt_layernorm.weight', rank),
    inputNorm: norm('b_layernorm.weight', stateDimension),
    outputNorm: norm('c_layernorm.weight', stateDimension),
    step: take('dt_proj.weight', channels, rank, true),
    decayLog: view('A_log', [channels, stateDimension]),
    decayForm,
    skip: view('D', [channels]),
    output: take('out_proj.weight', hidden, channels, biased),
  };
};
