import { given } from '../contract/errors.ts';
import type { ConfigReader } from './config-reader.ts';
import type { AttentionDescriptor, IndexerDescriptor, Norm, Projection, Temperature } from './descriptor.ts';
import type { Family, IndexerRecord } from './families/family.ts';
import type { WeightReader } from './weight-reader.ts';
import { contiguousRows, plainWeight } from './read-tensor.ts';
import { rotaryParameters } from './rotary.ts';
import { biasName, layerName } from './tensor-index.ts';

/** A family's attention with its dimensions read; `describe` resolves one layer's tensors. */
export interface AttentionReader {
  readonly isLatent: boolean;
  /** head dimension ^ -0.5, times what multiplies queries. */
  readonly scale: number;
  /** Dimensions of each head that a rotary embedding may rotate, in layers with and without a window. */
  readonly rotatedDimension: Readonly<Record<'full_attention' | 'sliding_attention', number>>;
  readonly describe: (layer: number, is: LayerKind) => AttentionDescriptor;
}

/** Whether a layer has a window, whether it rotates, and the layer whose keys and values it takes or gives. */
export interface LayerKind {
  readonly sliding: boolean;
  readonly rotating: boolean;
  readonly sharing: { readonly gives: boolean; readonly of: number } | null;
}

type NormOf = (name: string, width: number, epsilon?: number) => Norm;

export const describeAttention = (
  family: Family,
  reader: ConfigReader,
  weights: WeightReader,
  norm: NormOf,
  sizes: Sizes,
): AttentionReader => {
  switch (family.attention.kind) {
    case 'grouped':
      return describeGrouped(family.attention, reader, weights, norm, sizes);
    case 'latent':
      return describeLatent(family.attention, reader, weights, norm, sizes);
    case 'compressed':
      throw new Error('compressed attention is described by a reader of its own');
  }
};

export const project = (
  weights: WeightReader,
  name: string,
  shape: readonly [number, number],
  biased: boolean,
): Projection => ({
  weight: weights.take(name, shape),
  bias: biased ? weights.takeView(biasName(name), [shape[0]]) : null,
});

/** The rows of queries, keys and values of one matrix, in this order. */
const projectJoined = (
  weights: WeightReader,
  name: string,
  [query, key, value]: readonly [number, number, number],
  hidden: number,
  biased: boolean,
): Readonly<Record<'query' | 'key' | 'value', Projection>> => {
  const whole = weights.takeView(name, [query + key + value, hidden]);
  const biases = biased ? weights.takeView(biasName(name), [query + key + value]) : null;
  const rows = (first: number, count: number): Projection => ({
    weight: plainWeight(contiguousRows(whole, first, count)),
    bias: biases === null ? null : contiguousRows(biases, first, count),
  });
  return { query: rows(0, query), key: rows(query, key), value: rows(query + key, value) };
};

type GroupedRecord = Extract<Family['attention'], { kind: 'grouped' }>;
type Sizes = { readonly hidden: number; readonly heads: number };

const slidingHeadsOf = (keys: GroupedRecord['slidingHeads'], reader: ConfigReader): number | null =>
  keys === undefined
    ? null
    : (reader.optionalInteger(keys.key) ?? reader.object(keys.within)?.optionalInteger(keys.inner) ?? null);

interface GlobalHeads {
  readonly dimension: number | null;
  readonly keyValueHeads: number | null;
  readonly keysAreValues: boolean;
}

/** Heads of a layer without a window, where those have their own; of the first one in the list for `layer` null. */
const globalHeads = (keys: GroupedRecord['global'], reader: ConfigReader, layer: number | null): GlobalHeads | null => {
  if (keys === undefined) return null;
  const keysAreValues = reader.flag(keys.keysAreValues);
  const byLayer = reader.object(keys.byLayerKey);
  const ofLayer = byLayer?.object(layer === null ? (byLayer.keys()[0] ?? '') : String(layer));
  return {
    dimension: ofLayer?.optionalInteger('head_dim') ?? reader.optionalInteger(keys.dimensionKey),
    keyValueHeads:
      ofLayer?.optionalInteger('num_key_value_heads') ??
      (keysAreValues ? reader.optionalInteger(keys.keyValueHeadsKey) : null),
    keysAreValues,
  };
};

