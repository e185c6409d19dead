import { isDeepStrictEqual } from 'node:util';
import { at, given } from '../contract/errors.ts';
import { type Config, ConfigReader } from './config-reader.ts';
import { type AttentionReader, describeAttention } from './describe-attention.ts';
import { describeCompressed } from './describe-compressed.ts';
import { describeState, isEvery, layerHalves } from './describe-state.ts';
import { denseActivation, describeMoe, MAX_LAYERS, takeBiases } from './describe-moe.ts';
import { describePrediction, PREDICTION_KEYS } from './describe-prediction.ts';
import {
  type BlockDescriptor,
  type DenseTensors,
  LATE_EXPERTS,
  type ModelDescriptor,
  type HyperConnection,
  type HyperHead,
  type Norm,
  OTHER_STREAMS,
  type Rotary,
  type TensorView,
  TOKEN_IDS,
  TOKEN_INPUTS,
} from './descriptor.ts';
import type { DenseRecord, Family, InnerRecord, RotaryRecord, WindowPattern, WindowRecord } from './families/family.ts';
import { namesOnDisk, biasName, layerName, TensorIndex } from './tensor-index.ts';
import { changesSomething, whyUnread } from './config-keys.ts';
import { isReadAnywhere, type Quantisation, readQuantisation, WeightReader } from './weight-reader.ts';
import { tableOf } from './routing.ts';
import { readRotary, type RotaryConfig } from './rotary.ts';

/** Buffers in some checkpoints that follow from the config. */
const IGNORED_BUFFERS = [
  '.rotary_emb.inv_freq',
  ...['slope_rate', 'query_decay', 'key_decay', 'diagonal_decay'].map((name) => `.self_attn.${name}`),
];
const isBuffer = (name: string): boolean => IGNORED_BUFFERS.some((ending) => name.endsWith(ending));

/** A tensor that only layers for predicting further tokens have (DeepSeek-V3, arXiv 2412.19437, section 2.2). */
const PREDICTION_MARK = 'eh_proj.weight';

const LAYER_TYPES = ['sliding_attention', 'full_attention'];

/** A config and its tensors, read as a family's. */
interface Source {
  readonly family: Family;
  readonly reader: ConfigReader;
  readonly index: TensorIndex;
  readonly weights: WeightReader;
  readonly hidden: number;
  /** `epsilon`: that of the config if absent. */
  readonly norm: (name: string, width: number, epsilon?: number) => Norm;
}

/**
 * Resolves a family record, a config and the tensors on disk to a descriptor. Every tensor that the family names must
 * exist in its shape and in a dtype that the layout allows, and none may be left over. Refuses unproven layouts by
 * name.
 *
 * `from`: the config is one that a maker wrote, whose keys must all be known, or made of the metadata of a GGUF file.
 */
