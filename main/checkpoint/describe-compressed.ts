import { ConfigReader } from './config-reader.ts';
import { type AttentionReader, project } from './describe-attention.ts';
import type { CompressedAttention, Compressor, Norm, Projection, Rotary } from './descriptor.ts';
import type { CompressedRecord } from './families/family.ts';
import { commonScalings } from './families/shared-names.ts';
import type { WeightReader } from './weight-reader.ts';
import { readRotary } from './rotary.ts';
import { layerName } from './tensor-index.ts';

type Kind = 'sliding_attention' | 'compressed_sparse_attention' | 'heavily_compressed_attention';

/** Compression of a layer by its ratio in published files. */
const kindOfRatio: ReadonlyMap<unknown, Kind> = new Map([
  [0, 'sliding_attention'],
  [4, 'compressed_sparse_attention'],
  [128, 'heavily_compressed_attention'],
]);
const kinds: readonly unknown[] = [...kindOfRatio.values()];

const kindOf = ({ ratiosKey }: CompressedRecord, reader: ConfigReader, layer: number): Kind => {
  const types = reader.strings('layer_types');
  const layers = reader.integer('num_hidden_layers');
  const key = types === null ? ratiosKey : 'layer_types';
  const named = (types ?? reader.integers(ratiosKey)).length;
  // Ratios of files with extra prediction layers may name those too.
  if (named < layers || (types !== null && named > layers))
    throw reader.inconsistent(`"${key}" names ${named} layers, "num_hidden_layers" ${layers}`);
  const type = types === null ? kindOfRatio.get(reader.integers(ratiosKey)[layer]) : types[layer];
  const found = [...kindOfRatio.values()].find((kind) => kind === type);
  if (found !== undefined) return found;
  throw types === null
    ? reader.bad(ratiosKey, reader.raw(ratiosKey), '0, 4 or 128 for each layer')
    : reader.unsupported(`"layer_types" contains ${JSON.stringify(type)}; only ${kinds.join(', ')} are supported here`);
};

/** A family's compressed attention with its sizes read; `describe` resolves one layer's tensors. */
export interface CompressedReader extends Pick<AttentionReader, 'isLatent' | 'scale' | 'rotatedDimension'> {
  readonly rotaryOf: (layer: number) => Rotary;
  readonly describe: (layer: number) => CompressedAttention;
}