const describeGrouped = (
  record: GroupedRecord,
  reader: ConfigReader,
  weights: WeightReader,
  norm: NormOf,
  { hidden, heads }: Sizes,
): AttentionReader => {
  const keyValueHeads = reader.optionalInteger('num_key_value_heads') ?? heads;
  const headDimension = reader.optionalInteger('head_dim') ?? hidden / heads;
  if (!Number.isInteger(headDimension) || headDimension % 2 !== 0 || heads % keyValueHeads !== 0)
    throw reader.inconsistent(
      `${heads} heads, ${keyValueHeads} key/value heads and head dimension ${headDimension} do not fit together`,
    );
  const valueDimension = given(record.valueDimensionKey, (key) => reader.integer(key)) ?? headDimension;
  const slidingKeyValueHeads =
    given(record.slidingKeyValueHeadsKey, (key) => reader.optionalInteger(key) ?? 2 * keyValueHeads) ?? keyValueHeads;
  const slidingHeads = slidingHeadsOf(record.slidingHeads, reader) ?? heads;
  if (slidingHeads % slidingKeyValueHeads !== 0)
    throw reader.inconsistent(
      `${slidingHeads} heads and ${slidingKeyValueHeads} key/value heads in layers with a window do not fit together`,
    );
  const inputBias = reader.flag(record.queryKeyValueBias);
  const outputBias = reader.flag(record.outputBias);
  const norms = record.norms !== null && reader.flag(record.norms.when) ? record.norms : null;
  const temperature = given(record.temperature, ({ when, scaleKey, everyKey }) =>
    reader.flag(when) ? { first: 1 as const, scale: reader.number(scaleKey), every: reader.number(everyKey) } : null,
  );
  const ofModel = {
    clip: given(record.clipKey, (key) => reader.optionalNumber(key)),
    valueScale: given(record.valueScaleKey, (key) => (reader.isNull(key) ? null : reader.optionalNumber(key))) ?? 1,
    valueNorm: record.valueNorm === true ? reader.number('rms_norm_eps') : null,
  };
  const normsPlainly = record.plainNorm !== undefined && reader.flag(record.plainNorm.when);
  const describe = (layer: number, { sliding, rotating, sharing }: LayerKind): AttentionDescriptor => {
    const named = (pattern: string): string => layerName(pattern, layer);
    const ofLayer = sliding ? null : globalHeads(record.global, reader, layer);
    const ofLayerOr = (whole: number): number => ofLayer?.dimension ?? whole;
    const [keyWidth, valueWidth] = [ofLayerOr(headDimension), ofLayerOr(valueDimension)];
    const own = sliding ? slidingHeads : heads;
    const keyHeads = ofLayer?.keyValueHeads ?? (sliding ? slidingKeyValueHeads : keyValueHeads);
    const [queryRows, keyRows, valueRows] = [own * keyWidth, keyHeads * keyWidth, keyHeads * valueWidth];
    const takes = sharing?.gives === false;
    const take = (name: string, rows: number, biased = inputBias): Projection =>
      project(weights, named(name), [rows, hidden], biased);
    const joined = given(record.joined, (name) =>
      projectJoined(weights, named(name), [queryRows, keyRows, valueRows], hidden, inputBias),
    );
    const gateRows = record.gate === 'in-query' ? own * valueWidth : 0;
    const width = (rows: number): number => (norms?.over === 'head' ? keyWidth : rows);
    return {
      kind: 'grouped',
      heads: own,
      keyValueHeads: keyHeads,
      headDimension: keyWidth,
      valueDimension: valueWidth,
      query: joined?.query ?? take(record.query, queryRows + gateRows),
      key: takes ? null : (joined?.key ?? take(record.key, keyRows)),
      value: takes || ofLayer?.keysAreValues === true ? null : (joined?.value ?? take(record.value, valueRows)),
      output: project(weights, named(record.output), [hidden, own * valueWidth], outputBias),
      queryKeyNorm: given(norms, ({ over, afterRotation, query, key }) => ({
        over,
        afterRotation: afterRotation === true,
        query: norm(named(query), width(queryRows)),
        key: takes ? null : norm(named(key), width(keyRows)),
      })),
      shared: given(sharing, ({ gives, of }) => ({
        gives,
        keys: `keys of block ${of}`,
        values: `values of block ${of}`,
      })),
      plainNorm: normsPlainly && rotating ? reader.number('rms_norm_eps') : null,
      temperature: rotating ? null : temperature,
      gate: given(record.gate, (gate) =>
        gate === 'in-query' ? gate : take(gate.name, gate.per === 'head' ? own : own * valueWidth, false),
      ),
      sinks: given(record.sinks, ({ names, on }) =>
        on === 'all' || sliding ? weights.takeView(named(weights.index.nameAmong(names)), [own]) : null,
      ),
      ...ofModel,
    };
  };
  return {
    isLatent: false,
    scale: record.scale ?? headDimension ** -0.5,
    rotatedDimension: {
      sliding_attention: headDimension,
      full_attention: globalHeads(record.global, reader, null)?.dimension ?? headDimension,
    },
    describe,
  };
};

