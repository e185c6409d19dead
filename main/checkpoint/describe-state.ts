import type { ConfigReader } from './config-reader.ts';
import { project } from './describe-attention.ts';
import type { ChannelConvolution, Norm, Projection, StateDescriptor } from './descriptor.ts';
import type { Family, OperatorRecord, StateRecord } from './families/family.ts';
import { layerWords } from './layer-words.ts';
import type { WeightReader } from './weight-reader.ts';
import { biasName, layerName } from './tensor-index.ts';

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
    const site = { reader, weights, hidden, layer };
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
        return describeLightning(operator, site);
      case 'mamba-1':
        return describeMamba1(operator, site);
    }
  };
};

/** Where an operator is described: a layer of a model with this hidden size. */
interface Site {
  readonly reader: ConfigReader;
  readonly weights: WeightReader;
  readonly hidden: number;
  readonly layer: number;
}

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

/** The convolution over the channels of some tensors, one after the other. */
const convolutionOf = (
  { reader, weights }: Pick<Site, 'reader' | 'weights'>,
  kernelKey: string,
  tensors: readonly { readonly name: string; readonly channels: number }[],
  biased: boolean,
): ChannelConvolution => {
  const kernel = reader.integer(kernelKey);
  if (kernel < 2) throw reader.unsupported(`"${kernelKey}" is ${kernel}; a convolution over one token`);
  const [first] = tensors;
  const channels = tensors.reduce((sum, each) => sum + each.channels, 0);
  return {
    weights: tensors.map((each) => weights.takeView(each.name, [each.channels, 1, kernel])),
    channels,
    kernel,
    bias: biased && first !== undefined ? weights.takeView(biasName(first.name), [channels]) : null,
  };
};

const describeConvolution = (
  record: Extract<OperatorRecord, { kind: 'convolution' }>,
  { reader, weights, hidden, layer }: Site,
): StateDescriptor => {
  const named = (pattern: string): string => layerName(pattern, layer);
  const biased = reader.flag(record.biased);
  return {
    kind: 'convolution',
    input: project(weights, named(record.input), [3 * hidden, hidden], biased),
    convolution: convolutionOf(
      { reader, weights },
      record.kernelKey,
      [{ name: named(record.convolution), channels: hidden }],
      biased,
    ),
    output: project(weights, named(record.output), [hidden, hidden], biased),
  };
};

const describeDelta = (
  { prefix, rows, sharing = 'in-turn', decayForm = 'logarithm' }: Extract<OperatorRecord, { kind: 'delta' }>,
  { reader, weights, hidden, layer }: Site,
): StateDescriptor => {
  const named = (name: string): string => layerName(`${prefix}${name}`, layer);
  const [keyHeads, valueHeads] = [reader.integer('linear_num_key_heads'), reader.integer('linear_num_value_heads')];
  const keyDimension = reader.integer('linear_key_head_dim');
  const valueDimension = reader.integer('linear_value_head_dim');
  if (valueHeads % keyHeads !== 0)
    throw reader.inconsistent(`${valueHeads} linear value heads are no multiple of ${keyHeads} linear key heads`);
  const [keyWidth, valueWidth] = [keyHeads * keyDimension, valueHeads * valueDimension];
  const channels = 2 * keyWidth + valueWidth;
  const take = (name: string, length: number): Projection =>
    project(weights, named(`${name}.weight`), [length, hidden], false);
  const inputs = (): Extract<StateDescriptor, { kind: 'delta' }>['input'] => {
    if (rows === 'by-head')
      return {
        rows,
        queryKeyValueGate: take('in_proj_qkvz', channels + valueWidth),
        rateDecay: take('in_proj_ba', 2 * valueHeads),
      };
    const apart = { queryKeyValue: take('in_proj_qkv', channels), gate: take('in_proj_z', valueWidth) };
    return rows === 'rates-by-head'
      ? { rows, ...apart, rateDecay: take('in_proj_ba', 2 * valueHeads) }
      : { rows, ...apart, rate: take('in_proj_b', valueHeads), decay: take('in_proj_a', valueHeads) };
  };
  return {
    kind: 'delta',
    keyHeads,
    valueHeads,
    keyDimension,
    valueDimension,
    input: inputs(),
    sharing,
    convolution: convolutionOf(
      { reader, weights },
      'linear_conv_kernel_dim',
      [{ name: named('conv1d.weight'), channels }],
      false,
    ),
    decayLog: weights.takeView(named('A_log'), [valueHeads]),
    decayForm,
    decayBias: weights.takeView(named('dt_bias'), [valueHeads]),
    norm: plainNorm(weights, named('norm.weight'), valueDimension, reader),
    output: project(weights, named('out_proj.weight'), [hidden, valueWidth], false),
  };
};

