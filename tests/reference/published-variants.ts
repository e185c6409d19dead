import { readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describeModel } from '../../main/checkpoint/describe-model.ts';
import type { ModelDescriptor } from '../../main/checkpoint/descriptor.ts';
import { familyOfConfig, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { WorkbenchError } from '../../main/contract/errors.ts';
import type { Plan } from '../../main/contract/plan.ts';
import { uncancelled } from '../main/inference/open-runner.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';
import { openModelRunner } from '../open-model-runner.ts';
import {
  changedConfig,
  decodedLogits,
  isAbsent,
  publishedFixture,
  publishedFolder,
  sentenceOf,
  type Variant,
  writePublished,
} from './published-fixture.ts';

/** Largest difference to the referee, relative to the largest logit. */
export const RELATIVE_TOLERANCE = 1e-4;

export const publishedNames = readdirSync(publishedFolder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace('.json', ''))
  .sort();

export const logitsOf = async (
  folder: string,
  tokens: readonly number[],
  plan: Plan | null = null,
): Promise<Float32Array> => {
  const runner = await openModelRunner(await openCheckpoint(folder), {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    streamed: false,
    overlayFolder: await temporaryFolder(),
  });
  try {
    const [result] = await runner.forward([tokens], plan, uncancelled);
    return result?.logits ?? new Float32Array();
  } finally {
    await runner.dispose();
  }
};

/** Largest difference, relative to the largest number of `theirs`. */
export const relative = (ours: ArrayLike<number>, theirs: ArrayLike<number>, most?: number): number => {
  let [difference, largest] = [0, most ?? 0];
  for (let at = 0; at < theirs.length; at += 1) {
    const [own = NaN, other = NaN] = [ours[at], theirs[at]];
    const apart = Math.abs(own - other);
    if (!(apart <= difference)) difference = apart;
    if (most === undefined) largest = Math.max(largest, Math.abs(other));
  }
  return difference / largest;
};

/** Types whose class in transformers leaves `rope_scaling` unread; here scaled angles are refused. */
const withoutScalings: readonly string[] = ['cohere2_moe'];

/** Changes that transformers computes and that are never refused: scalings of angles, and biases. */
const mustCompute = (name: string, { path, value, end }: Variant): boolean =>
  ['rope_scaling', 'rope_parameters'].includes(path.at(-1) ?? '')
    ? JSON.stringify(value).includes('"factor"') && !withoutScalings.includes(name)
    : value === true && Array.isArray(end) && ['attention_bias', 'mlp_bias'].includes(path.at(-1) ?? '');

/** Fields of a descriptor that decide the logits of short texts. */
const deciding = ({ maxPositions: _, statedPositions: __, configKeys: ___, ...rest }: ModelDescriptor): unknown => rest;

/**
 * Variants of a fixture, in words with their error, with which this program computes other logits than the referee, or
 * refuses what it has to compute.
 */
export const wrongVariants = async (
  name: string,
  isRead: (variant: Variant) => boolean,
): Promise<readonly string[]> => {
  const fixture = publishedFixture(name);
  const base = await writePublished(fixture);
  const { tensors, descriptor } = await openCheckpoint(base);
  const wrong: string[] = [];
  for (const variant of fixture.variants) {
    if (variant.end === 'refused' || !isRead(variant)) continue;
    try {
      if (variant.end === 'same') {
        const own = changedConfig(fixture, variant);
        const described = describeModel(familyOfConfig(own, base), own, tensors, base);
        if (isDeepStrictEqual(deciding(described), deciding(descriptor))) continue;
      }
      const ours = await logitsOf(await writePublished(fixture, variant), fixture.tokens);
      const vocabulary = ours.length / fixture.tokens.length;
      const difference =
        variant.end === 'same'
          ? relative(ours, decodedLogits(fixture))
          : relative(ours.slice(-vocabulary), variant.end, variant.most);
      if (!(difference < RELATIVE_TOLERANCE)) wrong.push(`${sentenceOf(variant)}: off by ${difference.toFixed(4)}`);
    } catch (error) {
      if (!(error instanceof WorkbenchError)) throw error;
      if (mustCompute(name, variant)) wrong.push(`${sentenceOf(variant)}: ${error.message}`);
    }
  }
  return wrong;
};

/** Whether a variant leaves a key out that changes the logits: read in `npm run test:interop` alone. */
export const isAbsentAndDecides = (variant: Variant): boolean => isAbsent(variant) && typeof variant.end !== 'string';
