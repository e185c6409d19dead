import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import { seededRandom } from '../evaluation/random.ts';

/** Lengths tried: a lone token, odd ones, and enough to fill several experts and reach beyond a short window. */
const LENGTHS = [1, 2, 7, 33, 64, 128, 257];
/** Logits kept per model (tokens x vocabulary): 128 MB of float32. */
const MAX_LOGITS = 2 ** 25;
const SEED = 20250101;

/**
 * Token sequences for a comparison of two models, the same for the same vocabulary and positions: uniform over the
 * vocabulary, of several lengths, none longer than the model's positions.
 */
export const probeSequences = ({ vocabulary, maxPositions }: Pick<ModelDescriptor, 'vocabulary' | 'maxPositions'>): readonly (readonly number[])[] => {
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
