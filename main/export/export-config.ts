import path from 'node:path';
import { z } from 'zod';
import { boundedRecord, boundedText } from '../contract/bounds.ts';
import { CONSTANTS_KEY } from '../checkpoint/describe-moe.ts';
import { PREDICTION_KEYS } from '../checkpoint/describe-prediction.ts';
import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import { type Checkpoint, MAX_CONFIG_BYTES } from '../checkpoint/open-checkpoint.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import type { PredictionChoice } from '../contract/export.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { isGgufPath } from '../files/list-folder.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { parsePythonJson } from '../files/parse-json.ts';
import { readText } from '../files/regular-file.ts';
import { editJsonMembers, editJsonMembersWithin } from './edit-json.ts';
import { serverMembers } from './server-members.ts';

/** E': the number of experts of a plan that keeps the same number in every layer. */
export const keptExperts = (plan: Plan): number => (isMergePlan(plan) ? plan.groups[0] : plan.kept[0])?.length ?? 0;

/**
 * Keys of config.json that a plan changes. top-k stays, since a plan leaves at least top-k experts. Constants keep the
 * number of experts and are listed by layer.
 */
const changedKeys = (checkpoint: Checkpoint, plan: Plan, mtp: PredictionChoice): Readonly<Record<string, unknown>> => ({
  ...expertKeys(checkpoint, plan),
  ...(mtp === 'drop' ? withoutPrediction(checkpoint) : {}),
});

/**
 * Keys that change where extra prediction layers are left out: none are counted, and the family's lists with an entry
 * for each of them too end with the model's last layer.
 */
const withoutPrediction = (checkpoint: Checkpoint): Readonly<Record<string, unknown>> => {
  const { prediction, blocks, configKeys } = checkpoint.descriptor;
  if (prediction.tensors.length === 0) return {};
  const config = textConfig(checkpoint);
  const counts = PREDICTION_KEYS.filter((key) => typeof config[key] === 'number');
  const lists = configKeys.padded.flatMap((key): (readonly [string, readonly unknown[]])[] => {
    const list = config[key];
    return Array.isArray(list) && list.length > blocks.length ? [[key, list.slice(0, blocks.length)]] : [];
  });
  const zeros = (counts.length === 0 ? [PREDICTION_KEYS[0]] : counts).map((key) => [key, 0] as const);
  return Object.fromEntries<unknown>([...zeros, ...lists]);
};

/** The object of config.json with the text model's keys. */
const textConfig = ({ config, descriptor }: Checkpoint): Readonly<Record<string, unknown>> => {
  const { within } = descriptor.configKeys;
  return within === null ? config : objectOf(config[within]);
};

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  boundedRecord(boundedText, z.unknown()).parse(value);

/** Experts that give back their input, with those whose rows dropped experts leave to trained gates. */
const identityKeys = ({ moeLayers, configKeys }: ModelDescriptor, plan: Plan): Readonly<Record<string, number>> => {
  const moe = moeLayers[0]?.moe;
  if (plan.gates?.kind !== 'trained' || configKeys.identities === null || moe === undefined) return {};
  return { [configKeys.identities]: moe.identities + moe.experts - keptExperts(plan) };
};

const expertKeys = ({ descriptor }: Checkpoint, plan: Plan): Readonly<Record<string, unknown>> => {
  if (isMergePlan(plan) || plan.constants === undefined)
    return {
      ...Object.fromEntries(descriptor.configKeys.experts.map((key) => [key, keptExperts(plan)])),
      ...identityKeys(descriptor, plan),
    };
  const byLayer = descriptor.moeLayers.map(({ block, moe }, layer) => {
    const kept = plan.kept[layer] ?? [];
    const gone = Array.from({ length: moe.experts }, (_, expert) => expert).filter((expert) => !kept.includes(expert));
    return [String(block), gone] as const;
  });
  return { [CONSTANTS_KEY]: Object.fromEntries(byLayer) };
};

/**
 * config.json of the pruned checkpoint: the source's text with the number of experts edited, and members added that
 * servers need and the source omits. The text of a GGUF file is the config that its metadata state.
 */
export const exportedConfig = async (
  checkpoint: Checkpoint,
  plan: Plan,
  mtp: PredictionChoice = 'drop',
): Promise<string> => {
  const { descriptor, config, folder } = checkpoint;
  const text = isGgufPath(folder)
    ? JSON.stringify(config)
    : await readText(path.join(folder, 'config.json'), { mostBytes: MAX_CONFIG_BYTES });
  return editJsonMembers(planned(text, checkpoint, plan, mtp), serverMembers(descriptor.family, config));
};

/** The object of a config.json's text, which may have numbers that JSON has not, as Python writes them. */
export const configOf = (text: string): Readonly<Record<string, unknown>> =>
  boundedRecord(boundedText, z.unknown()).parse(parsePythonJson(text));

/** The source's text with the changes of a plan. */
const planned = (text: string, checkpoint: Checkpoint, plan: Plan, mtp: PredictionChoice): string =>
  editJsonMembersWithin(text, changedWithin(checkpoint), changedKeys(checkpoint, plan, mtp));

/** The object whose keys a plan changes: of a text model with one for its experts, that; it has no further layers. */
const changedWithin = ({ descriptor: { configKeys } }: Checkpoint): string | null =>
  configKeys.expertsWithin ?? configKeys.within;

/**
 * Problems of an export's config: a sentence for each key with another value, or one if only the text differs (`4.0` in
 * place of `4` is another type to some loaders).
 */
export const configFileProblems = async (
  checkpoint: Checkpoint,
  plan: Plan,
  folder: string,
  mtp: PredictionChoice,
): Promise<readonly string[]> => {
  const file = path.join(folder, 'config.json');
  try {
    const text = await readText(file, { mostBytes: MAX_CONFIG_BYTES });
    if (text === (await exportedConfig(checkpoint, plan, mtp))) return [];
    const keys = configProblems(checkpoint, plan, parseConfig(file, text), mtp);
    return keys.length > 0 ? keys : ["config.json is not the source's text with the plan's changes."];
  } catch (error) {
    if (error instanceof WorkbenchError) return [error.message];
    throw error;
  }
};

const parseConfig = (file: string, text: string): Readonly<Record<string, unknown>> => {
  try {
    return configOf(text);
  } catch (cause) {
    throw refuse('bad-json', `${file} is not a JSON object.`, 'Export the model again.', cause);
  }
};

/** A sentence for each key of a config whose value differs from the export's. */
export const configProblems = (
  checkpoint: Checkpoint,
  plan: Plan,
  exported: Readonly<Record<string, unknown>>,
  mtp: PredictionChoice = 'drop',
): readonly string[] => {
  const { config, descriptor } = checkpoint;
  const within = changedWithin(checkpoint);
  const changed = changedKeys(checkpoint, plan, mtp);
  const expected: Readonly<Record<string, unknown>> = {
    ...config,
    ...(within === null ? changed : { [within]: { ...objectOf(config[within]), ...changed } }),
  };
  const added = serverMembers(descriptor.family, config);
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(exported)])];
  return keys.flatMap((key) => {
    const [is, wanted] = [shown(exported[key]), shown(expected[key])];
    return is === wanted || (key in added && is === shown(added[key]))
      ? []
      : [`config.json: "${key}" is ${is} instead of ${wanted}.`];
  });
};

const shown = (value: unknown): string => (value === undefined ? 'missing' : canonicalJson(value));
