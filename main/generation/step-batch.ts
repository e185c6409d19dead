import type { Tensor } from 'onnxruntime-node';
import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import { HIDDEN, rotaryTables } from '../inference/batch.ts';
import { floatTensor, integerTensor, type Feeds } from '../inference/session.ts';
import { maxOf } from '../statistics/extremes.ts';

/** What runs of one sequence in one step. */
export interface StepSequence {
  /** Number of its candidate among those of the group. */
  readonly candidate: number;
  /** Tokens that run, one or more. */
  readonly tokens: readonly number[];
  /** Tokens of the shared prefix that it sees: all or none. */
  readonly prefix: number;
  /** Columns of its own cache that it sees. */
  readonly columns: number;
}

/** Tokens of several sequences that run together, packed one after the other. */
export interface StepBatch {
  readonly tokens: number;
  readonly tokenIds: Tensor;
  /** Row of each sequence's first token, and of its last one, among the packed tokens. */
  readonly firstRow: readonly number[];
  readonly lastRow: readonly number[];
  /** Number of each token's candidate. */
  readonly candidateOf: Int32Array;
  /** Inputs of every block but hidden states, caches, mask and bias. */
  readonly feeds: Feeds;
  /** Bias [B, 1, S, P + C + S] of each window that the model's blocks have (null: none). */
  readonly biases: ReadonlyMap<number | null, Tensor>;
}

/** What lies ready, as the caches that are fed have it. */
export interface CacheWidths {
  /** Candidates with a prefix each; 1 where nothing is shared, whatever the candidates. */
  readonly candidates: number;
  /** P and C of the cached graph. */
  readonly prefix: number;
  readonly past: number;
}

/** Lays sequences out for one run of every block. */
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
  const half = model.rotary.dimensions / 2;
  const { cosine, sine } = rotaryTables(positions, model.rotary);
  const { members, seats } = seating(sequences, widths.candidates);
  const windows = [...new Set(model.blocks.map(({ window }) => window))];
  return {
    tokens,
    tokenIds: integerTensor(ids, [tokens]),
    firstRow,
    lastRow: firstRow.map((first, index) => first + (lengths[index] ?? 0) - 1),
    candidateOf,
    feeds: {
      cosine: floatTensor(cosine, [tokens, half]),
      sine: floatTensor(sine, [tokens, half]),
      rows: integerTensor(
        ids.map((_, index) => index),
        [1, tokens],
      ),
      pack: integerTensor(pack, [sequences.length, slots]),
      unpack: integerTensor(unpack, [tokens]),
      members,
      seats,
    },
    biases: new Map(windows.map((window) => [window, stepBias(sequences, window, slots, widths)])),
  };
};

/** Which sequences sit with which candidate: as many seats each as the fullest candidate needs. */
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
  const own = chosen.map(({ table, seat }) => table * seats + seat);
  own.forEach((seat, index) => {
    members[seat] = index;
  });
  return { members: integerTensor(members, [candidates, seats]), seats: integerTensor(own, [own.length]) };
};

/**
 * Opens to each running token the prefix and the columns of its sequence, and the tokens before it, within the window.
 */
const stepBias = (
  sequences: readonly StepSequence[],
  window: number | null,
  slots: number,
  { prefix, past }: CacheWidths,
): Tensor => {
  const columns = prefix + past + slots;
  const bias = new Float32Array(sequences.length * slots * columns).fill(HIDDEN);
  sequences.forEach((sequence, index) => {
    for (let query = 0; query < sequence.tokens.length; query += 1) {
      const from = (index * slots + query) * columns;
      const position = sequence.prefix + sequence.columns + query;
      /** Opens columns from `column` on that hold positions from `first` up to `end`. */
      const open = (column: number, first: number, end: number): void => {
        const seen = window === null ? first : Math.max(first, position - window + 1);
        if (seen < end) bias.fill(0, from + column + seen - first, from + column + end - first);
      };
      open(0, 0, sequence.prefix);
      open(prefix, sequence.prefix, sequence.prefix + sequence.columns);
      open(prefix + past, sequence.prefix + sequence.columns, position + 1);
    }
  });
  return floatTensor(bias, [sequences.length, 1, slots, columns]);
};
