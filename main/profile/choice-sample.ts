import { seededRandom } from '../statistics/random.ts';

/** Most choices (layers x tokens x top-k) of a sample: 16 MB with their weights. */
export const MOST_CHOICES = 2 ** 21;
/** Most tokens of a sample: 4 MB with their windows. */
export const MOST_TOKENS = 2 ** 16;
/** Tokens kept before and after each sampled one. */
export const BEFORE = 8;
const BEHIND = 4;
export const WINDOW = BEFORE + 1 + BEHIND;
/** In a window: outside the sequence. */
export const NO_TOKEN = -1;
/** Fixed: the same sequences always give the same sample. */
const SEED = 0;

/**
 * Router choices for some tokens of a profile, sampled evenly from all of them, with their positions and surrounding
 * tokens. Of bounded size, whatever the number of tokens.
 */
export interface ChoiceSample {
  /** N. */
  readonly size: number;
  /** [N, WINDOW] token ids; the sampled token is at index BEFORE. */
  readonly windows: Int32Array;
  /** [N] position of the token in its sequence, from 0. */
  readonly positions: Int32Array;
  /** [L, N, K] chosen experts, by decreasing weight. */
  readonly experts: Int32Array;
  /** [L, N, K] combine weights. */
  readonly weights: Float32Array;
}

/**
 * Sample size N for a model of L layers with top-k experts on `tokens` tokens: all, where they fit the bounds. `most`:
 * most tokens.
 */
export const sampleSize = (layers: number, topK: number, tokens: number, most = MOST_TOKENS): number =>
  Math.min(tokens, most, Math.max(1, Math.floor(MOST_CHOICES / Math.max(1, layers * topK))));

/** `size` of the numbers 0 to total - 1, ascending, every subset equally likely (Knuth's algorithm S). */
const drawn = (size: number, total: number): readonly number[] => {
  const random = seededRandom(SEED);
  const chosen: number[] = [];
  for (let number = 0; number < total && chosen.length < size; number += 1)
    if ((total - number) * random.float() < size - chosen.length) chosen.push(number);
  return chosen;
};

export interface OpenSample {
  readonly sample: ChoiceSample;
  /** Row of each token of all sequences in their order; -1: not sampled. */
  readonly rows: Int32Array;
}

/** Samples at most `most` tokens of sequences, with room for their choices. */
export const openChoiceSample = (
  sequences: readonly (readonly number[])[],
  layers: number,
  topK: number,
  most = MOST_TOKENS,
): OpenSample => {
  const total = sequences.reduce((sum, { length }) => sum + length, 0);
  const size = sampleSize(layers, topK, total, most);
  const rows = new Int32Array(total).fill(-1);
  drawn(size, total).forEach((number, row) => {
    rows[number] = row;
  });
  const windows = new Int32Array(size * WINDOW).fill(NO_TOKEN);
  const positions = new Int32Array(size);
  let number = 0;
  for (const sequence of sequences) {
    for (let position = 0; position < sequence.length; position += 1, number += 1) {
      const row = rows[number] ?? -1;
      if (row < 0) continue;
      positions[row] = position;
      for (let at = 0; at < WINDOW; at += 1) windows[row * WINDOW + at] = sequence[position - BEFORE + at] ?? NO_TOKEN;
    }
  }
  const choices = layers * size * topK;
  const sample = { size, windows, positions, experts: new Int32Array(choices), weights: new Float32Array(choices) };
  return { sample, rows };
};

/** Adds a layer's choices for tokens; `numbers` are their indices among all sequences, some of which are sampled. */
export const addChoices = (
  { sample, rows }: OpenSample,
  layer: number,
  topK: number,
  numbers: readonly number[],
  { experts, weights }: { readonly experts: Int32Array; readonly weights: Float32Array },
): void => {
  numbers.forEach((number, token) => {
    const row = rows[number] ?? -1;
    if (row < 0) return;
    const to = (layer * sample.size + row) * topK;
    sample.experts.set(experts.subarray(token * topK, (token + 1) * topK), to);
    sample.weights.set(weights.subarray(token * topK, (token + 1) * topK), to);
  });
};

/** A sample for one layer: choices [N, K]. */
export interface LayerSample extends Omit<ChoiceSample, 'experts' | 'weights'> {
  readonly topK: number;
  readonly experts: Int32Array;
  readonly weights: Float32Array;
}
