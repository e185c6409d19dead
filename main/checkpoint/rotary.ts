import type { ConfigReader } from './config-reader.ts';
import type { Rotary } from './descriptor.ts';
import type { RotaryRecord } from './families/family.ts';

/** Magnitude of yarn for a factor and a multiplier: 0.1 m ln(factor) + 1. */
export const yarnMagnitude = (factor: number, multiplier: number): number =>
  factor <= 1 ? 1 : 0.1 * multiplier * Math.log(factor) + 1;

/** A config's rotary embedding, in either spelling. */
export interface RotaryConfig {
  readonly rotary: Rotary;
  /** yarn's `mscale_all_dim` squared magnitude, by which latent attention multiplies its scale; else 1. */
  readonly scaleCorrection: number;
  /** Positions up to which this table is valid; null: all. */
  readonly limit: number | null;
}

/** Divisor of an angle that is 0: large enough, and finite in float32. */
export const NEVER_TURNS = 1e30;

/** Per head; published models have at most 256. */
const MAX_DIMENSIONS = 65_536;

/** Key of the object with the parameters of the rotary embedding. */
const rotaryKey = (reader: ConfigReader): string => {
  const present = reader.presentKey(['rope_scaling', 'rope_parameters']) ?? 'rope_parameters';
  const isEmpty = present === 'rope_scaling' && reader.object(present)?.keys().length === 0;
  return isEmpty ? 'rope_parameters' : present;
};

/**
 * The parameters of the rotary embedding. A family's own apply where the config has neither key. As in transformers,
 * `rope_scaling` comes before `rope_parameters`, and what either says before the same key beside it.
 */
export const rotaryParameters = (reader: ConfigReader): ConfigReader | null => reader.object(rotaryKey(reader));

/**
 * Angles of the rotary embedding for `headDimension` rotated dimensions: plain (arXiv 2104.09864), divided by a factor,
 * llama3's, yarn (arXiv 2309.00071) or longrope (arXiv 2402.13753, short factors only: beyond the original context the
 * published codes disagree). `rope_theta` + `rope_scaling` (hub) or `rope_parameters` (transformers 5).
 */
export const readRotary = (
  reader: ConfigReader,
  record: RotaryRecord,
  headDimension: number,
  layers: 'full_attention' | 'sliding_attention',
  /** The first of those layers: its number counts where the config lists one for each. */
  first: number,
): RotaryConfig => {
  const all = rotaryParameters(reader);
  const scaled =
    record.scaled === undefined ? [layers] : (reader.strings(record.scaled.listKey) ?? record.scaled.otherwise);
  const parameters = all?.object(layers) ?? (scaled.includes(layers) ? all : null);
  const thetaKey = layers === 'sliding_attention' ? (record.slidingThetaKey ?? 'rope_theta') : 'rope_theta';
  const says = (key: string): boolean => parameters !== null && parameters.raw(key) !== null;
  if (
    record.agrees === true &&
    says('rope_theta') &&
    ![null, parameters?.raw('rope_theta')].includes(reader.raw(thetaKey))
  )
    throw reader.unsupported(
      `rope_theta is ${JSON.stringify(parameters?.raw('rope_theta'))} in "${rotaryKey(reader)}" and ` +
        `${JSON.stringify(reader.raw(thetaKey))} besides; transformers 5 reads the former, and the model was made ` +
        'with the latter',
    );
  if (says('rope_theta')) reader.overrule([thetaKey]);
  if (record.partialKey !== null && says(record.partialKey)) reader.overrule([record.partialKey]);
  const kind = parameters?.raw('rope_type') ?? parameters?.raw('type') ?? 'default';
  const partial =
    record.partialKey === null
      ? 1
      : (parameters?.optionalNumber(record.partialKey) ?? partialOf(reader, record, record.partialKey, first));
  // Gemma 4 rotates whole heads, most pairs of them by nothing.
  const isProportional = kind === 'proportional' && record.scalings.includes('proportional');
  const dimensions =
    (record.dimensionsKey === undefined ? null : reader.optionalInteger(record.dimensionsKey)) ??
    Math.floor(headDimension * (isProportional ? 1 : partial));
  if (dimensions > MAX_DIMENSIONS)
    throw reader.inconsistent(
      `${[String(dimensions), ...reader.keysOf(dimensions)].join(', ')}: at most ${MAX_DIMENSIONS} ` +
        'dimensions can rotate',
    );
  if (dimensions % 2 !== 0)
    throw reader.inconsistent(
      `${[String(dimensions), ...reader.keysOf(dimensions)].join(', ')}: rotated dimensions must be even`,
    );
  const stated =
    parameters?.optionalNumber('rope_theta') ??
    (Array.isArray(reader.raw(thetaKey)) ? reader.numberOf(thetaKey, first) : reader.number(thetaKey));
  // Hunyuan's "dynamic" with alpha is the same at every length (NTK-aware scaling); without alpha, angles are those of
  // the default up to `max_position_embeddings`, beyond which no sequence goes here.
  const alpha = kind === 'dynamic' ? (parameters?.optionalNumber('alpha') ?? null) : null;
  const theta = alpha === null ? stated : stated * alpha ** (dimensions / (dimensions - 2));
  const plain = Array.from({ length: dimensions / 2 }, (_, pair) => theta ** ((-2 * pair) / dimensions));
  const table = { dimensions, interleaved: reader.flag(record.interleaved) };
  const turned = (frequencies: readonly number[], magnitude = 1): RotaryConfig => ({
    rotary: { ...table, frequencies, magnitude },
    scaleCorrection: 1,
    limit: null,
  });
  if (isProportional) {
    const turning = Math.floor((partial * headDimension) / 2);
    const frequencies = plain.map((frequency, pair) => (pair < turning ? frequency : 0));
    return turned(frequencies);
  }
  const wanted = alpha === null ? kind : 'dynamic by alpha';
  if (parameters === null || !record.scalings.some((scaling) => scaling === wanted)) {
    if (kind === 'default') return turned(plain);
    throw reader.unsupported(`rotary scaling ${JSON.stringify(wanted)} is not proven for this family`);
  }
  if (kind === 'default' || kind === 'dynamic') return turned(plain);
  if (kind === 'linear') {
    const factor = parameters.number('factor');
    return turned(plain.map((frequency) => frequency / factor));
  }
  if (kind === 'longrope') {
    const factors = parameters.raw('short_factor');
    if (!Array.isArray(factors) || factors.length !== plain.length)
      throw parameters.bad('short_factor', factors, `a list of ${plain.length} numbers`);
    const frequencies = plain.map((frequency, pair) => frequency / Number(factors[pair]));
    const limit =
      parameters.optionalInteger('original_max_position_embeddings') ??
      reader.integer('original_max_position_embeddings');
    return { ...turned(frequencies, parameters.number('short_mscale')), limit };
  }
  if (kind === 'divided') {
    const factors = parameters.raw('factors');
    if (!Array.isArray(factors) || factors.length !== plain.length)
      throw parameters.bad('factors', factors, `a list of ${plain.length} numbers`);
    const frequencies = plain.map((frequency, pair) => {
      const factor = Number(factors[pair]);
      return factor >= NEVER_TURNS ? 0 : frequency / factor;
    });
    return turned(frequencies);
  }
  if (kind === 'llama3') return turned(llama3Frequencies(parameters, plain));
  return { ...readYarn(parameters, plain, theta, table), limit: null };
};