export const describeModel = (
  family: Family,
  config: Config,
  tensors: ReadonlyMap<string, TensorView>,
  folder: string,
  from: 'config' | 'metadata' = 'config',
): ModelDescriptor => {
  const reader = readerOf(family, config, `${folder}/config.json`);
  const quantisation = readQuantisation(reader);
  requireStated(family, reader);
  const index = new TensorIndex(
    tensors,
    folder,
    (length) => reader.keysOf(length),
    namesOnDisk(family, [...tensors.keys()]),
  );
  const weights = new WeightReader(index, quantisation);

  const hidden = reader.integer('hidden_size');
  const heads = reader.integer('num_attention_heads');
  const vocabulary = reader.integer('vocab_size');
  const halves = layerHalves(family, reader);
  const layers =
    halves?.length ??
    (family.pairsKey === undefined
      ? reader.integer('num_hidden_layers', MAX_LAYERS)
      : 2 * reader.integer(family.pairsKey, MAX_LAYERS));
  const epsilon = reader.number('rms_norm_eps');
  const norm = (name: string, width: number, over: number = epsilon): Norm =>
    describeNorm(family, index, name, width, over);
  const source: Source = { family, reader, index, weights, hidden, norm };

  const compressed =
    family.attention.kind === 'compressed'
      ? describeCompressed(family.attention, reader, weights, norm, { hidden, heads })
      : null;
  const attention = compressed ?? describeAttention(family, reader, weights, norm, { hidden, heads });
  const moeOf = describeMoe(family, reader, weights, folder, hidden);
  const stateOf = describeState(family, reader, weights, hidden);
  const isIndexed = family.attention.kind === 'latent' && family.attention.indexer !== undefined;
  if (family.window.kind !== 'chunks' && !isIndexed && compressed === null) checkLayerTypes(family, reader);
  const windows = Array.from({ length: layers }, (_, layer) => windowOf(family.window, reader, layer));
  const { rotary, rotaryOf } = describeRotaries(source, attention.rotatedDimension, windows);
  const chunk =
    family.window.kind !== 'chunks' || reader.isNull(family.window.key) ? null : reader.integer(family.window.key);
  const sharings = sharingsOf(family, reader, windows);
  const { names } = family;
  const inputSize = given(names.tokenInputs, ({ sizeKey }) => reader.count(sizeKey)) ?? 0;
  const inputNames = inputSize === 0 ? undefined : names.tokenInputs;
  const blocks = Array.from({ length: layers }, (_, layer): BlockDescriptor => {
    const named = (pattern: string): string => layerName(pattern, layer);
    const half = halves?.[layer] ?? null;
    const mixes = half === null || half === 'mixing';
    const { dense, hasExperts } = feedForwardOf(family, reader, layer, half);
    const sharing = sharings[layer] ?? null;
    const window = windows[layer] ?? null;
    const state = stateOf(layer);
    const layerRotary =
      state === null ? (compressed?.rotaryOf(layer) ?? rotaryOf(layer, window !== null, dense !== null)) : null;
    return {
      attentionNorm: mixes ? given(names.attentionNorm, (name) => norm(named(name), hidden)) : null,
      attention:
        mixes && state === null && !('rotaryOf' in attention)
          ? attention.describe(layer, { sliding: window !== null, rotating: layerRotary !== null, sharing })
          : null,
      compressed: compressed?.describe(layer) ?? null,
      hyper: given(names.hyper, (hyper) => hyperOf(source, hyper, layer)),
      state,
      window,
      chunk: layerRotary === null ? null : chunk,
      rotary: layerRotary,
      isParallel: family.isParallel === true,
      keepsNormed: given(family.keepsNormed, ({ attentionKey, stateKey, feedForwardKey }) => ({
        attention: reader.number(state === null ? attentionKey : stateKey),
        feedForward: reader.number(feedForwardKey),
      })),
      feedForwardNorm: half === 'mixing' ? null : given(names.feedForwardNorm, (name) => norm(named(name), hidden)),
      branchNorms: given(names.branchNorms, (branches) => ({
        attention: norm(named(branches.attention), hidden),
        feedForward: norm(named(branches.feedForward), hidden),
      })),
      beside: given(names.beside, (beside) => ({
        dense: norm(named(beside.dense), hidden),
        expertsIn: norm(named(beside.expertsIn), hidden),
        expertsOut: norm(named(beside.expertsOut), hidden),
        router: index.take(named(beside.router), [hidden]),
      })),
      late: dense?.rule.kind === 'pairs' ? (hasExperts ? 'gives' : 'takes') : null,
      tokenInput: given(inputNames, ({ gate, back, backNorm }) => ({
        first: layer * inputSize,
        gate: weights.take(named(gate), [inputSize, hidden]),
        projection: weights.take(named(back), [hidden, inputSize]),
        norm: norm(named(backNorm), hidden),
      })),
      outputScale: given(names.outputScale, (name) => index.take(named(name), [1])),
      moe: hasExperts ? moeOf(layer) : null,
      dense: given(dense, (record) => describeDense(source, record, layer, sharing?.gives === false)),
    };
  });
  const moeLayers = blocks.flatMap(({ moe }, block) => (moe === null ? [] : [{ block, moe }]));
  if (moeLayers.length === 0) throw reader.inconsistent(`no layer has experts${denseWords(family, reader)}`);

  if (names.rotaryFactors !== undefined) index.take(names.rotaryFactors, index.shapeOf(names.rotaryFactors) ?? []);
  const embedding = index.take(names.embedding, [vocabulary, hidden]);
  const tiedHead = reader.raw('tie_word_embeddings') === true;
  const multiplier = (key: keyof NonNullable<Family['multipliers']>, otherwise = 1): number =>
    family.multipliers === null ? otherwise : reader.number(family.multipliers[key]);
  if (family.window.kind === 'chunks') checkChunkTypes(reader, blocks);
  checkLayerLists(family, reader, blocks);
  const statedPositions = reader.integer('max_position_embeddings');
  const descriptor = {
    family: family.modelType,
    hidden,
    attentionScale: multiplier('attention', attention.scale) * (attention.isLatent ? rotary.scaleCorrection : 1),
    vocabulary,
    maxPositions: Math.min(statedPositions, rotary.limit ?? Infinity),
    statedPositions: (rotary.limit ?? Infinity) < statedPositions ? statedPositions : undefined,
    embedding,
    finalNorm: norm(names.finalNorm, hidden),
    head: tiedHead && !index.has(names.head) ? embedding : index.take(names.head, [vocabulary, hidden]),
    headBias:
      family.headBiasKey !== null && reader.flag(family.headBiasKey)
        ? index.take(biasName(names.head), [vocabulary])
        : null,
    embeddingMultiplier: multiplier('embedding') * (reader.flag(family.embeddingRoot) ? Math.sqrt(hidden) : 1),
    residualMultiplier: multiplier('residual'),
    logitsDivisor: multiplier('logits') / (given(family.logitsScaleKey, (key) => reader.number(key)) ?? 1),
    logitsCap: given(family.logitsCapKey, (key) => reader.optionalNumber(key)),
    blocks,
    hyperHead: given(names.hyper, ({ head }) => hyperParts(source, head, [reader.integer('hc_mult'), 1])),
    tokenInputs: given(inputNames, (inputs) => ({
      dimension: inputSize,
      table: index.take(inputs.table, [vocabulary, layers * inputSize]),
      projection: weights.take(inputs.projection, [layers * inputSize, hidden]),
      norm: norm(inputs.norm, inputSize),
    })),
    stream: [
      ...(inputSize === 0 ? [] : [{ name: TOKEN_INPUTS, width: layers * inputSize }]),
      ...(names.hyper === undefined ? [] : [{ name: OTHER_STREAMS, width: (reader.integer('hc_mult') - 1) * hidden }]),
      ...(moeLayers.some(({ moe }) => tableOf(moe.routing) !== null) ? [{ name: TOKEN_IDS, width: 1 }] : []),
      ...(blocks.some(({ late }) => late !== null) ? [{ name: LATE_EXPERTS, width: hidden }] : []),
      ...blocks.flatMap(givenParts),
    ],
    moeLayers,
    configKeys: {
      experts: family.keys.experts.filter((key, position) => reader.presentKey([key]) !== undefined || position === 0),
      identities: family.identitiesKey ?? null,
      topK: family.keys.topK,
      within: family.wrapper?.configKey ?? null,
      expertsWithin: given(family.expertsWithin, (key) => (reader.raw(key) === null ? null : key)),
      padded: family.paddedLists,
    },
  };
  const { others, carriedTensors } = settleRest(source, tensors, layers, sharings);
  const prediction = describePrediction(
    family,
    [...tensors.values()].filter(({ tensor }) => others.has(tensor) && !isBuffer(tensor)),
    moeLayers[0]?.moe.experts ?? 0,
  );
  if (quantisation.kind === 'fp8' && ![...tensors.values()].some(({ dtype }) => dtype === 'F8_E4M3')) {
    throw reader.inconsistent('"quantization_config" names fp8, but no tensor is float8');
  }
  const unused = from === 'config' ? requireKnownKeys(family, reader) : [];
  return { ...descriptor, unreadKeys: unused, unusedTensors: [...others].filter(isBuffer), prediction, carriedTensors };
};

