import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { refuse } from '../../contract/errors.ts';
import { carriedParts } from '../../graph/carried.ts';
import { bytesPerColumn, bytesPerSequence } from './carried-cache.ts';
import { streamWidth } from '../../graph/stream.ts';

/** Memory that decoding takes in addition to the weights. */
export interface CacheBytes {
  /** Per token of one sequence in all blocks, including the second layout of one block while its cache grows. */
  readonly perColumn: number;
  /** Per sequence, whatever its length: the states of its blocks. */
  readonly perSequence: number;
  /** Per token of a prompt while it runs: hidden states before and after a block. */
  readonly perPromptToken: number;
}

export const cacheBytes = (model: ModelDescriptor): CacheBytes => {
  const blocks = model.blocks.map(carriedParts);
  const twoLayouts = 1 + 1 / blocks.length;
  return {
    perColumn: bytesPerColumn(blocks) * twoLayouts,
    perSequence: bytesPerSequence(blocks) * twoLayouts,
    perPromptToken: 2 * 4 * streamWidth(model),
  };
};

/** Needs of a group's rows: the longest prompt after the shared prefix, and the most columns of a row. */
export interface RowNeeds {
  readonly prefix: number;
  readonly mostPrompt: number;
  readonly mostColumns: number;
}

/** Bytes of `rows` rows that are written together. Caches are rectangular: every row takes as much as the longest. */
export const bytesOfRows = (
  { perColumn, perSequence, perPromptToken }: CacheBytes,
  rows: number,
  mostColumns: number,
  mostPrompt: number,
): number => rows * (perSequence + mostColumns * perColumn + mostPrompt * perPromptToken);

/** Bytes of a prefix of `tokens` tokens, stored for each of `candidates`. */
export const bytesOfPrefix = (
  { perColumn, perSequence, perPromptToken }: CacheBytes,
  candidates: number,
  tokens: number,
): number => (tokens === 0 ? 0 : candidates * (perSequence + tokens * (perColumn + perPromptToken)));

/**
 * Number of candidates, at most `count`, that fit together with one row.
 * @throws WorkbenchError `too-large` if not even one does.
 */
export const candidatesAtOnce = (
  bytes: CacheBytes,
  spareBytes: number,
  count: number,
  { prefix, mostPrompt, mostColumns }: RowNeeds,
): number => {
  const row = bytesOfRows(bytes, 1, mostColumns, mostPrompt);
  const perCandidate = bytesOfPrefix(bytes, 1, prefix);
  const needed = row + perCandidate;
  if (needed > spareBytes) {
    throw refuse(
      'too-large',
      `keys, values and states of one prompt of ${prefix + mostPrompt} tokens with the text written after ` +
        `it take ${megabytes(needed)}; the memory budget leaves ${megabytes(spareBytes)} beside the weights.`,
      'Raise the memory budget, or write fewer tokens after shorter prompts.',
    );
  }
  return perCandidate === 0 ? count : Math.min(count, Math.floor((spareBytes - row) / perCandidate));
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
