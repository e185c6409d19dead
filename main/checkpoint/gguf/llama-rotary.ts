import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { boundedRecord, boundedText } from '../../contract/bounds.ts';
import { type Config, ConfigReader } from '../config-reader.ts';
import type { ModelDescriptor, Rotary } from '../descriptor.ts';
import { familyOf } from '../families/families.ts';
import { NEVER_TURNS, rotaryParameters, yarnMagnitude } from '../rotary.ts';
import type { LlamaArchitecture } from './llama-architectures.ts';

/** llama.cpp's parameters of a rotary embedding, read from a config in either spelling. */
interface LlamaRotary {
  readonly theta: number;
  readonly yarn: {
    readonly factor: number;
    readonly original: number;
    readonly multiplier: number | null;
    readonly allDimensions: number | null;
  } | null;
}

/** Turns within the original context between which yarn blends; fixed in llama.cpp, whatever a file says. */
const [BETA_FAST, BETA_SLOW] = [32, 1];
/** Relative bound: llama.cpp computes the table in float32. */
const SAME = 1e-6;

/**
 * A family's default `rope_theta` is only known from the descriptor's frequencies; a config without it is read from
 * them.
 */
const readLlamaRotary = (model: ModelDescriptor, config: Config, rotary: Rotary): LlamaRotary => {
  const { rope_parameters = null } = familyOf(model.family)?.defaults ?? {};
  const reader = new ConfigReader(textConfig(model, config), 'config.json', { rope_parameters });
  const all = rotaryParameters(reader);
  const { whole } = rotariesOf(model);
  const kindOfLayer = rotary === whole ? 'full_attention' : 'sliding_attention';
  const parameters = all?.object(kindOfLayer) ?? all;
  // Layers with a window may have a base of their own, under another key in every family.
  const stated = whole !== null && rotary !== whole ? null : reader.raw('rope_theta');
  const theta = parameters?.optionalNumber('rope_theta') ?? (typeof stated === 'number' ? stated : thetaOf(rotary));
  const kind = parameters?.raw('rope_type') ?? parameters?.raw('type') ?? 'default';
  if (parameters === null || kind === 'default') return { theta, yarn: null };
  // Another base at every length (Hunyuan's alpha), which the frequencies contain.
  if (kind === 'dynamic') return { theta: thetaOf(rotary), yarn: null };
  // The others divide each plain angle by a factor.
  if (kind !== 'yarn') return { theta, yarn: null };
  return {
    theta,
    yarn: {
      ...yarnSizes(parameters),
      multiplier: parameters.optionalNumber('mscale'),
      allDimensions: parameters.optionalNumber('mscale_all_dim'),
    },
  };
};

const yarnSizes = (parameters: ConfigReader): { readonly factor: number; readonly original: number } => ({
  factor: parameters.number('factor'),
  original: parameters.integer('original_max_position_embeddings'),
});

/** Base of an unscaled table, from its second angle. */
const thetaOf = (rotary: Rotary): number => {
  const second = rotary.frequencies[1];
  return second === undefined ? 10000 : second ** (-rotary.dimensions / 2);
};