/** Refuses a config where the record holds for other values only. @throws WorkbenchError `unsupported-config`. */
const requireStated = (family: Family, reader: ConfigReader): void => {
  for (const each of family.required)
    if ('key' in each && each.key === 'quantization_config' && isReadAnywhere(reader)) continue;
    else if ('values' in each) reader.requireOneOf(each.key, each.values);
    else if ('sum' in each) reader.requireSum(each.key, each.sum);
    else reader.requireEqual(each.key, each.equals);
};

/** The rotation of layers without a window, and that of a layer: null where it does not rotate. */
const describeRotaries = (
  { family, reader }: Source,
  rotatedDimension: AttentionReader['rotatedDimension'],
  windows: readonly (number | null)[],
): {
  readonly rotary: RotaryConfig;
  readonly rotaryOf: (layer: number, isSliding: boolean, isDense: boolean) => Rotary | null;
} => {
  const ofKind = (kind: 'full_attention' | 'sliding_attention'): RotaryConfig => {
    const first = windows.findIndex((window) => (window === null) === (kind === 'full_attention'));
    return readRotary(reader, family.rotary, rotatedDimension[kind], kind, Math.max(0, first));
  };
  const [rotary, sliding] = [ofKind('full_attention'), ofKind('sliding_attention')];
  const isUniform = isDeepStrictEqual(rotary, sliding);
  return {
    rotary,
    rotaryOf: (layer, isSliding, isDense) =>
      rotates(family.rotary, reader, layer, { isSliding, isDense })
        ? (isUniform || !isSliding ? rotary : sliding).rotary
        : null,
  };
};

