import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import type { KeyValueShape } from '../../graph/attention.ts';
import { streamWidth } from '../../graph/stream.ts';
import { attentionFeeds } from '../batch.ts';
import type { BlockPool } from '../block-pool.ts';
import { pause, type Executor, type ResolvedCandidate } from '../executor.ts';
import { maskOfTokens } from '../run-block.ts';
import type { Scorer } from '../scorer.ts';
import { floatsOf, floatTensor, type Feeds } from '../session.ts';
import type { FedKeysAndValues, KeyValueCache } from './key-value-cache.ts';
import type { StepBatch } from './step-batch.ts';

/** Parts of an open model that decoding needs. */
export interface DecodingEngine {
  readonly model: ModelDescriptor;
  readonly pool: BlockPool;
  readonly executor: Pick<Executor, 'embed'>;
  readonly scorer: Pick<Scorer, 'greedy'>;
}

/** A batch of one step, with the source and destination of its keys and values. */
export interface StepWork {
  readonly batch: StepBatch;
  /** Slot and column of the cache `into` for the first running token of each sequence. */
  readonly cells: readonly { readonly slot: number; readonly column: number }[];
  readonly into: KeyValueCache;
  /** Cached tokens of its sequences, as `pastKey` and `pastValue` of a block. */
  readonly past: (block: number) => Feeds;
  /** Prefixes of its candidates, as `prefixKey` and `prefixValue` of a block. */
  readonly prefix: (block: number) => Feeds;
}

export interface StepControl {
  readonly signal: AbortSignal;
  /** Called with the number of tokens that passed through one more block. */
  readonly advance: (tokens: number) => void;
}

/**
 * Takes batches through all blocks, block by block, so that a streamed model opens each block once for all of them, and
 * stores their keys and values in the caches. Candidates differ by mask only. Returns the hidden states [B, H] of each
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
  for (const block of model.blocks.keys()) {
    const variant = candidates[0]?.variants[block];
    if (variant === undefined) throw new Error(`no variant of block ${String(block)}`);
    const masks = candidates.map(({ variants }) => variants[block]?.mask ?? new Float32Array());
    for (const [index, { batch, cells, into, past, prefix }] of works.entries()) {
      await pause(signal);
      const session = await pool.acquire(block, variant, 'cached');
      const input = floatTensor(hidden[index] ?? new Float32Array(), [batch.tokens, streamWidth(model)]);
      const feeds = {
        ...batch.feeds,
        ...past(block),
        ...prefix(block),
        ...attentionFeeds(model, block, batch),
        hidden: input,
        ...maskOfTokens(masks, batch.candidateOf),
      };
      const { hiddenOut, key, value } = await session.run(feeds, ['hiddenOut', 'key', 'value']);
      if (hiddenOut === undefined || key === undefined || value === undefined)
        throw new Error(`block ${String(block)} without outputs`);
      hidden[index] = floatsOf(hiddenOut);
      const fresh = { key: floatsOf(key), value: floatsOf(value) };
      cells.forEach(({ slot, column }, sequence) => {
        const [first, last] = [batch.firstRow[sequence] ?? 0, batch.lastRow[sequence] ?? 0];
        into.write(block, slot, column, last - first + 1, first, fresh);
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

/** Empty keys and values for `count` sequences (or candidates): one column that no token sees. */
export const nothingHeld = (
  { heads, keyDimension, valueDimension }: KeyValueShape,
  count: number,
): FedKeysAndValues => ({
  key: floatTensor(new Float32Array(count * heads * keyDimension), [count, heads, 1, keyDimension]),
  value: floatTensor(new Float32Array(count * heads * valueDimension), [count, heads, 1, valueDimension]),
});
