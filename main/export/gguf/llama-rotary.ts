import { ConfigReader } from '../../checkpoint/config-reader.ts';
import type { ModelDescriptor, Rotary } from '../../checkpoint/descriptor.ts';
import { yarnMagnitude } from '../../checkpoint/rotary.ts';
import type { GgufValue } from './gguf-header.ts';

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
const readLlamaRotary = (model: ModelDescriptor, config: Readonly<Record<string, unknown>>): LlamaRotary => {
  const reader = new ConfigReader(config, 'config.json', {});
  const parameters = reader.object('rope_parameters') ?? reader.object('rope_scaling');
  const theta =
    parameters?.optionalNumber('rope_theta') ?? reader.optionalNumber('rope_theta') ?? thetaOf(firstRotary(model));
  const kind = parameters?.raw('rope_type') ?? parameters?.raw('type') ?? 'default';
  if (parameters === null || kind === 'default') return { theta, yarn: null };
  // Another base at every length (Hunyuan's alpha), which the frequencies contain.
  if (kind === 'dynamic') return { theta: thetaOf(firstRotary(model)), yarn: null };
  return {
    theta,
    yarn: {
      factor: parameters.number('factor'),
      original: parameters.integer('original_max_position_embeddings'),
      multiplier: parameters.optionalNumber('mscale'),
      allDimensions: parameters.optionalNumber('mscale_all_dim'),
    },
  };
};

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

/** The rotation of all blocks: every architecture here rotates alike everywhere. */
const firstRotary = ({ blocks: [first] }: ModelDescriptor): Rotary => {
  if (first?.rotary === null || first === undefined) throw new Error('a model without rotation');
  return first.rotary;
};

/** Describes differences in rotation between llama.cpp and the model. */
export const rotaryProblems = (
  model: ModelDescriptor,
  config: Readonly<Record<string, unknown>>,
  yarnProven: boolean,
): string[] => {
  const rotary = readLlamaRotary(model, config);
  const { yarn } = rotary;
  if (yarn !== null && !yarnProven) return [`its rotary embedding is scaled by yarn, which is not proven for it`];
  const problems: string[] = [];
  const own = firstRotary(model);
  const theirs = llamaFrequencies(own, rotary);
  const other = own.frequencies.findIndex((frequency, pair) => {
    const found = theirs[pair] ?? 0;
    return Math.abs(found - frequency) > SAME * frequency;
  });
  if (other !== -1)
    problems.push(
      `llama.cpp rotates pair ${String(other)} by ${String(theirs[other])} a position instead of ` +
        String(own.frequencies[other]),
    );
  const latent = model.blocks.some(({ attention }) => attention?.kind === 'latent');
  const magnitude = yarn === null || latent ? 1 : yarnMagnitude(yarn.factor, 1);
  if (Math.abs(own.magnitude - magnitude) > SAME)
    problems.push(`its rotary embedding is scaled by ${String(own.magnitude)} instead of ${String(magnitude)}`);
  if (yarn !== null && latent && (yarn.allDimensions === null || yarn.allDimensions !== yarn.multiplier))
    problems.push('its yarn has no mscale_all_dim that equals its mscale');
  return problems;
};

/** Metadata of the rotary embedding; keys without the architecture's name. */
export const rotaryMetadata = (
  model: ModelDescriptor,
  config: Readonly<Record<string, unknown>>,
): readonly (readonly [string, GgufValue])[] => {
  const { theta, yarn } = readLlamaRotary(model, config);
  const keys: (readonly [string, GgufValue])[] = [
    ['rope.dimension_count', { kind: 'uint32', value: firstRotary(model).dimensions }],
    ['rope.freq_base', { kind: 'float32', value: theta }],
  ];
  if (yarn === null) return keys;
  keys.push(
    ['rope.scaling.type', { kind: 'string', value: 'yarn' }],
    ['rope.scaling.factor', { kind: 'float32', value: yarn.factor }],
    ['rope.scaling.original_context_length', { kind: 'uint32', value: yarn.original }],
  );
  // DeepSeek's architecture divides by the 0.1 again.
  if (yarn.allDimensions !== null)
    keys.push(['rope.scaling.yarn_log_multiplier', { kind: 'float32', value: 0.1 * yarn.allDimensions }]);
  return keys;
};