/** The dense network of a layer, and whether it has experts; `half`: that of a block which the layer is. */
const feedForwardOf = (
  family: Family,
  reader: ConfigReader,
  layer: number,
  half: 'mixing' | 'experts' | 'dense' | null,
): { readonly dense: DenseRecord | null; readonly hasExperts: boolean } => {
  if (half !== null) return { dense: half === 'dense' ? family.dense : null, hasExperts: half === 'experts' };
  const dense = hasDense(family.dense, reader, layer) ? family.dense : null;
  const kind = dense?.rule.kind;
  return { dense, hasExperts: dense === null || kind === 'beside' || (kind === 'pairs' && layer % 2 === 0) };
};

const describeDense = (
  { family, reader, weights, hidden }: Source,
  record: DenseRecord,
  layer: number,
  takesKeys: boolean,
): DenseTensors => {
  const named = (pattern: string): string => layerName(pattern, layer);
  const isDoubled = record.doubled !== undefined && takesKeys && reader.flag(record.doubled);
  const width = (isDoubled ? 2 : 1) * reader.integer(record.widthKey);
  return {
    gate: given(record.gate, (gate) => weights.take(named(gate), [width, hidden])),
    up: weights.take(named(record.up), [width, hidden]),
    down: weights.take(named(record.down), [hidden, width]),
    activation: denseActivation(family, reader, layer),
    ...(reader.flag(record.biased) ? takeBiases(weights, record, layer, [width, hidden]) : {}),
  };
};

/** Refuses tensors that nothing has taken, but those that an export carries over or that nothing needs. */
const settleRest = (
  { family, reader, index }: Source,
  tensors: ReadonlyMap<string, TensorView>,
  layers: number,
  sharings: readonly Sharing[],
): { readonly others: ReadonlySet<string>; readonly carriedTensors: readonly string[] } => {
  const extraLayers = family.extraLayersKey === null ? 0 : predictionLayers(reader);
  const extra = Array.from({ length: extraLayers }, (_, layer) => `model.layers.${layers + layer}.`).filter((start) =>
    index.has(`${start}${PREDICTION_MARK}`),
  );
  const starts = [...extra, ...family.unused].map((start) => index.onDisk(start));
  const carried = [
    ...(family.wrapper?.carried ?? []),
    ...unreadKeys(family, sharings).map((name) => index.onDisk(name)),
  ];
  const beginsWith = (name: string, all: readonly string[]): boolean => all.some((start) => name.startsWith(start));
  // transformers saves the matrices of no shared experts, which are empty.
  const isCarried = (name: string): boolean =>
    beginsWith(name, carried) || tensors.get(name)?.shape.includes(0) === true;
  const free = index.settle((name) => isBuffer(name) || beginsWith(name, starts) || isCarried(name));
  return {
    others: new Set(free.filter((name) => !isCarried(name))),
    carriedTensors: free.filter(isCarried),
  };
};