/** Angles per position as llama.cpp computes them; its yarn always rounds the blended pairs to whole ones. */
const llamaFrequencies = ({ dimensions }: Rotary, { theta, yarn }: LlamaRotary): readonly number[] => {
  const plain = Array.from({ length: dimensions / 2 }, (_, pair) => theta ** ((-2 * pair) / dimensions));
  if (yarn === null) return plain;
  const pairOf = (turns: number): number =>
    (dimensions * Math.log(yarn.original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const low = Math.max(0, Math.floor(pairOf(BETA_FAST)));
  const high = Math.min(dimensions - 1, Math.ceil(pairOf(BETA_SLOW)));
  return plain.map((frequency, pair) => {
    const ramp = Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
    return (ramp * frequency) / yarn.factor + (1 - ramp) * frequency;
  });
};

/** The first pair that llama.cpp rotates otherwise; null: none. */
const oddPair = (own: Rotary, theirs: LlamaRotary): string | null => {
  const angles = llamaFrequencies(own, theirs);
  const odd = own.frequencies.findIndex((value, pair) => Math.abs((angles[pair] ?? 0) - value) > SAME * value);
  return odd === -1
    ? null
    : `llama.cpp rotates pair ${odd} by ${angles[odd]} a position instead of ${own.frequencies[odd]}`;
};

/** Rotations of the blocks without a window and with one; those of one kind are alike, and null where none rotates. */
const rotariesOf = ({ blocks }: ModelDescriptor): Readonly<Record<'whole' | 'windowed', Rotary | null>> => {
  const first = (isWindowed: boolean): Rotary | null =>
    blocks.find(({ rotary, window }) => rotary !== null && (window !== null) === isWindowed)?.rotary ?? null;
  return { whole: first(false), windowed: first(true) };
};

/** The part of a config with the text model's keys. */
const textConfig = ({ configKeys: { within } }: ModelDescriptor, config: Config): Config =>
  within === null ? config : boundedRecord(boundedText, z.unknown()).parse(config[within]);

const sectionsSchema = z.array(z.number().int().nonnegative()).length(3);

/** Pairs of each axis of positions of images, and 0 for a fourth; null: the config does not say. */
export const imageSections = (model: ModelDescriptor, config: Config): readonly number[] | null => {
  const reader = new ConfigReader(textConfig(model, config), 'config.json', {});
  const stated = (reader.object('rope_parameters') ?? reader.object('rope_scaling'))?.raw('mrope_section');
  const sections = sectionsSchema.safeParse(stated);
  return sections.success ? [...sections.data, 0] : null;
};

const towerSchema = z.object({ vision_config: z.object({ deepstack_visual_indexes: z.array(z.unknown()).max(1000) }) });

/** The number of layers to which a vision tower adds something; null: the config does not say. */
export const deepstackLayers = (config: Config): number | null => {
  const tower = towerSchema.safeParse(config);
  return tower.success ? tower.data.vision_config.deepstack_visual_indexes.length : null;
};

/**
 * Factors by which the plain angles of layers without a window are divided, one for each pair of a head; null where
 * no layer rotates so.
 */
export const frequencyFactors = (model: ModelDescriptor, config: Config): readonly number[] | null => {
  const { whole } = rotariesOf(model);
  if (whole === null) return null;
  const plain = llamaFrequencies(whole, { ...readLlamaRotary(model, config, whole), yarn: null });
  return plain.map((angle, pair) => {
    const frequency = whole.frequencies[pair] ?? 0;
    return frequency === 0 ? NEVER_TURNS : angle / frequency;
  });
};

/** Describes differences in rotation between llama.cpp and the model. */
export const rotaryProblems = (
  model: ModelDescriptor,
  config: Config,
  { yarn: yarnProven, frequencyFactors: divides, windows }: LlamaArchitecture,
): string[] => {
  const { whole, windowed } = rotariesOf(model);
  const problems: string[] = [];
  if (whole !== null && windowed !== null && windows !== 'stated' && !isDeepStrictEqual(whole, windowed))
    problems.push('its layers with a window rotate otherwise than those without');
  for (const each of new Set([whole, windowed])) {
    if (each === null) continue;
    const rotary = readLlamaRotary(model, config, each);
    const { yarn } = rotary;
    if (yarn !== null && !yarnProven) return ['its rotary embedding is scaled by yarn, which is not proven for it'];
    const odd = divides && each === whole ? null : oddPair(each, rotary);
    if (odd !== null) problems.push(odd);
    const latent = model.blocks.some(({ attention }) => attention?.kind === 'latent');
    const magnitude = yarn === null || latent ? 1 : yarnMagnitude(yarn.factor, 1);
    if (Math.abs(each.magnitude - magnitude) > SAME)
      problems.push(`its rotary embedding is scaled by ${each.magnitude} instead of ${magnitude}`);
    if (yarn !== null && latent && (yarn.allDimensions === null || yarn.allDimensions !== yarn.multiplier))
      problems.push('its yarn has no mscale_all_dim that equals its mscale');
  }
  return problems;
};

/** Rotations of layers with compressed attention, by whether they have entries of several tokens. */
const compressedRotaries = (
  { blocks }: ModelDescriptor,
  config: Config,
): Readonly<Record<'main' | 'compress', { readonly own: Rotary; readonly theirs: LlamaRotary } | null>> => {
  const reader = new ConfigReader(config, 'config.json', {});
  const parameters = reader.object('rope_parameters')?.object('compress') ?? reader.object('rope_scaling');
  const isScaled = (parameters?.raw('rope_type') ?? parameters?.raw('type')) === 'yarn';
  const ownOf = (hasEntries: boolean): Rotary | null =>
    blocks.find(({ compressed }) => compressed !== null && (compressed.compressor !== null) === hasEntries)?.rotary ??
    null;
  const [main, compress] = [ownOf(false), ownOf(true)];
  const theta =
    parameters?.optionalNumber('rope_theta') ?? reader.optionalNumber('compress_rope_theta') ?? COMPRESS_THETA;
  return {
    main: main === null ? null : { own: main, theirs: { theta: thetaOf(main), yarn: null } },
    compress:
      compress === null
        ? null
        : {
            own: compress,
            theirs: {
              theta,
              yarn:
                isScaled && parameters !== null
                  ? { ...yarnSizes(parameters), multiplier: null, allDimensions: null }
                  : null,
            },
          },
  };
};

/** Base of DeepSeek-V4's layers with entries, where a config does not name it. */
const COMPRESS_THETA = 160000;

/** Describes differences in the rotation of compressed attention between llama.cpp and the model. */
export const compressedRotaryProblems = (model: ModelDescriptor, config: Config): readonly string[] => {
  const { main, compress } = compressedRotaries(model, config);
  return [main ?? [], compress ?? []].flat().flatMap(({ own, theirs }) => oddPair(own, theirs) ?? []);
};

/** What a file states about rotation. */
export interface WrittenRotary {
  readonly dimensions: number;
  readonly theta: number;
  /** Rotation of layers with a window, where the architecture has keys of their own for it; null: the same. */
  readonly windowed: { readonly dimensions: number; readonly theta: number } | null;
  /** Base of layers of compressed attention with entries of several tokens; null: another attention. */
  readonly compressTheta: number | null;
  readonly yarn: LlamaRotary['yarn'];
}

/** What a model's file states about rotation; null: no layer rotates. */
export const writtenRotary = ({
  model,
  config,
  architecture: { name, windows },
}: {
  readonly model: ModelDescriptor;
  readonly config: Config;
  readonly architecture: LlamaArchitecture;
}): WrittenRotary | null => {
  if (name === 'deepseek4') {
    const { main, compress } = compressedRotaries(model, config);
    const first = main ?? compress;
    return first === null
      ? null
      : {
          dimensions: first.own.dimensions,
          theta: main?.theirs.theta ?? 10000,
          windowed: null,
          compressTheta: compress?.theirs.theta ?? COMPRESS_THETA,
          yarn: compress?.theirs.yarn ?? null,
        };
  }
  const { whole, windowed } = rotariesOf(model);
  const first = whole ?? windowed;
  return first === null
    ? null
    : {
        dimensions: first.dimensions,
        ...readLlamaRotary(model, config, first),
        windowed:
          windows === 'stated' && windowed !== null
            ? { dimensions: windowed.dimensions, theta: readLlamaRotary(model, config, windowed).theta }
            : null,
        compressTheta: null,
      };
};
