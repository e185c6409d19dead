import type { Compressor, ModelDescriptor, Rotary } from '../checkpoint/descriptor.ts';
import { entrySlots } from '../graph/compressed-attention.ts';
import { HIDDEN } from '../graph/heads.ts';
import { maxOf } from '../statistics/extremes.ts';
import type { Tensor } from 'onnxruntime-node';
import { type Feeds, floatTensor, integerTensor } from './session.ts';

/** A sequence, or a tree of them, whose tokens make entries of compressed attention. */
export interface EntrySequence {
  /** Positions before its running tokens, and the row of the token at each among all tokens at hand. */
  readonly start: number;
  readonly before: (position: number) => number;
  /** Row of its first running token. */
  readonly firstRow: number;
  /** Numbers of its running tokens: of the trunk, and of the branches after it. */
  readonly trunk: number;
  readonly branches: readonly number[];
}

interface Entry {
  /** Rows of the tokens that it is made of; -1: none. */
  readonly rows: readonly number[];
  /** Position of the first token of its window. */
  readonly position: number;
  /** Slots of its sequence that see it. */
  readonly seenBy: readonly (readonly [number, number])[];
}

/** Blocks with the same key have the same entries. */
export const entriesKey = ({ every, overlapping }: Compressor): string => `${every} ${overlapping}`;

/**
 * Inputs about entries of a model's blocks by `entriesKey`: an entry for every full window of tokens along a path,
 * which the last of them and all after it on that path see. `slots`: S of the batch.
 */
export const entryFeeds = (
  { blocks }: ModelDescriptor,
  sequences: readonly EntrySequence[],
  slots: number,
): ReadonlyMap<string, Feeds> => {
  const feeds = new Map<string, Feeds>();
  for (const { compressed, rotary } of blocks) {
    const compressor = compressed?.compressor ?? null;
    if (compressor === null || rotary === null || feeds.has(entriesKey(compressor))) continue;
    const all = sequences.map((sequence) => entriesOf(sequence, compressor));
    const most = Math.max(1, maxOf(all.map(({ length }) => length)));
    const width = entrySlots(compressor);
    const count = sequences.length * most;
    const rows = new Int32Array(count * width);
    const open = new Float32Array(count * width);
    const positions = new Int32Array(count);
    const bias = new Float32Array(sequences.length * slots * most).fill(HIDDEN);
    all.forEach((entries, sequence) => {
      entries.forEach((entry, number) => {
        const at = sequence * most + number;
        positions[at] = entry.position;
        entry.rows.forEach((row, slot) => {
          rows[at * width + slot] = Math.max(0, row);
          open[at * width + slot] = row < 0 ? HIDDEN : 0;
        });
        for (const [first, end] of entry.seenBy)
          for (let slot = first; slot < end; slot += 1) bias[(sequence * slots + slot) * most + number] = 0;
      });
    });
    const { cosine, sine } = rotaryTables(positions, rotary);
    const half = rotary.dimensions / 2;
    feeds.set(entriesKey(compressor), {
      entryRows: integerTensor(rows, [sequences.length, most, width]),
      entryOpen: floatTensor(open, [sequences.length, most, width, 1]),
      entryCosine: floatTensor(cosine, [count, half]),
      entrySine: floatTensor(sine, [count, half]),
      entryNumbers: rowNumbers(count),
      entryBias: floatTensor(bias, [sequences.length, 1, slots, most]),
    });
  }
  return feeds;
};

/** Cosine and sine of each token's angles times the embedding's magnitude, [T, dimensions / 2] float32. */
export const rotaryTables = (
  positions: Int32Array,
  { frequencies, magnitude }: Rotary,
): { cosine: Float32Array; sine: Float32Array } => {
  const half = frequencies.length;
  const cosine = new Float32Array(positions.length * half);
  const sine = new Float32Array(positions.length * half);
  positions.forEach((position, row) => {
    for (let pair = 0; pair < half; pair += 1) {
      const angle = Math.fround(position * Math.fround(frequencies[pair] ?? 0));
      cosine[row * half + pair] = magnitude * Math.cos(angle);
      sine[row * half + pair] = magnitude * Math.sin(angle);
    }
  });
  return { cosine, sine };
};

/** [1, T] numbers of rows. */
export const rowNumbers = (tokens: number): Tensor =>
  integerTensor(
    Array.from({ length: tokens }, (_, index) => index),
    [1, tokens],
  );

const entriesOf = (
  { start, before, firstRow, trunk, branches }: EntrySequence,
  compressor: Compressor,
): readonly Entry[] => {
  const { every } = compressor;
  const entries: Entry[] = [];
  const all = trunk + branches.reduce((sum, length) => sum + length, 0);
  const turn = start + trunk;
  /** Entries whose last token lies from position `first` up to `end`, on the path whose branch begins at `slot`. */
  const add = (first: number, end: number, slot: number, seenBy: (last: number) => Entry['seenBy']): void => {
    const rowAt = (position: number): number => {
      if (position < 0) return -1;
      if (position < start) return before(position);
      return firstRow + (position < turn ? position - start : slot + position - turn);
    };
    for (let last = first + ((every - 1 - (first % every) + every) % every); last < end; last += every) {
      const from = last - entrySlots(compressor) + 1;
      entries.push({
        rows: Array.from({ length: last - from + 1 }, (_, index) => rowAt(from + index)),
        position: last - every + 1,
        seenBy: seenBy(last),
      });
    }
  };
  add(0, turn, trunk, (last) => [[Math.max(0, last - start), all]]);
  let slot = trunk;
  for (const length of branches) {
    const first = slot;
    add(turn, turn + length, first, (last) => [[first + last - turn, first + length]]);
    slot += length;
  }
  return entries;
};