const describeLatent = (
  record: Extract<Family['attention'], { kind: 'latent' }>,
  reader: ConfigReader,
  weights: WeightReader,
  norm: NormOf,
  { hidden, heads }: Sizes,
): AttentionReader => {
  const latent = reader.integer('kv_lora_rank');
  const queryRank = reader.optionalInteger('q_lora_rank');
  const plainDimension = reader.integer('qk_nope_head_dim');
  const rotatedDimension = reader.integer('qk_rope_head_dim');
  const valueDimension = reader.integer('v_head_dim');
  const headDimension = plainDimension + rotatedDimension;
  const biased = reader.flag(record.biased);
  const queryScale = record.rankRoots === true ? (hidden / reader.integer('q_lora_rank')) ** 0.5 : 1;
  const temperature = given(record.temperature, (keys) => latentTemperature(keys, reader));
  const take = (name: string, shape: readonly [number, number], isBiased = false): Projection =>
    project(weights, name, shape, isBiased);
  const indexerOf = (names: IndexerRecord, layer: number): IndexerDescriptor => {
    const most = reader.integer('index_topk');
    const count = reader.integer('index_n_heads');
    const dimension = reader.integer('index_head_dim');
    const rank = reader.integer('q_lora_rank');
    const source = indexSource(names, reader, layer);
    const isShared =
      source < layer ||
      (layer + 1 < reader.integer('num_hidden_layers') && indexSource(names, reader, layer + 1) === layer);
    const named = (name: string): string => layerName(`model.layers.{l}.self_attn.indexer.${name}`, layer);
    return {
      most,
      heads: count,
      dimension,
      interleaved: names.interleaved,
      own:
        source < layer
          ? null
          : {
              query: take(named('wq_b.weight'), [count * dimension, rank]),
              key: take(named('wk.weight'), [dimension, hidden]),
              keyNorm: {
                kind: 'layer',
                scale: weights.takeView(named('k_norm.weight'), [dimension]),
                plusOne: false,
                bias: weights.takeView(named('k_norm.bias'), [dimension]),
                epsilon: record.innerEpsilon,
              },
              weights: take(named('weights_proj.weight'), [count, hidden]),
            },
      part: isShared ? `index of block ${source}` : null,
    };
  };
  const keyValueUpOf = (layer: number): Projection => {
    const { keyValueUp: names } = record;
    const shape = [heads * (plainDimension + valueDimension), latent] as const;
    if (typeof names === 'string') return take(layerName(names, layer), shape);
    const keys = weights.takeView(layerName(names.keys, layer), [heads, latent, plainDimension]);
    const values = weights.takeView(layerName(names.values, layer), [heads, valueDimension, latent]);
    return { weight: { stored: { kind: 'split-heads', keys, values }, shape }, bias: null };
  };
  const describe = (layer: number): AttentionDescriptor => {
    const named = (pattern: string): string => layerName(pattern, layer);
    return {
      kind: 'latent',
      heads,
      query:
        queryRank === null
          ? { whole: take(named(record.query.whole), [heads * headDimension, hidden]) }
          : {
              down: take(named(record.query.down), [queryRank, hidden], biased),
              norm: norm(named(record.query.norm), queryRank, record.innerEpsilon),
              up: take(named(record.query.up), [heads * headDimension, queryRank]),
            },
      keyValueDown: take(named(record.keyValueDown), [latent + rotatedDimension, hidden], biased),
      keyValueNorm: norm(named(record.keyValueNorm), latent, record.innerEpsilon),
      latentScale: record.rankRoots === true ? (hidden / latent) ** 0.5 : 1,
      keyValueUp: keyValueUpOf(layer),
      output: take(named(record.output), [hidden, heads * valueDimension], biased),
      indexer: given(record.indexer, (names) => indexerOf(names, layer)),
      gate: given(record.gate, (name) => take(named(name), [heads, hidden])),
      temperature,
      latent,
      plainDimension,
      rotatedDimension,
      valueDimension,
    };
  };
  return {
    isLatent: true,
    scale: headDimension ** -0.5 * queryScale,
    rotatedDimension: { full_attention: rotatedDimension, sliding_attention: rotatedDimension },
    describe,
  };
};

/** The growth of queries with their position, which the parameters of the rotary embedding state. */
const latentTemperature = (
  { scaleKey, everyKey }: Readonly<Record<'scaleKey' | 'everyKey', string>>,
  reader: ConfigReader,
): Temperature => {
  const parameters = rotaryParameters(reader);
  if (parameters === null) throw reader.bad('rope_parameters', null, 'an object');
  return { first: 0, scale: parameters.number(scaleKey), every: parameters.integer(everyKey) };
};

/** The layer whose indexer chooses the keys of a layer: its own, or the last one before it that has one. */
const indexSource = ({ shared }: IndexerRecord, reader: ConfigReader, layer: number): number => {
  if (shared === undefined) return layer;
  const types = reader.strings(shared.typesKey) ?? patternOf(reader, shared.patternKey);
  const hasOwn = (each: number): boolean =>
    types === null
      ? Math.max(each - reader.count(shared.offsetKey) + 1, 0) % reader.integer(shared.everyKey) === 0
      : types[each] === 'full';
  for (let each = layer; each >= 0; each -= 1) if (hasOwn(each)) return each;
  throw reader.inconsistent(`no layer before layer ${layer} has an indexer, which it would take keys from`);
};

/** "FSSF" or a list of such letters, as words. */
const patternOf = (reader: ConfigReader, key: string): readonly string[] | null => {
  const value = reader.raw(key);
  if (value === null) return null;
  const letters = typeof value === 'string' ? Array.from(value) : reader.strings(key);
  if (letters === null || letters.some((letter) => letter !== 'F' && letter !== 'S'))
    throw reader.bad(key, value, 'a letter F or S for each layer');
  return letters.map((letter) => (letter === 'F' ? 'full' : 'shared'));
};