export const describeCompressed = (
  record: CompressedRecord,
  reader: ConfigReader,
  weights: WeightReader,
  norm: (name: string, width: number) => Norm,
  { hidden, heads }: { readonly hidden: number; readonly heads: number },
): CompressedReader => {
  const headDimension = reader.integer('head_dim');
  const [rank, outputRank] = [reader.integer('q_lora_rank'), reader.integer('o_lora_rank')];
  const groups = reader.integer('o_groups');
  if ((heads * headDimension) % groups !== 0)
    throw reader.inconsistent(`${heads} heads of ${headDimension} are not ${groups} groups`);
  const rotated = rotatedOf(reader, headDimension);
  const take = (name: string, shape: readonly [number, number]): Projection => project(weights, name, shape, false);
  const compressorOf = (
    at: string,
    dimension: number,
    every: number,
    isSparse: boolean,
  ): Omit<Compressor, 'indexer'> => {
    const width = isSparse ? 2 * dimension : dimension;
    return {
      every,
      overlapping: isSparse,
      values: take(`${at}kv_proj.weight`, [width, hidden]),
      gates: take(`${at}gate_proj.weight`, [width, hidden]),
      places: weights.takeView(`${at}position_bias`, [every, width]),
      norm: norm(`${at}kv_norm.weight`, dimension),
    };
  };
  const indexerOf = (at: string, every: number): NonNullable<Compressor['indexer']> => {
    const [count, dimension] = [reader.integer('index_n_heads'), reader.integer('index_head_dim')];
    return {
      heads: count,
      dimension,
      most: reader.integer('index_topk'),
      query: take(`${at}q_b_proj.weight`, [count * dimension, rank]),
      weights: take(`${at}scorer.weights_proj.weight`, [count, hidden]),
      compressor: compressorOf(at, dimension, every, true),
    };
  };
  const rates = reader.object(record.ratesKey);
  const compressionOf = (layer: number): Compressor | null => {
    const kind = kindOf(record, reader, layer);
    if (kind === 'sliding_attention') return null;
    const isSparse = kind === 'compressed_sparse_attention';
    const every = rates?.optionalInteger(kind) ?? reader.integer(isSparse ? 'compress_rate_csa' : 'compress_rate_hca');
    const at = `${layerName(record.at, layer)}compressor.`;
    return {
      ...compressorOf(at, headDimension, every, isSparse),
      indexer: isSparse ? indexerOf(`${at}indexer.`, every) : null,
    };
  };
  const rotaries = rotariesOf(reader, rotated);
  return {
    scale: headDimension ** -0.5,
    isLatent: false,
    rotatedDimension: { full_attention: rotated, sliding_attention: rotated },
    rotaryOf: (layer) => rotaries[kindOf(record, reader, layer) === 'sliding_attention' ? 'main' : 'compress'],
    describe: (layer) => {
      const at = layerName(record.at, layer);
      return {
        heads,
        headDimension,
        query: {
          down: take(`${at}q_a_proj.weight`, [rank, hidden]),
          norm: norm(`${at}q_a_norm.weight`, rank),
          up: take(`${at}q_b_proj.weight`, [heads * headDimension, rank]),
          epsilon: reader.number('rms_norm_eps'),
        },
        keyValue: take(`${at}kv_proj.weight`, [headDimension, hidden]),
        keyValueNorm: norm(`${at}kv_norm.weight`, headDimension),
        sinks: weights.takeView(`${at}sinks`, [heads]),
        output: {
          groups,
          down: weights.takeView(`${at}o_a_proj.weight`, [groups * outputRank, (heads * headDimension) / groups]),
          up: take(`${at}o_b_proj.weight`, [hidden, groups * outputRank]),
        },
        compressor: compressionOf(layer),
      };
    },
  };
};

/** Rotated dimensions of every head of attention and of indexers: a number, or their part of a head of attention. */
const rotatedOf = (reader: ConfigReader, headDimension: number): number => {
  const partial = reader.optionalNumber('partial_rotary_factor');
  const stated = reader.optionalInteger('qk_rope_head_dim');
  const rotated = stated ?? headDimension * reader.number('partial_rotary_factor');
  const differ = stated !== null && partial !== null && stated !== headDimension * partial;
  const most = Math.min(headDimension, reader.integer('index_head_dim'));
  if (!differ && rotated % 2 === 0 && rotated <= most) return rotated;
  throw reader.inconsistent(
    `"qk_rope_head_dim" ${stated} and "partial_rotary_factor" ${partial} do not fit heads of ` +
      `${headDimension} dimensions and an indexer's of ${reader.integer('index_head_dim')}`,
  );
};

/** Angles of layers without and with entries; a scaling is of the latter, and changes frequencies only. */
const rotariesOf = (reader: ConfigReader, rotated: number): Readonly<Record<'main' | 'compress', Rotary>> => {
  const parameters = reader.object('rope_parameters');
  const rotaryOf = (theta: number, scaling: unknown): Rotary => {
    const rotationReader = new ConfigReader({ rope_theta: theta, rope_scaling: scaling }, 'config.json, rotation', {});
    const { rotary } = readRotary(
      rotationReader,
      { interleaved: true, partialKey: null, scalings: [...commonScalings, 'yarn'] },
      rotated,
      'full_attention',
      0,
    );
    return { ...rotary, magnitude: 1 };
  };
  const [main, compress] = [parameters?.object('main') ?? null, parameters?.object('compress') ?? null];
  return {
    main: rotaryOf(main?.optionalNumber('rope_theta') ?? reader.number('rope_theta'), null),
    compress: rotaryOf(
      compress?.optionalNumber('rope_theta') ?? reader.number('compress_rope_theta'),
      parameters === null ? reader.raw('rope_scaling') : parameters.raw('compress'),
    ),
  };
};
