import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import type { ForwardResult } from '../inference/model-runner.ts';
import { seededRandom } from '../statistics/random.ts';

/** Lengths tried: a single token, odd ones, and enough to fill several experts and exceed a short window. */
const LENGTHS = [1, 2, 7, 33, 64, 128, 257];
/** Logits kept per model (tokens x vocabulary): 128 MB of float32. */
const MAX_LOGITS = 2 ** 25;
const SEED = 20250101;

/**
 * Token sequences for comparing two models, reproducible for the same vocabulary and positions: uniform over the
 * vocabulary, of several lengths, none longer than the model's positions.
 */
export const probeSequences = ({
  vocabulary,
  maxPositions,
}: Pick<ModelDescriptor, 'vocabulary' | 'maxPositions'>): readonly (readonly number[])[] => {
  const random = seededRandom(SEED);
  const sequences: number[][] = [];
  let left = Math.floor(MAX_LOGITS / vocabulary);
  for (const length of LENGTHS) {
    const tokens = Math.min(length, maxPositions);
    if (sequences.length > 0 && tokens > left) break;
    sequences.push(Array.from({ length: tokens }, () => random.integer(vocabulary)));
    left -= tokens;
  }
  return sequences;
};

/** The difference reported for numbers that cannot be compared; JSON has no infinity. */
export const NOT_COMPARABLE = Number.MAX_VALUE;

/** Agreement of two models on the same sequences. */
export interface LogitComparison {
  /** Largest |a - b| / max(1, L) over all logits, a being the original's and L the largest |a| of its position. */
  readonly maxLogitDifference: number;
  readonly problems: readonly string[];
}

export interface ForwardComparison extends LogitComparison {
  readonly sameExperts: boolean;
}

/**
 * Compares the logits [T, V] of one sequence; `where` names it in problems. The bound is |a - b| <= tolerance * max(1,
 * L), with L the largest |a| of the position: logits are sums of terms as large as the position's largest logit, which
 * float32 rounds however small the sum. Measured on the bundled `switch` models, whose logits reach 5 to 20: masked
 * original and export differ from the same weights in float64 by up to 4.0e-5, PyTorch's float32 by up to 3.0e-5, which
 * is 4.9e-6 and 3.2e-6 of L; from each other by up to 2.8e-5, which is 4.1e-6 of L. Two swapped rows of one expert's
 * down projection differ by 0.07 to 1.4 of L. NaN agrees with nothing.
 */
export const compareLogits = (
  original: Float32Array,
  exported: Float32Array,
  tokens: number,
  tolerance: number,
  where: string,
): LogitComparison => {
  if (exported.length !== original.length) {
    return {
      maxLogitDifference: NOT_COMPARABLE,
      problems: [`${where}: ${String(exported.length)} logits instead of ${String(original.length)}.`],
    };
  }
  const vocabulary = original.length / tokens;
  const { largest, at } = largestDifference(original, exported, vocabulary);
  if (largest <= tolerance) return { maxLogitDifference: largest, problems: [] };
  const logit =
    `${where}, position ${String(Math.floor(at / vocabulary))}: the logit of token ` + String(at % vocabulary);
  return {
    maxLogitDifference: largest,
    problems: [`${logit} is ${String(exported[at])} instead of ${String(original[at])}.`],
  };
};

/**
 * Compares logits, and the set of experts that each token chose at each MoE layer. `keptIndex[layer]` maps the
 * original's expert numbers to those of the export.
 */
export const compareForward = (
  original: readonly ForwardResult[],
  exported: readonly ForwardResult[],
  keptIndex: readonly ReadonlyMap<number, number>[],
  tokens: readonly number[],
  tolerance: number,
): ForwardComparison => {
  const problems: string[] = [];
  let maxLogitDifference = 0;
  let sameExperts = true;
  original.forEach((ours, sequence) => {
    const theirs = exported[sequence];
    const length = tokens[sequence] ?? 0;
    if (theirs?.logits.length !== ours.logits.length || theirs.experts.length !== ours.experts.length) {
      sameExperts = false;
      maxLogitDifference = NOT_COMPARABLE;
      problems.push(`sequence ${String(sequence)}: the two models do not give the same numbers of logits and choices.`);
      return;
    }
    const logits = compareLogits(ours.logits, theirs.logits, length, tolerance, `sequence ${String(sequence)}`);
    maxLogitDifference = Math.max(maxLogitDifference, logits.maxLogitDifference);
    for (const problem of logits.problems) problems.push(problem);
    const choice = firstOtherChoice(ours.experts, theirs.experts, keptIndex, length);
    if (choice !== null) {
      sameExperts = false;
      problems.push(`sequence ${String(sequence)}, ${choice}.`);
    }
  });
  return { maxLogitDifference, sameExperts, problems };
};

const largestDifference = (
  ours: Float32Array,
  theirs: Float32Array,
  vocabulary: number,
): { readonly largest: number; readonly at: number } => {
  let largest = 0;
  let at = 0;
  for (let start = 0; start < ours.length; start += vocabulary) {
    const scale = largestMagnitude(ours.subarray(start, start + vocabulary));
    for (let index = start; index < Math.min(start + vocabulary, ours.length); index += 1) {
      const [a, b] = [ours[index] ?? 0, theirs[index] ?? 0];
      const difference = a === b ? 0 : Math.abs(a - b) / scale;
      if (difference <= largest) continue;
      at = index;
      if (!Number.isFinite(difference)) return { largest: NOT_COMPARABLE, at };
      largest = difference;
    }
  }
  return { largest, at };
};

/** Largest finite |logit| of a position, at least 1. */
const largestMagnitude = (logits: Float32Array): number => {
  let largest = 1;
  for (const logit of logits) {
    const magnitude = Math.abs(logit);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  return largest;
};

/** Describes the first layer and token with different sets of experts; arrays are [L, T, K]. */
const firstOtherChoice = (
  ours: Int32Array,
  theirs: Int32Array,
  keptIndex: readonly ReadonlyMap<number, number>[],
  tokens: number,
): string | null => {
  const layers = keptIndex.length;
  const topK = ours.length / (layers * tokens);
  for (let layer = 0; layer < layers; layer += 1) {
    for (let token = 0; token < tokens; token += 1) {
      const start = (layer * tokens + token) * topK;
      const wanted = [...ours.subarray(start, start + topK)]
        .map((expert) => keptIndex[layer]?.get(expert) ?? -1)
        .sort(ascending);
      const found = [...theirs.subarray(start, start + topK)].sort(ascending);
      if (String(wanted) !== String(found)) {
        return (
          `layer ${String(layer)}, position ${String(token)}: the export chose experts ${found.join(', ')} ` +
          `instead of ${wanted.join(', ')} (numbered as in the export)`
        );
      }
    }
  }
  return null;
};

const ascending = (a: number, b: number): number => a - b;