/**
 * The keys that nothing has read. Of those that change what some family computes, each must be known to change nothing
 * in this one.
 *
 * @throws WorkbenchError `unsupported-config`.
 */
const requireKnownKeys = (family: Family, reader: ConfigReader): readonly string[] => {
  const unread = reader.unreadKeys();
  const bad = unread.find((key) => changesSomething(key) && whyUnread(family, key, reader.raw(key)) === null);
  if (bad === undefined) return unread;
  throw reader.unsupported(
    `"${bad}" is ${JSON.stringify(reader.raw(bad))}, which other families read and ${family.modelType} does not; ` +
      'what it changes is not known here',
  );
};

/**
 * A config with the keys that an object within it says, where it does not say them itself.
 *
 * @throws WorkbenchError `unsupported-config`: a key of it that other families read is not known here.
 */
const withInner = (
  family: Family,
  whole: ConfigReader,
  config: Config,
  { key, keys, layers: lists, overwritten = [] }: InnerRecord,
): Config => {
  const inner = whole.object(key);
  if (inner === null) return config;
  const named = Object.entries(keys).flatMap(([each, name]) => {
    const [first = '', second] = each.split('.');
    const place = second === undefined ? inner : inner.object(first);
    const value = place?.raw(second ?? first) ?? null;
    // A value of null may say more than a missing key.
    return value === null && place?.isNull(second ?? first) !== true ? [] : [[name, value] as const];
  });
  inner.overrule(overwritten);
  requireKnownKeys(family, inner);
  if (lists === undefined) return { ...Object.fromEntries(named), ...config };
  const types = new Array<string>(whole.integer('num_hidden_layers', MAX_LAYERS)).fill('');
  for (const [list, word] of Object.entries(lists))
    for (const number of inner.integers(list)) {
      if (types[number - 1] !== '') throw inner.bad(list, inner.raw(list), 'a list of layers, each in one list');
      types[number - 1] = word;
    }
  return { ...Object.fromEntries(named), layer_types: types, ...config };
};

/** How a folder's matrices are quantised. @throws WorkbenchError `unsupported-config`. */
export const quantisationOf = (family: Family, config: Config, folder: string): Quantisation =>
  readQuantisation(readerOf(family, config, `${folder}/config.json`));

/** The config of the text model. */
const readerOf = (family: Family, config: Config, location: string): ConfigReader => {
  const { wrapper, defaults, aliases, inner: within = [] } = family;
  const whole = new ConfigReader(config, location, {});
  if (wrapper === null) {
    const merged = within.reduce((so, each) => withInner(family, whole, so, each), config);
    const reader = new ConfigReader(merged, location, defaults, aliases);
    reader.overrule(within.map(({ key }) => key));
    return reader;
  }
  const { configKey, modelTypes } = wrapper;
  const inner = whole.object(configKey, defaults, aliases);
  if (inner === null) throw whole.bad(configKey, null, "the text model's config");
  inner.requireOneOf('model_type', modelTypes);
  const stored = whole.raw('quantization_config');
  if (stored === null || !isReadAnywhere(whole)) {
    readQuantisation(whole);
    whole.requireOneOf('quantization_config', [null]);
    return inner;
  }
  return whole.object(configKey, { ...defaults, quantization_config: stored }, aliases) ?? inner;
};

type Sharing = ReturnType<typeof sharingsOf>[number];

