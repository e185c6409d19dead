import { z } from 'zod';

/**
 * What vLLM 0.32 reads of a config where transformers, which knows it by the family, writes nothing (deepseek_v2.py:
 * without them it takes a softmax, and finds no place for the router's correction).
 */
const unwritten: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  ['deepseek_v3', { scoring_func: 'sigmoid', topk_method: 'noaux_tc' }],
]);

/** Names of one architecture in transformers and in vLLM (registry.py), where they differ. */
const otherNames: ReadonlyMap<string, string> = new Map([['PhimoeForCausalLM', 'PhiMoEForCausalLM']]);

const named = z.looseObject({ architectures: z.array(z.string()).optional() });

/** Members of config.json that an export gains, so that servers compute what the model does. */
export const serverMembers = (
  family: string,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => {
  const added: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(unwritten.get(family) ?? {}))
    if (config[key] === undefined || config[key] === null) added[key] = value;
  const { architectures = [] } = named.parse(config);
  const also = architectures
    .flatMap((name) => otherNames.get(name) ?? [])
    .filter((name) => !architectures.includes(name));
  if (also.length > 0) added['architectures'] = [...architectures, ...also];
  return added;
};