/** The rotated part of a head, as a number or as one of a list. */
const partialOf = (reader: ConfigReader, { partialsKey }: RotaryRecord, key: string, layer: number): number => {
  if (partialsKey !== undefined && reader.raw(partialsKey) !== null) return reader.numberOf(partialsKey, layer);
  // Classes of transformers have a default of their own for a missing one, and some of them another for null.
  if (reader.isNull(key) && reader.number(key) !== 1)
    throw reader.unsupported(`"${key}" is null; a number is supported here, or to leave it out`);
  return reader.number(key);
};

/**
 * Llama 3.1 (arXiv 2407.21783, section 3.4.2, and its own code): slow angles are divided by the factor, fast ones stay,
 * and those between are mixed.
 */
const llama3Frequencies = (parameters: ConfigReader, plain: readonly number[]): readonly number[] => {
  const factor = parameters.number('factor');
  const [low, high] = [parameters.number('low_freq_factor'), parameters.number('high_freq_factor')];
  const original = parameters.integer('original_max_position_embeddings');
  return plain.map((frequency) => {
    const turns = (original * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const share = high === low ? 0 : (turns - low) / (high - low);
    return ((1 - share) * frequency) / factor + share * frequency;
  });
};

const readYarn = (
  parameters: ConfigReader,
  plain: readonly number[],
  theta: number,
  table: Pick<Rotary, 'dimensions' | 'interleaved'>,
): Omit<RotaryConfig, 'limit'> => {
  const { dimensions } = table;
  const factor = parameters.number('factor');
  const original = parameters.integer('original_max_position_embeddings');
  const truncate = parameters.raw('truncate') !== false;
  /** Pair that makes `turns` turns within the original context. */
  const pairOf = (turns: number): number =>
    (dimensions * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [
    pairOf(parameters.optionalNumber('beta_fast') ?? 32),
    pairOf(parameters.optionalNumber('beta_slow') ?? 1),
  ];
  const low = Math.max(0, truncate ? Math.floor(first) : first);
  const high = Math.min(dimensions - 1, truncate ? Math.ceil(last) : last);
  const frequencies = plain.map((frequency, pair) => {
    const ramp = Math.min(1, Math.max(0, (pair - low) / ((high === low ? high + 0.001 : high) - low)));
    return (ramp * frequency) / factor + (1 - ramp) * frequency;
  });
  const [multiplier, allDimensions] = [
    parameters.optionalNumber('mscale'),
    parameters.optionalNumber('mscale_all_dim'),
  ];
  const fallback =
    multiplier !== null && allDimensions !== null
      ? yarnMagnitude(factor, multiplier) / yarnMagnitude(factor, allDimensions)
      : yarnMagnitude(factor, 1);
  return {
    rotary: { ...table, frequencies, magnitude: parameters.optionalNumber('attention_factor') ?? fallback },
    scaleCorrection: allDimensions === null ? 1 : yarnMagnitude(factor, allDimensions) ** 2,
  };
};