/** By layer: whether it gives its keys and values to later layers, or takes those of an earlier one. */
const sharingsOf = (
  { attention }: Family,
  reader: ConfigReader,
  windows: readonly (number | null)[],
): readonly ({ readonly gives: boolean; readonly of: number } | null)[] => {
  const key = attention.kind === 'grouped' ? attention.sharedLayersKey : undefined;
  const taking = key === undefined ? 0 : reader.count(key);
  const giving = windows.length - taking;
  const sourceOf = (layer: number): number =>
    windows.findLastIndex((window, other) => other < giving && (window === null) === (windows[layer] === null));
  const sources = windows.map((_, layer) => (layer < giving ? -1 : sourceOf(layer)));
  if (key !== undefined && sources.some((source, layer) => layer >= giving && source < 0))
    throw reader.inconsistent(`"${key}" is ${taking}, which leaves no layer to take keys and values from`);
  return windows.map((_, layer) => {
    if (layer >= giving) return { gives: false, of: at(sources, layer) };
    return sources.includes(layer) ? { gives: true, of: layer } : null;
  });
};

/** Keys and values of layers that take those of others; some files have them all the same. */
const unreadKeys = ({ attention }: Family, sharings: readonly Sharing[]): readonly string[] =>
  sharings.flatMap((sharing, layer) =>
    sharing?.gives === false && attention.kind === 'grouped'
      ? [attention.key, attention.value, attention.norms?.key ?? []].flat().map((name) => layerName(name, layer))
      : [],
  );

/** Parts of the stream that later blocks take from a block. */
const givenParts = ({ attention }: BlockDescriptor): ModelDescriptor['stream'] => {
  if (attention === null) return [];
  if (attention.kind === 'latent') {
    const { indexer } = attention;
    if (indexer?.own == null || indexer.part === null) return [];
    return [{ name: indexer.part, width: (indexer.heads + 1) * indexer.dimension + indexer.heads }];
  }
  return attention.shared?.gives === true
    ? [
        { name: attention.shared.keys, width: attention.keyValueHeads * attention.headDimension },
        { name: attention.shared.values, width: attention.keyValueHeads * attention.valueDimension },
      ]
    : [];
};

const hyperParts = (
  { reader, index, hidden }: Source,
  start: string,
  [rows, scales]: readonly [number, number],
): HyperHead => {
  const count = reader.integer('hc_mult');
  return {
    count,
    rows: index.take(`${start}fn`, [rows, count * hidden]),
    base: index.take(`${start}base`, [rows]),
    scale: index.take(`${start}scale`, [scales]),
    added: reader.number('hc_eps'),
    epsilon: reader.number('rms_norm_eps'),
  };
};

const hyperOf = (
  source: Source,
  names: NonNullable<Family['names']['hyper']>,
  layer: number,
): Readonly<Record<'attention' | 'feedForward', HyperConnection>> => {
  const count = source.reader.integer('hc_mult');
  const iterations = source.reader.integer('hc_sinkhorn_iters', MAX_LAYERS);
  const half = (start: string): HyperConnection => ({
    ...hyperParts(source, layerName(start, layer), [(2 + count) * count, 3]),
    iterations,
  });
  return { attention: half(names.attention), feedForward: half(names.feedForward) };
};

const describeNorm = (family: Family, index: TensorIndex, name: string, width: number, epsilon: number): Norm => ({
  kind: family.norm === 'layer' || family.norm === 'layer-unbiased' ? 'layer' : 'rms',
  scale: index.take(name, [width]),
  plusOne: family.norm === 'rms-plus-one',
  bias: family.norm === 'layer' ? index.take(biasName(name), [width]) : null,
  epsilon,
});

/** The keys that say which layers are dense, with their values, in parentheses. */
const denseWords = ({ dense, halves }: Family, reader: ConfigReader): string => {
  if (dense === null) return '';
  const named = Object.entries(dense.rule).flatMap(([name, key]) => (/key$/i.test(name) ? [String(key)] : []));
  const keys = named.length > 0 ? named : [halves?.listKey ?? [], halves?.lettersKey ?? []].flat();
  return ` (${keys.map((key) => `${key} ${JSON.stringify(reader.raw(key))}`).join(', ')})`;
};

const MLP_TYPES = 'mlp_layer_types';

