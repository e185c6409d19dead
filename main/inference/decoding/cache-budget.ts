import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { refuse } from '../../contract/errors.ts';
import { cachedShape } from '../../graph/cached-attention.ts';
import { streamWidth } from '../../graph/stream.ts';
import { bytesPerColumn } from './key-value-cache.ts';

/** Memory that decoding takes in addition to the weights. */
export interface CacheBytes {
  /** Per token of one sequence in all blocks, including the second layout of one block while its cache grows. */
  readonly perColumn: number;
  /** Per token of a prompt while it runs: hidden states before and after a block. */
  readonly perPromptToken: number;
}

export const cacheBytes = (model: ModelDescriptor): CacheBytes => {
  const shapes = model.blocks.map(({ attention }) => cachedShape(attention));
  return { perColumn: bytesPerColumn(shapes) * (1 + 1 / shapes.length), perPromptToken: 2 * 4 * streamWidth(model) };
};

/** Needs of a group's rows: the longest prompt after the shared prefix, and the most columns of a row. */
export interface RowNeeds {
  readonly prefix: number;
  readonly mostPrompt: number;
  readonly mostColumns: number;
}

/** Bytes of `rows` rows that are written together. Caches are rectangular: every row takes as much as the longest. */
export const bytesOfRows = (
  { perColumn, perPromptToken }: CacheBytes,
  rows: number,
  mostColumns: number,
  mostPrompt: number,
): number => rows * (mostColumns * perColumn + mostPrompt * perPromptToken);

/** Bytes of a prefix of `tokens` tokens, stored for each of `candidates`. */
export const bytesOfPrefix = ({ perColumn, perPromptToken }: CacheBytes, candidates: number, tokens: number): number =>
  candidates * tokens * (perColumn + perPromptToken);

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
      `keys and values of one prompt of ${String(prefix + mostPrompt)} tokens with the text written after it take ` +
        `${megabytes(needed)}; the memory budget leaves ${megabytes(spareBytes)} beside the weights.`,
      'Raise the memory budget, or write fewer tokens after shorter prompts.',
    );
  }
  return perCandidate === 0 ? count : Math.min(count, Math.floor((spareBytes - row) / perCandidate));
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
