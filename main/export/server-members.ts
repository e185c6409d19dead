import { z } from 'zod';
import { boundedList, boundedText } from '../contract/bounds.ts';

/**
 * Config members that vLLM 0.32 needs and transformers, which knows them from the family, does not write
 * (deepseek_v2.py: without them it uses a softmax and has no parameter for the router's correction).
 */
const unwritten: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  ['deepseek_v3', { scoring_func: 'sigmoid', topk_method: 'noaux_tc' }],
]);

/** Families whose exports vLLM was tried with (tests/interop/loaders.test.ts). */
export const triedInVllm: ReadonlySet<string> = new Set([
  'mixtral',
  'qwen2_moe',
  'qwen3_moe',
  'olmoe',
  'glm4_moe',
  'granitemoe',
  'granitemoeshared',
  'phimoe',
  'deepseek_v3',
  'dots1',
  'solar_open',
  'exaone_moe',
  'hunyuan_v1_moe',
  'llama4_text',
  'gemma4_text',
  'glm4_moe_lite',
  'ernie4_5_moe',
  'granitemoehybrid',
  'lfm2_moe',
]);

/** Architectures with different names in transformers and in vLLM (registry.py). */
const otherNames: ReadonlyMap<string, string> = new Map([['PhimoeForCausalLM', 'PhiMoEForCausalLM']]);

const angles = z.looseObject({
  attn_config: z.looseObject({ rope_theta: z.unknown().optional() }).nullish(),
  rope_parameters: z.unknown().optional(),
  rope_scaling: z.unknown().optional(),
});
const named = z.looseObject({ architectures: boundedList(boundedText).optional() });

/**
 * transformers 5.24 turns DBRX by the default angles unless `rope_parameters` says theta, which released configs have
 * in `attn_config` alone.
 */
const dbrxTheta = (family: string, config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  if (family !== 'dbrx') return {};
  const { attn_config: inner, rope_parameters: parameters, rope_scaling: scaling } = angles.parse(config);
  return typeof inner?.rope_theta !== 'number' || parameters != null || scaling != null
    ? {}
    : { rope_parameters: { rope_theta: inner.rope_theta, rope_type: 'default' } };
};

/** Members that an export adds to config.json so that servers compute the same as the model. */
export const serverMembers = (
  family: string,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => {
  const added: Record<string, unknown> = { ...dbrxTheta(family, config) };
  for (const [key, value] of Object.entries(unwritten.get(family) ?? {}))
    if (config[key] === undefined || config[key] === null) added[key] = value;
  const { architectures = [] } = named.parse(config);
  const also = architectures
    .flatMap((name) => otherNames.get(name) ?? [])
    .filter((name) => !architectures.includes(name));
  if (also.length > 0) added['architectures'] = [...architectures, ...also];
  return added;
};