const hasDense = (record: DenseRecord | null, reader: ConfigReader, layer: number): boolean => {
  if (record === null) return false;
  if (record.rule.kind === 'beside' || record.rule.kind === 'pairs') return true;
  if (record.rule.kind === 'half') return false;
  if (record.rule.kind === 'first') {
    const types = record.rule.types === true ? typesOf(reader, MLP_TYPES, ['dense', 'sparse']) : null;
    return types === null ? layer < reader.count(record.rule.key) : types[layer] === 'dense';
  }
  if (record.rule.kind === 'enumerated') {
    const types = typesOf(reader, MLP_TYPES, ['dense', 'sparse']);
    if (types !== null) return types[layer] === 'dense';
    const text = reader.raw(record.rule.key);
    if (typeof text !== 'string') throw reader.bad(record.rule.key, text, 'numbers of layers, separated by commas');
    return !text.split(',').some((each) => Number(each) === layer);
  }
  if (record.rule.kind === 'unlisted') {
    const { listKey, everyKey } = record.rule;
    return reader.raw(listKey) === null
      ? (layer + 1) % reader.integer(everyKey) !== 0
      : !reader.integers(listKey).includes(layer);
  }
  if (record.rule.kind === 'all-but') return !isEvery(reader, record.rule.everyKey, record.rule.firstKey, layer);
  if (record.rule.kind === 'interval') {
    const { everyKey, fromKey, toKey } = record.rule;
    const last = reader.raw(toKey) === -1 ? Infinity : reader.count(toKey);
    return (layer + 1) % reader.integer(everyKey) !== 0 || layer < reader.count(fromKey) || layer > last;
  }
  return (
    reader.integers(record.rule.listKey).includes(layer) || (layer + 1) % reader.integer(record.rule.stepKey) !== 0
  );
};

/** Whether a layer rotates queries and keys. */
const rotates = (
  { on }: RotaryRecord,
  reader: ConfigReader,
  layer: number,
  { isSliding, isDense }: Readonly<Record<'isSliding' | 'isDense', boolean>>,
): boolean => {
  if (on === undefined) return true;
  if (on === 'sliding') return isSliding;
  if (on === 'sliding or dense') return isSliding || isDense;
  if (on === 'never') return false;
  if ('key' in on) return reader.raw(on.key) === on.value;
  const list = reader.integers(on.listKey);
  if (list.length === 0) return (layer + 1) % reader.integer(on.everyKey) !== 0;
  const stated = list[layer];
  if (stated === undefined)
    throw reader.inconsistent(`"${on.listKey}" has ${list.length} entries, none for layer ${layer}`);
  return stated !== 0;
};

/** The error of a key that says of a layer what the keys that are read do not. */
const disagreement = (reader: ConfigReader, key: string, says: string, layer: string | number, others: string): Error =>
  reader.unsupported(`"${key}" says ${says} for layer ${layer}, where the other keys give ${others}`);

/** Checks that `layer_types`, if present, agrees with the chunks of the layers. */
const checkChunkTypes = (reader: ConfigReader, blocks: readonly BlockDescriptor[]): void => {
  const types = typesOf(reader, 'layer_types', ['chunked_attention', 'full_attention']);
  types?.forEach((type, layer) => {
    const isChunked = blocks[layer]?.chunk !== null;
    if (isChunked !== (type === 'chunked_attention'))
      throw disagreement(reader, 'layer_types', type, layer, isChunked ? 'chunks' : 'no chunks');
  });
};

/** Checks that an object by layer says nothing but the number of heads that the layer has. */
const checkHeads = (reader: ConfigReader, key: string, blocks: readonly BlockDescriptor[]): void => {
  const byLayer = reader.object(key);
  for (const layer of byLayer?.keys() ?? []) {
    const ofLayer = byLayer?.object(layer);
    const attention = blocks[Number(layer)]?.attention;
    if (ofLayer?.keys().every((each) => each === 'num_attention_heads') === true)
      if (ofLayer.raw('num_attention_heads') === (attention?.heads ?? null)) continue;
    const heads = `${String(attention?.heads ?? 'no')} heads`;
    throw disagreement(reader, key, JSON.stringify(byLayer?.raw(layer)), layer, heads);
  }
};

