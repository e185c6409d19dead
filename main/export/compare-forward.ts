import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import type { ForwardResult } from '../inference/model-runner.ts';
import { seededRandom } from '../statistics/random.ts';

/** Lengths tried: a lone token, odd ones, and enough to fill several experts and reach beyond a short window. */
const LENGTHS = [1, 2, 7, 33, 64, 128, 257];
/** Logits kept per model (tokens x vocabulary): 128 MB of float32. */
const MAX_LOGITS = 2 ** 25;
const SEED = 20250101;

/**
 * Token sequences for a comparison of two models, the same for the same vocabulary and positions: uniform over the
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

/** Stands for the difference of numbers that cannot be compared; JSON has no infinity. */
export const NOT_COMPARABLE = Number.MAX_VALUE;

/** Agreement of two models on the same sequences. */
export interface LogitComparison {
  /** Largest |a - b| / max(1, |a|) over all logits, a being the original's. */
  readonly maxLogitDifference: number;
  readonly problems: readonly string[];
}

export interface ForwardComparison extends LogitComparison {
  readonly sameExperts: boolean;
}

/**
 * Compares the logits [T, V] of one sequence; `where` names it in problems. A difference is absolute for logits up to 1
 * and relative beyond: |a - b| <= tolerance * max(1, |a|). Not-a-number agrees with nothing.
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
  const { largest, at } = largestDifference(original, exported);
  if (largest <= tolerance) return { maxLogitDifference: largest, problems: [] };
  const vocabulary = original.length / tokens;
  const place =
    `${where}, position ${String(Math.floor(at / vocabulary))}: the logit of token ` + String(at % vocabulary);
  return {
    maxLogitDifference: largest,
    problems: [`${place} is ${String(exported[at])} instead of ${String(original[at])}.`],
  };
};

/**
 * Compares logits, and the set of experts that each token chose at each MoE layer. `keptIndex[layer]` takes the
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
    problems.push(...logits.problems);
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
): { readonly largest: number; readonly at: number } => {
  let largest = 0;
  let at = 0;
  for (let index = 0; index < ours.length; index += 1) {
    const [a, b] = [ours[index] ?? 0, theirs[index] ?? 0];
    const difference = a === b ? 0 : Math.abs(a - b) / Math.max(1, Math.abs(a));
    if (difference <= largest) continue;
    at = index;
    if (!Number.isFinite(difference)) return { largest: NOT_COMPARABLE, at };
    largest = difference;
  }
  return { largest, at };
};

/** First layer and token whose sets of experts differ, in words; arrays are [L, T, K]. */
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