const describeChannelDelta = (
  { prefix, keys, isLowRank = false, decayForm = 'logarithm' }: Extract<OperatorRecord, { kind: 'channel-delta' }>,
  { reader, weights, hidden, layer }: Site,
): StateDescriptor => {
  const named = (name: string): string => layerName(`${prefix}${name}`, layer);
  const [heads, dimension] = [reader.integer(keys.heads), reader.integer(keys.dimension)];
  const width = heads * dimension;
  const take = (name: string, length: number): Projection =>
    project(weights, named(`${name}.weight`), [length, hidden], false);
  const ofLow = (name: string): Projection => project(weights, named(`${name}.weight`), [width, dimension], false);
  const logName = named('forget_gate.A_log');
  const logShape = isLowRank && decayForm === 'logarithm' ? [1, 1, heads, 1] : [heads];
  const parts = ['q', 'k', 'v'].map((part) => ({ name: named(`${part}_conv1d.weight`), channels: width }));
  const areApart = parts.some(({ name }) => weights.index.has(name));
  return {
    kind: 'channel-delta',
    heads,
    dimension,
    query: take('q_proj', width),
    key: take('k_proj', width),
    value: take('v_proj', width),
    convolution: convolutionOf(
      { reader, weights },
      keys.kernel,
      areApart ? parts : [{ name: named('conv1d.weight'), channels: 3 * width }],
      false,
    ),
    rate: take('b_proj', heads),
    decay: isLowRank ? ofLow('forget_gate.f_b_proj') : take('forget_gate.f_proj', width),
    low: isLowRank ? { decay: take('forget_gate.f_a_proj', dimension), gate: take('g_a_proj', dimension) } : null,
    decayBias: weights.takeView(named('forget_gate.dt_bias'), [width]),
    decayLog: { ...weights.takeView(logName, logShape), shape: [heads] },
    decayForm,
    decayBound: reader.flag(keys.bounded) ? reader.negative(keys.bound) : null,
    norm: plainNorm(weights, named('o_norm.weight'), dimension, reader),
    gate: isLowRank ? ofLow('g_b_proj') : take('g_proj', width),
    output: project(weights, named('o_proj.weight'), [hidden, width], false),
  };
};

const describeMamba = (
  { prefix, keys, expandKey, limits, decayForm = 'logarithm' }: Extract<OperatorRecord, { kind: 'mamba' }>,
  { reader, weights, hidden, layer }: Site,
): StateDescriptor => {
  const named = (name: string): string => layerName(`${prefix}${name}`, layer);
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
    input: project(weights, named('in_proj.weight'), [width + channels + heads, hidden], biased),
    convolution: convolutionOf(
      { reader, weights },
      keys.kernel,
      [{ name: named('conv1d.weight'), channels }],
      reader.flag(keys.convolutionBias),
    ),
    stepBias: weights.takeView(named('dt_bias'), [heads]),
    decayLog: weights.takeView(named('A_log'), [heads]),
    decayForm,
    skip: weights.takeView(named('D'), [heads]),
    stepLimits: 'bothKey' in limits ? reader.limits(limits.bothKey) : [reader.number(limits.lowerKey), Infinity],
    norm: plainNorm(weights, named('norm.weight'), width, reader),
    output: project(weights, named('out_proj.weight'), [hidden, width], biased),
  };
};

/** Epsilon of the norm behind lightning attention, fixed in the family's code. */
const LIGHTNING_EPSILON = 1e-6;

const describeLightning = (
  { prefix }: Extract<OperatorRecord, { kind: 'lightning' }>,
  { reader, weights, hidden, layer }: Site,
): StateDescriptor => {
  const named = (name: string): string => layerName(`${prefix}${name}`, layer);
  const heads = reader.integer('num_attention_heads');
  const dimension = reader.optionalInteger('head_dim') ?? Math.floor(hidden / heads);
  const width = heads * dimension;
  // Later layers forget less.
  const share = 1 - layer / (reader.integer('num_hidden_layers') - 1 + 1e-5) + 1e-5;
  return {
    kind: 'lightning',
    heads,
    dimension,
    queryKeyValue: project(weights, named('qkv_proj.weight'), [3 * width, hidden], false),
    convolution: null,
    slopes: Array.from({ length: heads }, (_, head) => share * 2 ** ((-8 * (head + 1)) / heads)),
    norm: { ...plainNorm(weights, named('norm.weight'), width, reader), epsilon: LIGHTNING_EPSILON },
    gate: project(weights, named('output_gate.weight'), [width, hidden], false),
    output: project(weights, named('out_proj.weight'), [hidden, width], false),
  };
};

const describeMamba1 = (
  { prefix, keys, decayForm = 'logarithm' }: Extract<OperatorRecord, { kind: 'mamba-1' }>,
  { reader, weights, hidden, layer }: Site,
): StateDescriptor => {
  const named = (name: string): string => layerName(`${prefix}${name}`, layer);
  const stateDimension = reader.integer(keys.stateDimension);
  const channels = reader.integer(keys.expand) * hidden;
  const rank = reader.raw(keys.rank) === 'auto' ? Math.ceil(hidden / 16) : reader.integer(keys.rank);
  const biased = reader.flag(keys.bias);
  const norm = (name: string, width: number): Norm => plainNorm(weights, named(`${name}.weight`), width, reader);
  return {
    kind: 'mamba-1',
    channels,
    stateDimension,
    input: project(weights, named('in_proj.weight'), [2 * channels, hidden], biased),
    convolution: convolutionOf(
      { reader, weights },
      keys.kernel,
      [{ name: named('conv1d.weight'), channels }],
      reader.flag(keys.convolutionBias),
    ),
    selection: project(weights, named('x_proj.weight'), [rank + 2 * stateDimension, channels], false),
    stepNorm: norm('dt_layernorm', rank),
    inputNorm: norm('b_layernorm', stateDimension),
    outputNorm: norm('c_layernorm', stateDimension),
    step: project(weights, named('dt_proj.weight'), [channels, rank], true),
    decayLog: weights.takeView(named('A_log'), [channels, stateDimension]),
    decayForm,
    skip: weights.takeView(named('D'), [channels]),
    output: project(weights, named('out_proj.weight'), [hidden, channels], biased),
  };
};

/** An RMS norm whose weights do not lack one, whatever the family's other norms do. */
const plainNorm = (weights: WeightReader, name: string, width: number, reader: ConfigReader): Norm => ({
  kind: 'rms',
  scale: weights.takeView(name, [width]),
  plusOne: false,
  bias: null,
  epsilon: reader.number('rms_norm_eps'),
});