const checkLayerLists = ({ layerLists }: Family, reader: ConfigReader, blocks: readonly BlockDescriptor[]): void => {
  for (const { key, says } of layerLists) {
    if (says === 'heads') {
      checkHeads(reader, key, blocks);
      continue;
    }
    const list = reader.raw(key);
    if (list === null) continue;
    if (!Array.isArray(list) || list.length < blocks.length) throw reader.bad(key, list, 'a list for all layers');
    const [yes, no] = says === 'moe' ? ['experts', 'none'] : ['a window', 'no window'];
    blocks.forEach(({ window, moe }, layer) => {
      const is = says === 'moe' ? moe !== null : window !== null;
      if (is !== Boolean(list[layer])) throw disagreement(reader, key, String(list[layer]), layer, is ? yes : no);
    });
  }
};

const predictionLayers = (reader: ConfigReader): number =>
  reader.count(reader.presentKey(PREDICTION_KEYS) ?? PREDICTION_KEYS[0], MAX_LAYERS);

/** A list of a word for each layer; null if the config has none. */
const typesOf = (reader: ConfigReader, key: string, allowed: readonly string[]): readonly string[] | null => {
  const types = reader.strings(key);
  if (types === null) return null;
  const layers = reader.integer('num_hidden_layers');
  // Lists of files with extra prediction layers may name those too.
  if (types.length !== layers && types.length !== layers + predictionLayers(reader))
    throw reader.inconsistent(`"${key}" names ${types.length} layers, "num_hidden_layers" ${layers}`);
  const other = types.find((type) => !allowed.includes(type));
  if (other === undefined) return types;
  throw reader.unsupported(
    `"${key}" contains ${JSON.stringify(other)}; only ${allowed.join(' and ')} are supported here`,
  );
};

/** Checks that `layer_types`, if present, agrees with the other keys. */
const checkLayerTypes = ({ window: record, state }: Family, reader: ConfigReader): void => {
  const words = state === undefined ? LAYER_TYPES : [...state.words, ...state.attentionWords];
  const types = typesOf(reader, 'layer_types', words);
  types?.slice(0, reader.integer('num_hidden_layers')).forEach((type, layer) => {
    const window = windowOf(record, reader, layer);
    if ((type === 'sliding_attention') !== (window !== null))
      throw disagreement(reader, 'layer_types', type, layer, window === null ? 'no window' : `a window of ${window}`);
  });
};

const windowOf = (record: WindowRecord, reader: ConfigReader, layer: number): number | null => {
  if (record.kind === 'never' || record.kind === 'chunks' || reader.isNull(record.key)) return null;
  const inclusive =
    record.kind === 'types' && record.inclusiveKey !== undefined ? reader.optionalInteger(record.inclusiveKey) : null;
  const window = inclusive === null ? reader.count(record.key) : inclusive + 1;
  if (window === 0 && record.kind === 'switched' && reader.flag(record.switchKey))
    throw reader.inconsistent(`"${record.switchKey}" is true, but "${record.key}" is 0`);
  if (window === 0) return null;
  if (record.kind === 'always') return window;
  if (record.kind === 'switched')
    return reader.flag(record.switchKey) && isSwitched(record, reader, layer) ? window : null;
  const types = reader.strings('layer_types');
  const isSliding =
    types === null ? followsPattern(record.otherwise, reader, layer) : types[layer] === 'sliding_attention';
  return isSliding ? window : null;
};

const isSwitched = (
  { belowKey }: Extract<WindowRecord, { kind: 'switched' }>,
  reader: ConfigReader,
  layer: number,
): boolean => {
  if (belowKey === null) return true;
  const types = reader.strings('layer_types');
  return types === null ? layer % 2 === 0 && layer < reader.count(belowKey) : types[layer] === 'sliding_attention';
};

const followsPattern = (pattern: WindowPattern, reader: ConfigReader, layer: number): boolean => {
  switch (pattern.kind) {
    case 'unknown':
      throw reader.bad('layer_types', null, 'a list of words');
    case 'even':
      return layer % 2 === 0;
    case 'from':
      return layer >= reader.count(pattern.key);
    case 'all-but':
      return (
        (layer + 1) % (typeof pattern.every === 'number' ? pattern.every : reader.integer(pattern.every)) !== 0 &&
        (pattern.first !== true || layer > 0)
      );
  }
};
