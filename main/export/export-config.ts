import path from 'node:path';
import { CONSTANTS_KEY } from '../checkpoint/describe-moe.ts';
import { type Checkpoint, MAX_CONFIG_BYTES } from '../checkpoint/open-checkpoint.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { readText } from '../files/regular-file.ts';
import { editJsonMembers } from './edit-json.ts';
import { serverMembers } from './server-members.ts';

/** E' of a plan with the same number of experts in every layer. */
export const keptExperts = (plan: Plan): number => (isMergePlan(plan) ? plan.groups[0] : plan.kept[0])?.length ?? 0;

/**
 * Keys of config.json that a plan changes. top-k is none of them: a plan leaves at least top-k experts. Constants leave
 * their number as it is, and are named by layer.
 */
const changedKeys = ({ descriptor }: Checkpoint, plan: Plan): Readonly<Record<string, unknown>> => {
  if (isMergePlan(plan) || plan.constants === undefined)
    return Object.fromEntries(descriptor.configKeys.experts.map((key) => [key, keptExperts(plan)]));
  const byLayer = descriptor.moeLayers.map(({ block, moe }, layer) => {
    const kept = plan.kept[layer] ?? [];
    const gone = Array.from({ length: moe.experts }, (_, expert) => expert).filter((expert) => !kept.includes(expert));
    return [String(block), gone] as const;
  });
  return { [CONSTANTS_KEY]: Object.fromEntries(byLayer) };
};

/**
 * config.json of the pruned checkpoint: the source's text with the number of experts edited, and with what servers read
 * where the source leaves it out.
 */
export const exportedConfig = async (checkpoint: Checkpoint, plan: Plan): Promise<string> => {
  const text = await readText(path.join(checkpoint.folder, 'config.json'), { mostBytes: MAX_CONFIG_BYTES });
  const { descriptor, config } = checkpoint;
  return editJsonMembers(text, { ...changedKeys(checkpoint, plan), ...serverMembers(descriptor.family, config) });
};

/** What is wrong with the config of an export, one sentence per key. */
export const configProblems = (
  checkpoint: Checkpoint,
  plan: Plan,
  exported: Readonly<Record<string, unknown>>,
): readonly string[] => {
  const { config, descriptor } = checkpoint;
  const expected: Readonly<Record<string, unknown>> = { ...config, ...changedKeys(checkpoint, plan) };
  const added = serverMembers(descriptor.family, config);
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(exported)])];
  return keys.flatMap((key) => {
    const [is, wanted] = [shown(exported[key]), shown(expected[key])];
    // Exports of earlier versions lack what servers read.
    return is === wanted || (key in added && is === shown(added[key]))
      ? []
      : [`config.json: "${key}" is ${is} instead of ${wanted}.`];
  });
};

const shown = (value: unknown): string => (value === undefined ? 'missing' : canonicalJson(value));
