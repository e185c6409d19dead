import type { Tensor } from 'onnxruntime-node';
import { present } from '../../contract/errors.ts';
import type { ModelDescriptor } from '../../checkpoint/descriptor.ts';
import { carriedParts, inputOf } from '../../graph/carried.ts';
import { streamWidth } from '../../graph/stream.ts';
import { type Batch, blockFeeds, positionFeeds } from '../batch.ts';
import type { BlockPool } from '../block-pool.ts';
import { type Executor, pause, type ResolvedCandidate } from '../executor.ts';
import { maskOfTokens } from '../run-block.ts';
import type { Scorer } from '../scorer.ts';
import { type Feeds, floatsOf, floatTensor, integerTensor, zeros } from '../session.ts';
import type { CarriedCache } from './carried-cache.ts';
import { byReach, firstSeen, type Reach } from '../../checkpoint/reach.ts';
import { HIDDEN } from '../../graph/heads.ts';
import { entryFeeds, type EntrySequence } from '../entry-feeds.ts';
import { maxOf } from '../../statistics/extremes.ts';

/** The running part of one sequence in one step. */
export interface StepSequence {
  /** Index of its candidate within the group. */
  readonly candidate: number;
  /** Tokens that run, one or more. */
  readonly tokens: readonly number[];
  /** Number of tokens of the shared prefix that it sees: all or none. */
  readonly prefix: number;
  /** Number of columns of its own cache that it sees. */
  readonly columns: number;
}

/** Running tokens of several sequences, packed one after the other. */
interface StepBatch {
  readonly tokens: number;
  readonly tokenIds: Tensor;
  /** Row of each sequence's first token, and of its last one, among the packed tokens. */
  readonly firstRow: readonly number[];
  readonly lastRow: readonly number[];
  /** Candidate index of each token. */
  readonly candidateOf: Int32Array;
  /** Inputs of every block with attention except hidden states, caches, mask, bias and rotation. */
  readonly feeds: Feeds;
  /** Inputs of every block with a state except hidden states, states and mask. */
  readonly sequences: Feeds;
  readonly byPosition: Batch['byPosition'];
  readonly entries: Batch['entries'];
  /** Bias [B, 1, S, P + C + S] by `reachKey` of the model's blocks. */
  readonly biases: ReadonlyMap<string, Tensor>;
}

/** Widths of the caches that are fed. */
interface CacheWidths {
  /** Candidates with a prefix each; 1 if nothing is shared, whatever the number of candidates. */
  readonly candidates: number;
  /** P and C of the cached graph. */
  readonly prefix: number;
  readonly past: number;
}

/** Prepares sequences for one run of every block. */
export const makeStepBatch = (
  model: ModelDescriptor,
  sequences: readonly StepSequence[],
  widths: CacheWidths,
): StepBatch => {
  const lengths = sequences.map(({ tokens }) => tokens.length);
  const slots = maxOf(lengths);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const [ids, positions, candidateOf] = [new Int32Array(tokens), new Int32Array(tokens), new Int32Array(tokens)];
  const [pack, unpack] = [new Int32Array(sequences.length * slots), new Int32Array(tokens)];
  const firstRow: number[] = [];
  let row = 0;
  sequences.forEach((sequence, index) => {
    firstRow.push(row);
    pack.fill(row, index * slots, (index + 1) * slots);
    sequence.tokens.forEach((token, at) => {
      ids[row + at] = token;
      positions[row + at] = sequence.prefix + sequence.columns + at;
      candidateOf[row + at] = sequence.candidate;
      pack[index * slots + at] = row + at;
      unpack[row + at] = index * slots + at;
    });
    row += sequence.tokens.length;
  });
  const layout = {
    pack: integerTensor(pack, [sequences.length, slots]),
    unpack: integerTensor(unpack, [tokens]),
  };
  const { members, seats } = seating(sequences, widths.candidates);
  return {
    tokens,
    tokenIds: integerTensor(ids, [tokens]),
    firstRow,
    lastRow: firstRow.map((first, index) => first + (lengths[index] ?? 0) - 1),
    candidateOf,
    feeds: { ...layout, members, seats },
    sequences: { ...layout, lengths: integerTensor(lengths, [lengths.length]) },
    byPosition: positionFeeds(model, positions),
    entries: entryFeeds(model, entrySequences(sequences, firstRow, widths), slots),
    biases: byReach(model.blocks, (reach) => stepBias(sequences, reach, slots, widths)),
  };
};

/** Sequences whose tokens follow, among all at hand, those of the prefixes and of the caches. */
const entrySequences = (
  sequences: readonly StepSequence[],
  firstRow: readonly number[],
  { candidates, prefix, past }: CacheWidths,
): readonly EntrySequence[] => {
  const ofPrefixes = candidates * prefix;
  const ofCaches = sequences.length * past;
  return sequences.map((sequence, index) => {
    const table = candidates === 1 ? 0 : sequence.candidate;
    return {
      start: sequence.prefix + sequence.columns,
      before: (position) =>
        position < sequence.prefix ? table * prefix + position : ofPrefixes + index * past + position - sequence.prefix,
      firstRow: ofPrefixes + ofCaches + (firstRow[index] ?? 0),
      trunk: sequence.tokens.length,
      branches: [],
    };
  });
};

/** Assigns sequences to the seats of candidates: each candidate gets as many seats as the fullest one needs. */
const seating = (
  sequences: readonly StepSequence[],
  candidates: number,
): { readonly members: Tensor; readonly seats: Tensor } => {
  const taken = new Int32Array(candidates);
  const chosen = sequences.map(({ candidate }) => {
    const table = candidates === 1 ? 0 : candidate;
    const seat = taken[table] ?? 0;
    taken[table] = seat + 1;
    return { table, seat };
  });
  const seats = maxOf(taken);
  const members = new Int32Array(candidates * seats);
  const seatsOf = chosen.map(({ table, seat }) => table * seats + seat);
  seatsOf.forEach((seat, index) => {
    members[seat] = index;
  });
  return { members: integerTensor(members, [candidates, seats]), seats: integerTensor(seatsOf, [seatsOf.length]) };
};

/**
 * Makes the prefix, the columns of its sequence, and the tokens before it visible to each running token, in the window.
 */
const stepBias = (
  sequences: readonly StepSequence[],
  reach: Reach,
  slots: number,
  { prefix, past }: CacheWidths,
): Tensor => {
  const columns = prefix + past + slots;
  const bias = new Float32Array(sequences.length * slots * columns).fill(HIDDEN);
  sequences.forEach((sequence, index) => {
    for (let query = 0; query < sequence.tokens.length; query += 1) {
      const from = (index * slots + query) * columns;
      const position = sequence.prefix + sequence.columns + query;
      /** Makes columns from `column` on, with positions from `first` up to `end`, visible. */
      const open = (column: number, first: number, end: number): void => {
        const seen = Math.max(first, firstSeen(reach, position));
        if (seen < end) bias.fill(0, from + column + seen - first, from + column + end - first);
      };
      open(0, 0, sequence.prefix);
      open(prefix, sequence.prefix, sequence.prefix + sequence.columns);
      open(prefix + past, sequence.prefix + sequence.columns, position + 1);
    }
  });
  return floatTensor(bias, [sequences.length, 1, slots, columns]);
};

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
