import { present } from '../../contract/errors.ts';
import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { carriedParts, inputOf } from '../../graph/carried.ts';
import { streamWidth } from '../../graph/stream.ts';
import { blockFeeds } from '../batch.ts';
import type { BlockPool } from '../block-pool.ts';
import { pause, type Executor, type ResolvedCandidate } from '../executor.ts';
import { maskOfTokens } from '../run-block.ts';
import type { Scorer } from '../scorer.ts';
import { floatsOf, floatTensor, type Feeds, zeros } from '../session.ts';
import type { CarriedCache } from './carried-cache.ts';
import type { StepBatch } from './step-batch.ts';

/** Parts of an open model that decoding needs. */
export interface DecodingEngine {
  readonly model: ModelDescriptor;
  readonly pool: BlockPool;
  readonly executor: Pick<Executor, 'embed'>;
  readonly scorer: Pick<Scorer, 'greedy' | 'logits'>;
}

/** A batch of one step, with the source and destination of what its sequences carry. */
export interface StepWork {
  readonly batch: StepBatch;
  /** Slot and column of the cache `into` for the first running token of each sequence. */
  readonly cells: readonly { readonly slot: number; readonly column: number }[];
  readonly into: CarriedCache;
  /** Carried by its sequences, as inputs of a block (`pastKey` and so on). */
  readonly past: (block: number) => Feeds;
  /** Prefixes of its candidates, as `prefixKey` and `prefixValue` of a block with attention. */
  readonly prefix: (block: number) => Feeds;
}

export interface StepControl {
  readonly signal: AbortSignal;
  /** Called with the number of tokens that passed through one more block. */
  readonly advance: (tokens: number) => void;
}

/**
 * Takes batches through all blocks, block by block, so that a streamed model opens each block once for all of them, and
 * stores what they carry in the caches. Candidates differ by mask only. Returns the hidden states [B, H] of each
 * sequence's last token, per batch.
 */
export const runStep = async (
  { model, pool, executor }: DecodingEngine,
  candidates: readonly ResolvedCandidate[],
  works: readonly StepWork[],
  { signal, advance }: StepControl,
): Promise<readonly Float32Array[]> => {
  const hidden: Float32Array[] = [];
  for (const { batch } of works) hidden.push(await executor.embed(batch.tokenIds));
  for (const [block, described] of model.blocks.entries()) {
    const variant = present(candidates[0]?.variants[block], `no variant of block ${block}`);
    const names = carriedParts(described).map(({ name }) => name);
    const masks = candidates.map(({ variants }) => variants[block]?.mask ?? new Float32Array());
    for (const [index, { batch, cells, into, past, prefix }] of works.entries()) {
      await pause(signal);
      const session = await pool.acquire(block, variant, 'cached');
      const input = floatTensor(hidden[index] ?? new Float32Array(), [batch.tokens, streamWidth(model)]);
      const feeds = {
        ...blockFeeds(model, block, batch),
        ...past(block),
        ...prefix(block),
        hidden: input,
        ...maskOfTokens(masks, batch.candidateOf),
      };
      const { hiddenOut, ...outputs } = await session.run(feeds, ['hiddenOut', ...names]);
      if (hiddenOut === undefined) throw new Error(`block ${block} without outputs`);
      hidden[index] = floatsOf(hiddenOut);
      const fresh = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, floatsOf(tensor)]));
      cells.forEach(({ slot, column }, sequence) => {
        const [firstRow, lastRow] = [batch.firstRow[sequence] ?? 0, batch.lastRow[sequence] ?? 0];
        into.write(block, { slot, column, sequence, firstRow, tokens: lastRow - firstRow + 1 }, fresh);
      });
      advance(batch.tokens);
    }
  }
  return works.map(({ batch }, index) => lastStates(hidden[index] ?? new Float32Array(), batch, streamWidth(model)));
};

const lastStates = (hidden: Float32Array, { lastRow }: StepBatch, width: number): Float32Array => {
  const states = new Float32Array(lastRow.length * width);
  lastRow.forEach((row, index) => {
    states.set(hidden.subarray(row * width, (row + 1) * width), index * width);
  });
  return states;
};

/**
 * A block's inputs where `count` sequences (or candidates) have nothing before them: keys and values of one column that
 * no token sees, or states of zeros.
 */
export const nothingCarried = (
  { blocks }: ModelDescriptor,
  block: number,
  count: number,
  before: 'past' | 'prefix',
): Feeds => {
  const described = present(blocks[block], `no block ${block}`);
  return Object.fromEntries(
    carriedParts(described).map((part) => {
      const [heads = 0, ...others] = part.shape;
      const shape = part.perToken ? [count, heads, 1, ...others] : [count, ...part.shape];
      return [inputOf(before, part), zeros(shape)];
    }),
  );
};
