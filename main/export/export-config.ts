import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { canonicalJson } from '../workspace/canonical-json.ts';
import { editJsonNumbers } from './edit-json-numbers.ts';

/** E' of a plan with the same number of experts in every layer. */
export const keptExperts = (plan: Plan): number => (isMergePlan(plan) ? plan.groups[0] : plan.kept[0])?.length ?? 0;

/** Keys of config.json that a plan changes. top-k is none of them: a plan leaves at least top-k experts. */
const changedKeys = ({ descriptor }: Checkpoint, plan: Plan): Readonly<Record<string, number>> =>
  Object.fromEntries(descriptor.configKeys.experts.map((key) => [key, keptExperts(plan)]));

/** config.json of the pruned checkpoint: the source's text with the number of experts edited. */
export const exportedConfig = async (checkpoint: Checkpoint, plan: Plan): Promise<string> => {
  const text = await readFile(path.join(checkpoint.folder, 'config.json'), 'utf8');
  return editJsonNumbers(text, changedKeys(checkpoint, plan));
};

/** What is wrong with the config of an export, one sentence per key. */
export const configProblems = (checkpoint: Checkpoint, plan: Plan, exported: Readonly<Record<string, unknown>>): readonly string[] => {
  const expected: Readonly<Record<string, unknown>> = { ...checkpoint.config, ...changedKeys(checkpoint, plan) };
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(exported)])];
  return keys.flatMap((key) => {
    const [is, wanted] = [shown(exported[key]), shown(expected[key])];
    return is === wanted ? [] : [`config.json: "${key}" is ${is} instead of ${wanted}.`];
  });
};

const shown = (value: unknown): string => (value === undefined ? 'missing' : canonicalJson(value));
